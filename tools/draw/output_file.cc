// SPDX-License-Identifier: Apache-2.0
#include "tools/draw/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

absl::Status Failed(const std::string& path, int err) {
  return ErrnoError(err, absl::StrCat(path, ": ", strerror(err)));
}

// 0 or an errno.
int WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

// Behind what is there, where a file may be written to at all.
absl::Status WriteInPlace(const std::string& path, absl::string_view bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd < 0) return Failed(path, errno);
  int err = WriteAll(fd, bytes);
  if (close(fd) != 0 && err == 0) err = errno;
  return err == 0 ? absl::OkStatus() : Failed(path, err);
}

// Where a path leads.
struct Target {
  enum Kind {
    kPlace,       // `path`, where there is no link, and maybe nothing
    kDescriptor,  // our own `fd`: /dev/stdout, /dev/fd/3
    kOpenFile,    // what another process has open; a name is not all of it
  } kind = kPlace;
  std::string path;
  int fd = -1;
};

// Below /proc/PID/fd links are no names: what they lead to may have none, and
// is written to where its owner has come to.
Target OpenFileOf(const std::string& dir, const std::string& base,
                  const std::string& path) {
  Target target{.kind = Target::kOpenFile, .path = path};
  absl::string_view pid = dir;
  if (!absl::ConsumePrefix(&pid, "/proc/")) return {.path = path};
  absl::string_view rest = pid.substr(std::min(pid.find('/'), pid.size()));
  pid.remove_suffix(rest.size());
  if (absl::ConsumePrefix(&rest, "/task/")) {
    rest.remove_prefix(std::min(rest.find('/'), rest.size()));
  }
  if (rest != "/fd") return {.path = path};
  if (pid == absl::StrCat(getpid()) && absl::SimpleAtoi(base, &target.fd)) {
    target.kind = Target::kDescriptor;
  }
  return target;
}

// Follows links to the end, which need not be there yet.  Not realpath(3),
// which goes by the names even of what is only open.
absl::StatusOr<Target> Follow(const std::string& path) {
  constexpr int kMaxLinks = 40;  // MAXSYMLINKS
  std::string at = path;
  for (int links = 0; links <= kMaxLinks; ++links) {
    const size_t slash = at.rfind('/');
    const std::string dir = slash == at.npos ? "."
                            : slash == 0     ? "/"
                                             : at.substr(0, slash);
    const std::string base = slash == at.npos ? at : at.substr(slash + 1);
    if (base.empty()) return Failed(path, EISDIR);
    char real[PATH_MAX];
    if (realpath(dir.c_str(), real) == nullptr) return Failed(path, errno);
    const std::string here =
        absl::StrCat(strcmp(real, "/") == 0 ? "" : real, "/", base);
    char to[PATH_MAX];
    const ssize_t size = readlink(here.c_str(), to, sizeof(to));
    if (size < 0) {
      if (errno == EINVAL || errno == ENOENT) return Target{.path = here};
      return Failed(path, errno);
    }
    Target open = OpenFileOf(real, base, here);
    if (open.kind != Target::kPlace) return open;
    const std::string link(to, static_cast<size_t>(size));
    at = !link.empty() && link[0] == '/' ? link : absl::StrCat(real, "/", link);
  }
  return Failed(path, ELOOP);
}

// A file that does not exist gets the rights that open(2) would give it.
mode_t NewMode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

}  // namespace

absl::Status WriteOutputFile(const std::string& path, absl::string_view bytes) {
  struct stat st;
  const bool exists = stat(path.c_str(), &st) == 0;
  if (!exists && errno != ENOENT) return Failed(path, errno);
  if (exists && S_ISDIR(st.st_mode)) return Failed(path, EISDIR);
  const absl::StatusOr<Target> target = Follow(path);
  if (!target.ok()) return target.status();
  if (target->kind == Target::kDescriptor) {
    const int err = WriteAll(target->fd, bytes);
    return err == 0 ? absl::OkStatus() : Failed(path, err);
  }
  if (target->kind == Target::kOpenFile || (exists && !S_ISREG(st.st_mode))) {
    return WriteInPlace(path, bytes);
  }
  // Of a fixed length: the file's own name may be as long as names can be.
  std::string beside = absl::StrCat(
      target->path.substr(0, target->path.rfind('/') + 1), ".dmdax-XXXXXX");
  const int fd = mkostemp(beside.data(), O_CLOEXEC);
  if (fd < 0) return Failed(path, errno);
  int err = WriteAll(fd, bytes);
  const mode_t mode = exists ? st.st_mode & 07777 : NewMode();
  if (err == 0 && fchmod(fd, mode) != 0) err = errno;
  if (close(fd) != 0 && err == 0) err = errno;
  if (err == 0 && rename(beside.c_str(), target->path.c_str()) != 0) {
    err = errno;
  }
  if (err == 0) return absl::OkStatus();
  unlink(beside.c_str());
  return Failed(path, err);
}

}  // namespace dmdax
