// SPDX-License-Identifier: Apache-2.0
#include "tools/draw/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
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

absl::Status WriteInPlace(const std::string& path, absl::string_view bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return Failed(path, errno);
  int err = WriteAll(fd, bytes);
  if (close(fd) != 0 && err == 0) err = errno;
  return err == 0 ? absl::OkStatus() : Failed(path, err);
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
  if (exists && !S_ISREG(st.st_mode)) return WriteInPlace(path, bytes);
  std::string target = path;
  // Through a symbolic link, which stays one.
  if (char real[PATH_MAX]; exists && realpath(path.c_str(), real) != nullptr) {
    target = real;
  }
  std::string beside = absl::StrCat(target, ".XXXXXX");
  const int fd = mkostemp(beside.data(), O_CLOEXEC);
  if (fd < 0) return Failed(path, errno);
  int err = WriteAll(fd, bytes);
  const mode_t mode = exists ? st.st_mode & 07777 : NewMode();
  if (err == 0 && fchmod(fd, mode) != 0) err = errno;
  if (close(fd) != 0 && err == 0) err = errno;
  if (err == 0 && rename(beside.c_str(), target.c_str()) != 0) err = errno;
  if (err == 0) return absl::OkStatus();
  unlink(beside.c_str());
  return Failed(path, err);
}

}  // namespace dmdax
