// SPDX-License-Identifier: Apache-2.0
#include "import/import_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "import/gzip_source.h"

namespace dmdax {
namespace {

// A small file can be unpacked to more than anybody has.
constexpr uint64_t kMostUnpacked = uint64_t{4} << 30;
// Behind its last member a tar may have zeros; there is no end to them.
constexpr uint64_t kMostBetween = uint64_t{64} << 20;
constexpr uint64_t kMostMembers = uint64_t{1} << 20;

ArchiveMember::Kind KindOf(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return ArchiveMember::kHardLink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
      return ArchiveMember::kFile;
    case AE_IFLNK:
      return ArchiveMember::kSymbolicLink;
    case AE_IFDIR:
      return ArchiveMember::kDirectory;
    default:
      return ArchiveMember::kOther;
  }
}

std::string OrEmpty(const char* text) { return text == nullptr ? "" : text; }

struct FreeArchive {
  void operator()(archive* a) const { archive_read_free(a); }
};

class Visitor {
 public:
  Visitor(absl::string_view bytes, const std::string& name)
      : bytes_(bytes), rest_(bytes), name_(name), archive_(archive_read_new()) {
    if (GzipSource::IsGzip(bytes)) gzip_.emplace(bytes);
  }

  absl::Status Visit(
      const std::function<absl::Status(const ArchiveMember&)>& visit) {
    archive* a = archive_.get();
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_format_tar(a);
    // What was appended with cat is read too.
    archive_read_set_format_option(a, "tar", "read_concatenated_archives", "1");
    archive_read_support_format_raw(a);
    if (archive_read_open(a, this, nullptr, &Visitor::ReadBlock, nullptr) !=
        ARCHIVE_OK) {
      return Broken();
    }
    for (uint64_t members = 0;; ++members) {
      archive_entry* entry = nullptr;
      between_since_ = Unpacked();
      const int rc = archive_read_next_header(a, &entry);
      between_since_.reset();
      if (rc == ARCHIVE_EOF) return CheckEnd();
      if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) return Broken();
      if (members == kMostMembers) {
        return ErrnoError(EFBIG, absl::StrCat(name_, ": more than ",
                                              kMostMembers, " members"));
      }
      absl::Status s = VisitOne(entry, visit);
      if (!s.ok() || raw_is_cut_) return s;
    }
  }

 private:
  absl::Status VisitOne(
      archive_entry* entry,
      const std::function<absl::Status(const ArchiveMember&)>& visit) {
    ArchiveMember member;
    raw_ = archive_format(archive_.get()) == ARCHIVE_FORMAT_RAW;
    if (!raw_) {
      member.path = OrEmpty(archive_entry_pathname(entry));
      member.kind = KindOf(entry);
      member.target = OrEmpty(member.kind == ArchiveMember::kHardLink
                                  ? archive_entry_hardlink(entry)
                                  : archive_entry_symlink(entry));
    }
    read_ = false;
    member.read = [this](size_t most, std::string* text) {
      return Read(most, text);
    };
    if (absl::Status s = visit(member); !s.ok()) return s;
    if (read_) return absl::OkStatus();
    // What is skipped is unpacked all the same.
    std::string none;
    absl::Status rest = Read(0, &none);
    return ErrnoOf(rest) == ENOSPC ? absl::OkStatus() : rest;
  }

  // ENOSPC: it has more than `most`.  All of a member is read in any case; of
  // what is no archive nothing comes behind it.
  absl::Status Read(size_t most, std::string* text) {
    read_ = true;
    bool more = false;
    for (;;) {
      const void* block = nullptr;
      size_t size = 0;
      la_int64_t offset = 0;
      const int rc =
          archive_read_data_block(archive_.get(), &block, &size, &offset);
      if (rc == ARCHIVE_EOF) break;
      if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) return Broken();
      unpacked_ += size;
      if (unpacked_ > kMostUnpacked) return TooMuch();
      // A sparse file has holes between its blocks.
      const auto at = static_cast<uint64_t>(offset);
      if (at > most || size > most - at) {
        more = true;
        raw_is_cut_ = raw_;
        if (raw_) break;
      } else {
        text->resize(at);
        text->append(static_cast<const char*>(block), size);
      }
    }
    return more ? ErrnoError(ENOSPC, "too large") : absl::OkStatus();
  }

  // archive_read_callback(): what the archive is read from.
  static la_ssize_t ReadBlock(archive* a, void* self, const void** block) {
    auto* const visitor = static_cast<Visitor*>(self);
    absl::StatusOr<absl::string_view> next = visitor->NextBlock();
    if (!next.ok()) {
      visitor->source_ = next.status();
      archive_set_error(a, EINVAL, "%s",
                        std::string(next.status().message()).c_str());
      return -1;
    }
    *block = next->data();
    return static_cast<la_ssize_t>(next->size());
  }

  absl::StatusOr<absl::string_view> NextBlock() {
    if (between_since_ && IsPacked() &&
        Unpacked() - *between_since_ > kMostBetween) {
      return ErrnoError(EFBIG,
                        absl::StrCat("unpacked it has more than ", kMostBetween,
                                     " bytes in which there is no file"));
    }
    if (gzip_) {
      absl::StatusOr<absl::string_view> next = gzip_->Next();
      if (next.ok()) ungzipped_ += next->size();
      return next;
    }
    constexpr size_t kBlock = size_t{64} << 10;
    const absl::string_view next = rest_.substr(0, kBlock);
    rest_.remove_prefix(next.size());
    return next;
  }

  // What libarchive has looked at so far.
  uint64_t Unpacked() const {
    const la_int64_t bytes = archive_filter_bytes(archive_.get(), 0);
    return std::max(ungzipped_,
                    static_cast<uint64_t>(std::max(la_int64_t{0}, bytes)));
  }

  bool IsPacked() const {
    return gzip_.has_value() ||
           archive_filter_code(archive_.get(), 0) != ARCHIVE_FILTER_NONE;
  }

  absl::Status CheckEnd() {
    if (absl::Status s = ReadToEnd(); !s.ok()) return s;
    return CheckEndOfTar();
  }

  // The checksum comes last.
  absl::Status ReadToEnd() {
    if (!gzip_) return absl::OkStatus();
    for (uint64_t behind = 0; behind <= kMostBetween;) {
      absl::StatusOr<absl::string_view> next = gzip_->Next();
      if (!next.ok()) {
        source_ = next.status();
        return Broken();
      }
      if (next->empty()) return absl::OkStatus();
      behind += next->size();
    }
    return TooMuch();
  }

  // Two blocks of zeros end a tar; without them it may have been cut between
  // two members, which a compressed one can not be unnoticed.
  absl::Status CheckEndOfTar() const {
    constexpr size_t kEnd = 1024;
    archive* a = archive_.get();
    if ((archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR ||
        IsPacked() ||
        (bytes_.size() >= kEnd &&
         bytes_.substr(bytes_.size() - kEnd).find_first_not_of('\0') ==
             bytes_.npos)) {
      return absl::OkStatus();
    }
    return ErrnoError(
        EINVAL, absl::StrCat(name_, ": the tar ends after ", bytes_.size(),
                             " bytes without the two blocks of zeros that "
                             "end one: is it cut?"));
  }

  absl::Status TooMuch() const {
    return ErrnoError(EFBIG, absl::StrCat(name_, ": unpacked it has more than ",
                                          kMostUnpacked, " bytes"));
  }

  absl::Status Broken() const {
    if (!source_.ok()) {
      return ErrnoError(ErrnoOf(source_),
                        absl::StrCat(name_, ": no archive that can be read: ",
                                     source_.message()));
    }
    const char* why = archive_error_string(archive_.get());
    return ErrnoError(EINVAL,
                      absl::StrCat(name_, ": no archive that can be read: ",
                                   why == nullptr ? "unknown error" : why));
  }

  const absl::string_view bytes_;
  absl::string_view rest_;
  const std::string& name_;
  std::optional<GzipSource> gzip_;
  absl::Status source_;  // what is wrong with what it is read from
  std::unique_ptr<archive, FreeArchive> archive_;
  bool read_ = false;
  bool raw_ = false;
  bool raw_is_cut_ = false;
  uint64_t unpacked_ = 0;   // of members
  uint64_t ungzipped_ = 0;  // by gzip_
  // While a member is looked for: how much had been unpacked before.
  std::optional<uint64_t> between_since_;
};

}  // namespace

absl::Status VisitArchive(
    absl::string_view bytes, const std::string& name,
    const std::function<absl::Status(const ArchiveMember&)>& visit) {
  return Visitor(bytes, name).Visit(visit);
}

}  // namespace dmdax
