// SPDX-License-Identifier: Apache-2.0
#include "import/import_archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <limits.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "import/filter_source.h"
#include "import/gzip_source.h"

namespace dmdax {
namespace {

// A small file can be unpacked to more than anybody has: so many times what it
// has, or the first of these, if that is more; the second at most.
constexpr uint64_t kMostTimes = 256;
constexpr uint64_t kSmallUnpacked = uint64_t{512} << 20;
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

const char* OrNone(const char* text) { return text == nullptr ? "" : text; }

struct FreeArchive {
  void operator()(archive* a) const { archive_read_free(a); }
};

constexpr size_t kBlock = size_t{64} << 10;

absl::string_view TakeBlock(absl::string_view* rest) {
  const absl::string_view next = rest->substr(0, kBlock);
  rest->remove_prefix(next.size());
  return next;
}

// The bytes of a file, unpacked if it is packed, a block at a time.
class Source {
 public:
  explicit Source(absl::string_view bytes) : rest_(bytes) {
    if (GzipSource::IsGzip(bytes)) {
      gzip_ = std::make_unique<GzipSource>(bytes);
    } else if (FilterSource::IsPacked(bytes)) {
      filter_ = std::make_unique<FilterSource>(bytes);
    }
  }

  bool packed() const { return gzip_ != nullptr || filter_ != nullptr; }
  // Empty at the end.  Valid until the next call.
  absl::StatusOr<absl::string_view> Next() {
    if (gzip_ != nullptr) return gzip_->Next();
    if (filter_ != nullptr) return filter_->Next();
    return TakeBlock(&rest_);
  }

 private:
  absl::string_view rest_;
  std::unique_ptr<GzipSource> gzip_;
  std::unique_ptr<FilterSource> filter_;
};

constexpr size_t kTarHeader = 512;

bool LooksLikeTar(absl::string_view bytes) {
  constexpr size_t kMagic = 257;
  return bytes.size() > kMagic + 5 && bytes.substr(kMagic, 5) == "ustar";
}

class Visitor {
 public:
  Visitor(absl::string_view bytes, const std::string& name)
      : bytes_(bytes),
        name_(name),
        source_(bytes),
        most_unpacked_(std::clamp(bytes.size() * kMostTimes, kSmallUnpacked,
                                  kMostUnpacked)),
        archive_(archive_read_new()) {}

  absl::Status Visit(
      const std::function<absl::Status(const ArchiveMember&)>& visit) {
    archive* a = archive_.get();
    archive_read_support_format_tar(a);
    archive_read_support_format_raw(a);
    if (archive_read_open(a, this, nullptr, &Visitor::ReadBlock, nullptr) !=
        ARCHIVE_OK) {
      return Broken();
    }
    for (uint64_t members = 0;; ++members) {
      archive_entry* entry = nullptr;
      between_since_ = given_;
      const int rc = archive_read_next_header(a, &entry);
      between_since_.reset();
      if (rc == ARCHIVE_EOF) return CheckEnd();
      if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) return Broken();
      const size_t length = strlen(OrNone(archive_entry_pathname(entry)));
      if (length >= PATH_MAX) {
        return ErrnoError(ENAMETOOLONG,
                          absl::StrCat(name_, ": a path of ", length,
                                       " bytes, which no machine has: at most ",
                                       PATH_MAX - 1));
      }
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
    if (raw_ && LooksLikeTar(first_)) {
      return ErrnoError(EINVAL,
                        absl::StrCat(name_,
                                     ": no archive that can be read: the tar's "
                                     "first header is damaged, and is not "
                                     "what its checksum says"));
    }
    if (!raw_) {
      member.path = OrNone(archive_entry_pathname(entry));
      member.kind = KindOf(entry);
      member.target = OrNone(member.kind == ArchiveMember::kHardLink
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
      // A sparse file has holes between its blocks, which the archive has not.
      const auto at = static_cast<uint64_t>(offset);
      const bool fits = at <= most && size <= most - at;
      if (fits && at > text->size()) unpacked_ += at - text->size();
      if (unpacked_ > most_unpacked_) return TooMuch();
      if (!fits) {
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
      visitor->broken_ = next.status();
      archive_set_error(a, EINVAL, "%s",
                        std::string(next.status().message()).c_str());
      return -1;
    }
    *block = next->data();
    return static_cast<la_ssize_t>(next->size());
  }

  absl::StatusOr<absl::string_view> NextBlock() {
    if (between_since_ && source_.packed() &&
        given_ - *between_since_ > kMostBetween) {
      return NoFiles();
    }
    // Names are no bytes of a member, and can be as many.
    if (source_.packed() && given_ > most_unpacked_) {
      too_much_ = true;
      return TooMuch();
    }
    absl::StatusOr<absl::string_view> next = source_.Next();
    last_ = next.ok() ? *next : absl::string_view();
    if (given_ == 0) first_ = std::string(last_.substr(0, kTarHeader));
    given_ += last_.size();
    return next;
  }

  absl::Status CheckEnd() {
    if (absl::Status s = CheckBehind(); !s.ok()) return s;
    return CheckEndOfTar();
  }

  // Behind the end of a tar there are zeros, and behind those of a packed one
  // a checksum that must be read.  Another tar is another machine, or an older
  // state of this one, and which of them counts nobody knows.
  absl::Status CheckBehind() {
    archive* const a = archive_.get();
    const bool is_tar =
        (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_RAW;
    // What the tar has ended before, of the block that was given last.
    const uint64_t at = static_cast<uint64_t>(archive_filter_bytes(a, 0));
    absl::string_view left = last_;
    left.remove_prefix(left.size() -
                       std::min<uint64_t>(left.size(), given_ - at));
    for (uint64_t behind = 0;;) {
      if (is_tar && left.find_first_not_of('\0') != left.npos) {
        return ErrnoError(
            EINVAL,
            absl::StrCat(name_, ": behind the end of the tar, at byte ", at,
                         source_.packed() ? " of what is unpacked" : "",
                         ", there is more: a second archive is to be given by "
                         "itself"));
      }
      behind += left.size();
      if (source_.packed() && behind > kMostBetween) {
        broken_ = NoFiles();
        return Broken();
      }
      absl::StatusOr<absl::string_view> next = source_.Next();
      if (!next.ok()) {
        broken_ = next.status();
        return Broken();
      }
      if (next->empty()) return absl::OkStatus();
      left = *next;
    }
  }

  bool IsTar() const {
    return (archive_format(archive_.get()) & ARCHIVE_FORMAT_BASE_MASK) ==
           ARCHIVE_FORMAT_TAR;
  }

  // Two blocks of zeros end a tar; without them it may have been cut between
  // two members, which a compressed one can not be unnoticed.
  absl::Status CheckEndOfTar() const {
    constexpr size_t kEnd = 1024;
    if (!IsTar() || source_.packed() ||
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

  static absl::Status NoFiles() {
    return ErrnoError(EFBIG,
                      absl::StrCat("unpacked it has more than ", kMostBetween,
                                   " bytes in which there is no file"));
  }

  absl::Status TooMuch() const {
    return ErrnoError(EFBIG,
                      absl::StrCat(name_, ": unpacked it has more than ",
                                   most_unpacked_, " bytes, too many for ",
                                   bytes_.size(), " that are packed"));
  }

  absl::Status Broken() const {
    if (too_much_) return TooMuch();
    if (!broken_.ok()) {
      return ErrnoError(ErrnoOf(broken_),
                        absl::StrCat(name_, ": no archive that can be read: ",
                                     broken_.message()));
    }
    const char* why = archive_error_string(archive_.get());
    return ErrnoError(EINVAL,
                      absl::StrCat(name_, ": no archive that can be read: ",
                                   why == nullptr ? "unknown error" : why));
  }

  const absl::string_view bytes_;
  const std::string& name_;
  Source source_;
  absl::Status broken_;  // what is wrong with what it is read from
  const uint64_t most_unpacked_;
  std::string first_;       // what it begins with, unpacked
  absl::string_view last_;  // the block that libarchive has got last
  uint64_t given_ = 0;      // bytes of blocks
  std::unique_ptr<archive, FreeArchive> archive_;
  bool too_much_ = false;  // of them
  bool read_ = false;
  bool raw_ = false;
  bool raw_is_cut_ = false;
  uint64_t unpacked_ = 0;  // of members
  // While a member is looked for: how much had been given before.
  std::optional<uint64_t> between_since_;
};

}  // namespace

bool LooksLikeArchive(absl::string_view bytes) {
  return GzipSource::IsGzip(bytes) || FilterSource::IsPacked(bytes) ||
         LooksLikeTar(bytes);
}

std::string UnpackedBeginning(absl::string_view bytes) {
  Source source(bytes);
  if (!source.packed()) return "";
  const absl::StatusOr<absl::string_view> first = source.Next();
  return first.ok() ? std::string(*first) : "";
}

absl::Status VisitArchive(
    absl::string_view bytes, const std::string& name,
    const std::function<absl::Status(const ArchiveMember&)>& visit) {
  return Visitor(bytes, name).Visit(visit);
}

}  // namespace dmdax
