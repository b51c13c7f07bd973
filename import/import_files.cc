// SPDX-License-Identifier: Apache-2.0
#include "import/import_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/read_input.h"
#include "import/import_archive.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

// One file of a collection, and all of them.
constexpr size_t kMostMember = size_t{64} << 20;
constexpr uint64_t kMostKept = uint64_t{1} << 30;
constexpr uint64_t kMostRead = uint64_t{4} << 30;
constexpr uint64_t kMostEntries = uint64_t{1} << 20;

// Of these a sosreport has many, and some look like what they are not.
bool InUnusedPart(const std::vector<absl::string_view>& parts, size_t i) {
  const absl::string_view top = parts[i];
  const auto rest = [&](size_t k) {
    return i + k < parts.size() ? parts[i + k] : absl::string_view();
  };
  for (absl::string_view unused : {"var", "usr", "boot", "run", "dev",
                                   "sos_logs", "sos_reports", "sos_strings"}) {
    if (top == unused) return true;
  }
  if (top == "etc") return rest(1) != "lvm" || rest(2) != "backup";
  if (top != "proc") return false;
  for (absl::string_view used : {"iomem", "partitions", "devices", "mounts",
                                 "mdstat", "cmdline", "version"}) {
    if (rest(1) == used) return false;
  }
  return rest(1) != "self" || rest(2) != "mounts";
}

// Formats that many files look like count by the file's name too.
bool NameFits(const ImportFormat& format, absl::string_view path) {
  const absl::string_view name = path.substr(path.rfind('/') + 1);
  if (&format == &kKernelImport) {
    return absl::StrContains(name, "uname") || name == "version";
  }
  if (&format == &kBootLineImport) return absl::StrContains(name, "cmdline");
  // dmsetup status and ls have the forms of table and info.
  return !absl::StrContains(name, "status") &&
         !absl::StrContains(name, "history");
}

class Collector {
 public:
  enum Kind { kDirectory, kArchive };

  Collector(std::string name, Kind kind)
      : name_(std::move(name)), directory_(kind == kDirectory) {}

  // Keeps it if some format takes it.
  absl::Status Offer(const std::string& path, std::string text) {
    auto input =
        MakeImportInput(absl::StrCat(name_, path.empty() ? "" : ":", path),
                        path.empty() ? name_ : path, std::move(text));
    const ImportFormat* format = DetectImport(*input);
    if (format == nullptr) return absl::OkStatus();
    if (!path.empty() && !NameFits(*format, path)) return absl::OkStatus();
    kept_ += input->text.size();
    if (kept_ > kMostKept) {
      return ErrnoError(EFBIG, absl::StrCat(name_, ": more than ", kMostKept,
                                            " bytes to read"));
    }
    inputs_.push_back(std::move(input));
    return absl::OkStatus();
  }

  absl::StatusOr<ImportRead> Finish() {
    if (inputs_.empty()) {
      return ErrnoError(directory_ ? EISDIR : EINVAL,
                        absl::StrCat("'", name_, "': ",
                                     directory_ ? "Is a directory, and n" : "n",
                                     "othing in it can be imported (dmdax "
                                     "import --help)"));
    }
    // The order of a directory is nobody's intention.
    std::sort(inputs_.begin(), inputs_.end(),
              [](const auto& a, const auto& b) { return a->path < b->path; });
    return ImportRead{std::move(inputs_), ImportSource::kCollection};
  }

 private:
  const std::string name_;
  const bool directory_;
  ImportInputs inputs_;
  uint64_t kept_ = 0;
};

// A file of a directory: where, and whether by a link.
struct Found {
  bool link;
  std::string full, inner;
  auto operator<=>(const Found&) const = default;
};

absl::StatusOr<std::vector<Found>> FindFiles(const std::string& path) {
  std::vector<Found> files;
  std::error_code error;
  fs::recursive_directory_iterator it(
      path, fs::directory_options::skip_permission_denied, error);
  uint64_t entries = 0;
  for (; !error && it != fs::recursive_directory_iterator();
       it.increment(error)) {
    if (++entries > kMostEntries) {
      return ErrnoError(EFBIG, absl::StrCat("'", path, "': more than ",
                                            kMostEntries, " files"));
    }
    const std::string full = it->path().string();
    std::string inner = full.substr(
        std::min(full.size(), path.size() + (path.back() == '/' ? 0 : 1)));
    std::error_code ignored;
    if (!IsImportPath(inner) || !it->is_regular_file(ignored)) continue;
    files.push_back({it->is_symlink(ignored), full, std::move(inner)});
  }
  if (error) {
    return ErrnoError(error.value(),
                      absl::StrCat("'", path, "': ", ErrnoText(error.value())));
  }
  // A link may lead to a file that is there anyway, which goes first.
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<ImportRead> ReadDirectory(const std::string& path) {
  absl::StatusOr<std::vector<Found>> files = FindFiles(path);
  if (!files.ok()) return files.status();
  Collector collector(path, Collector::kDirectory);
  std::set<std::pair<dev_t, ino_t>> seen;
  uint64_t bytes = 0;
  for (const Found& file : *files) {
    // What is no file any more is not waited for.
    const int fd =
        open(file.full.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) continue;
    struct stat st;
    const bool read = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                      static_cast<uint64_t>(st.st_size) <= kMostMember &&
                      seen.insert({st.st_dev, st.st_ino}).second;
    absl::StatusOr<std::string> text =
        read ? ReadFd(fd, file.inner, kMostMember) : std::string();
    close(fd);
    if (!read || !text.ok()) continue;
    bytes += text->size();
    if (bytes > kMostRead) {
      return ErrnoError(EFBIG, absl::StrCat("'", path, "': more than ",
                                            kMostRead, " bytes in its files"));
    }
    absl::Status s = collector.Offer(file.inner, *std::move(text));
    if (!s.ok()) return s;
  }
  return collector.Finish();
}

}  // namespace

bool IsImportPath(absl::string_view path) {
  const std::vector<absl::string_view> parts =
      absl::StrSplit(path, '/', absl::SkipEmpty());
  if (parts.empty()) return false;
  // A report's top is one level down, below its name.
  for (size_t i = 0; i < std::min<size_t>(2, parts.size() - 1); ++i) {
    if (InUnusedPart(parts, i)) return false;
  }
  // Of sysfs nothing but disks and persistent memory is read.
  const bool sys = parts[0] == "sys" || (parts.size() > 1 && parts[1] == "sys");
  if (!sys) return true;
  return absl::StrContains(path, "/block/") || absl::StrContains(path, "/nd") ||
         absl::StrContains(path, "/region");
}

std::unique_ptr<ImportInput> MakeImportInput(std::string name, std::string path,
                                             std::string text) {
  if (absl::StartsWith(text, "\xef\xbb\xbf")) text.erase(0, 3);
  return std::make_unique<ImportInput>(
      ImportInput{std::move(name), std::move(path), std::move(text)});
}

bool LooksLikeArchive(absl::string_view bytes) {
  constexpr size_t kTarMagic = 257;
  return absl::StartsWith(bytes, "\x1f\x8b") ||
         absl::StartsWith(bytes, absl::string_view("\xfd"
                                                   "7zXZ\0",
                                                   6)) ||
         absl::StartsWith(bytes, "BZh") ||
         absl::StartsWith(bytes, "\x28\xb5\x2f\xfd") ||
         (bytes.size() > kTarMagic + 5 &&
          bytes.substr(kTarMagic, 5) == "ustar");
}

absl::StatusOr<ImportRead> ReadImportBytes(std::string bytes,
                                           const std::string& name) {
  if (!LooksLikeArchive(bytes)) {
    ImportRead read;
    read.inputs.push_back(MakeImportInput(name, name, std::move(bytes)));
    return read;
  }
  Collector collector(name, Collector::kArchive);
  absl::Status s = VisitArchive(bytes, name, [&](const ArchiveMember& member) {
    const std::string path(absl::StripPrefix(member.path, "./"));
    if (!path.empty() && !IsImportPath(path)) return absl::OkStatus();
    absl::StatusOr<std::string> text = member.read(kMostMember);
    if (!text.ok()) {
      return ErrnoOf(text.status()) == ENOSPC ? absl::OkStatus()
                                              : text.status();
    }
    return collector.Offer(path, *std::move(text));
  });
  if (!s.ok()) return s;
  return collector.Finish();
}

absl::StatusOr<ImportRead> ReadImportFiles(const std::string& path) {
  struct stat st;
  if (path != "-" && stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
    return ReadDirectory(path);
  }
  absl::StatusOr<std::string> bytes = ReadInput(path);
  if (!bytes.ok()) return bytes.status();
  return ReadImportBytes(*std::move(bytes), InputName(path));
}

}  // namespace dmdax
