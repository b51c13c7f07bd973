// SPDX-License-Identifier: Apache-2.0
#include "import/import_archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

// A small file can be unpacked to more than anybody has.
constexpr uint64_t kMostUnpacked = uint64_t{4} << 30;
constexpr uint64_t kMostMembers = uint64_t{1} << 20;

struct FreeArchive {
  void operator()(archive* a) const { archive_read_free(a); }
};

class Visitor {
 public:
  Visitor(absl::string_view bytes, const std::string& name)
      : bytes_(bytes), name_(name), archive_(archive_read_new()) {}

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
    if (archive_read_open_memory(a, bytes_.data(), bytes_.size()) !=
        ARCHIVE_OK) {
      return Broken();
    }
    for (uint64_t members = 0;; ++members) {
      archive_entry* entry = nullptr;
      const int rc = archive_read_next_header(a, &entry);
      if (rc == ARCHIVE_EOF) return CheckEnd();
      if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) return Broken();
      if (members == kMostMembers) {
        return ErrnoError(EFBIG, absl::StrCat(name_, ": more than ",
                                              kMostMembers, " members"));
      }
      const bool raw = archive_format(a) == ARCHIVE_FORMAT_RAW;
      if (!raw && archive_entry_filetype(entry) != AE_IFREG) continue;
      const char* path = raw ? "" : archive_entry_pathname(entry);
      ArchiveMember member{.path = path == nullptr ? "" : path};
      read_ = false;
      member.read = [this](size_t most) { return Read(most); };
      if (absl::Status s = visit(member); !s.ok()) return s;
      // What is skipped is unpacked all the same.
      if (!read_) {
        absl::StatusOr<std::string> rest = Read(0);
        if (!rest.ok() && ErrnoOf(rest.status()) != ENOSPC) {
          return rest.status();
        }
      }
    }
  }

 private:
  // ENOSPC: it has more than `most`; all of it is read in any case.
  absl::StatusOr<std::string> Read(size_t most) {
    read_ = true;
    std::string text;
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
      if (unpacked_ > kMostUnpacked) {
        return ErrnoError(EFBIG, absl::StrCat(name_,
                                              ": unpacked it has more "
                                              "than ",
                                              kMostUnpacked, " bytes"));
      }
      // A sparse file has holes between its blocks.
      const auto at = static_cast<uint64_t>(offset);
      if (at > most || size > most - at) {
        more = true;
      } else {
        text.resize(at);
        text.append(static_cast<const char*>(block), size);
      }
    }
    if (more) return ErrnoError(ENOSPC, "too large");
    return text;
  }

  // Two blocks of zeros end a tar; without them it may have been cut between
  // two members, which a compressed one can not be unnoticed.
  absl::Status CheckEnd() const {
    constexpr size_t kEnd = 1024;
    archive* a = archive_.get();
    if ((archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR ||
        archive_filter_code(a, 0) != ARCHIVE_FILTER_NONE ||
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

  absl::Status Broken() const {
    const char* why = archive_error_string(archive_.get());
    return ErrnoError(EINVAL,
                      absl::StrCat(name_, ": no archive that can be read: ",
                                   why == nullptr ? "unknown error" : why));
  }

  const absl::string_view bytes_;
  const std::string& name_;
  std::unique_ptr<archive, FreeArchive> archive_;
  bool read_ = false;
  uint64_t unpacked_ = 0;
};

}  // namespace

absl::Status VisitArchive(
    absl::string_view bytes, const std::string& name,
    const std::function<absl::Status(const ArchiveMember&)>& visit) {
  return Visitor(bytes, name).Visit(visit);
}

}  // namespace dmdax
