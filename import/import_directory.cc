// SPDX-License-Identifier: Apache-2.0
//
// The files of a directory.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <compare>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "base/read_input.h"
#include "import/import_collector.h"
#include "import/import_paths.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostRead = uint64_t{4} << 30;
constexpr uint64_t kMostEntries = uint64_t{1} << 20;
// Enough to tell what a file is that has too much.
constexpr size_t kBeginning = size_t{1} << 20;

// A file of a directory: where, and whether by a link.
struct Found {
  bool link;
  std::string full, inner;
  auto operator<=>(const Found&) const = default;
};

class Directory {
 public:
  explicit Directory(const std::string& path)
      : path_(path), collector_(path, Collector::kDirectory) {}

  absl::StatusOr<ImportRead> Read() {
    if (absl::Status s = Walk(path_, ""); !s.ok()) return s;
    // A link may lead to a file that is there anyway, which goes first.
    std::sort(files_.begin(), files_.end());
    for (const Found& file : files_) {
      if (absl::Status s = ReadFile(file); !s.ok()) return s;
    }
    return collector_.Finish();
  }

 private:
  // `inner` is "" or ends with a slash.
  absl::Status Walk(const fs::path& directory, const std::string& inner) {
    std::error_code error;
    fs::directory_iterator it(directory, error);
    for (; !error && it != fs::directory_iterator(); it.increment(error)) {
      if (++entries_ > kMostEntries) {
        return ErrnoError(EFBIG, absl::StrCat("'", path_, "': more than ",
                                              kMostEntries, " files"));
      }
      absl::Status s = Look(it->path(), inner + it->path().filename().string());
      if (!s.ok()) return s;
    }
    if (!error) return absl::OkStatus();
    if (!inner.empty()) {
      if (IsImportDirectory(inner)) {
        collector_.LeaveOut(inner, ErrnoText(error.value()));
      }
      return absl::OkStatus();
    }
    return ErrnoError(
        error.value(),
        absl::StrCat("'", path_, "': ", ErrnoText(error.value())));
  }

  absl::Status Look(const fs::path& full, const std::string& inner) {
    std::error_code error, ignored;
    const bool link = fs::is_symlink(fs::symlink_status(full, ignored));
    const fs::file_status is = fs::status(full, error);
    if (fs::is_directory(is)) {
      if (!link) return Walk(full, inner + "/");
      LookAtLink(full, inner);
      return absl::OkStatus();
    }
    if (!IsImportPath(inner)) return absl::OkStatus();
    if (fs::is_regular_file(is)) {
      files_.push_back({link, full.string(), inner});
    } else if (is.type() == fs::file_type::not_found) {
      // Of these a report has many.
      collector_.LeaveOutNamed(inner, "a link that leads nowhere");
    } else if (error) {
      collector_.LeaveOut(inner, ErrnoText(error.value()));
    } else {
      collector_.LeaveOut(inner, "no regular file");
    }
    return absl::OkStatus();
  }

  // It may lead back to where it is, so it is not followed; what is below it
  // may be looked at where it is.
  void LookAtLink(const fs::path& full, const std::string& inner) {
    if (!IsImportPath(absl::StrCat(inner, "/x"))) return;
    std::error_code error;
    const fs::path top = fs::canonical(path_, error);
    const fs::path target = fs::canonical(full, error);
    const std::string at = target.lexically_relative(top).string();
    const bool within = !error && at != ".." && !absl::StartsWith(at, "../");
    // sysfs is full of links to what is of no use.
    if (InSys(inner) || (within && (at == "." || IsImportDirectory(at))))
      return;
    collector_.LeaveOut(inner, "a link to a directory that is not looked at");
  }

  absl::Status ReadFile(const Found& file) {
    // What is no file any more is not waited for.
    const Fd fd(
        open(file.full.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat st;
    if (!fd.ok() || fstat(fd.get(), &st) != 0) return CannotRead(file, errno);
    if (!S_ISREG(st.st_mode)) {
      collector_.LeaveOut(file.inner, "no regular file");
      return absl::OkStatus();
    }
    if (!seen_.insert({st.st_dev, st.st_ino}).second) return absl::OkStatus();
    const bool whole =
        static_cast<uint64_t>(st.st_size) <= Collector::kMostMember;
    absl::StatusOr<std::string> text =
        whole ? ReadFd(fd.get(), file.inner, Collector::kMostMember)
              : Beginning(fd);
    if (!text.ok()) return CannotRead(file, ErrnoOf(text.status()));
    bytes_ += text->size();
    if (bytes_ > kMostRead) {
      return ErrnoError(EFBIG, absl::StrCat("'", path_, "': more than ",
                                            kMostRead, " bytes in its files"));
    }
    return collector_.Offer(file.inner, *std::move(text),
                            whole ? Collector::kWhole : Collector::kBeginning);
  }

  // Without what its reader may not see the rest counts; where the medium fails
  // nobody knows what else is missing.  Attributes of a live sysfs answer EIO
  // by themselves.
  absl::Status CannotRead(const Found& file, int err) {
    if (err != EIO || InSys(file.inner)) {
      collector_.LeaveOut(file.inner, ErrnoText(err));
      return absl::OkStatus();
    }
    return ErrnoError(
        err, absl::StrCat("'", path_, "': ", file.inner, ": ", ErrnoText(err)));
  }

  static bool InSys(absl::string_view inner) {
    return absl::StartsWith(inner, "sys/") || absl::StrContains(inner, "/sys/");
  }

  static absl::StatusOr<std::string> Beginning(const Fd& fd) {
    std::string text(kBeginning, '\0');
    absl::StatusOr<size_t> n =
        ReadBlock(fd.get(), "", text.data(), text.size());
    if (!n.ok()) return n.status();
    text.resize(*n);
    return text;
  }

  const std::string path_;
  Collector collector_;
  std::vector<Found> files_;
  std::set<std::pair<dev_t, ino_t>> seen_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<ImportRead> ReadImportDirectory(const std::string& path) {
  return Directory(path).Read();
}

}  // namespace dmdax
