// SPDX-License-Identifier: Apache-2.0
//
// Calls that set the times of a name, or its length.  A node's time is its
// number and stays what it is; a device has no length to be set.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/path.h"

namespace dmdax::preload {
namespace {

bool IsNode(int dir, const char* path, LastLink last) {
  const KeepErrno keep;
  struct stat st;
  const int flags = last == LastLink::kKeep ? AT_SYMLINK_NOFOLLOW : 0;
  return path != nullptr && NEXT(fstatat)(dir, path, &st, flags) == 0 &&
         NodeOf(st);
}

// Of a descriptor, which O_PATH may have opened.
bool IsNode(int fd) {
  const KeepErrno keep;
  struct stat st;
  return NEXT(fstat)(fd, &st) == 0 && (NodeOf(st) || FileOf(st));
}

int TruncateAt(const char* said, off_t size) {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  if (IsNode(AT_FDCWD, path.get(), LastLink::kFollow)) return Result(EINVAL);
  return NEXT(truncate64)(path.get(), size);
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int utimensat(int dir, const char* said, const timespec times[2],
                     int flags) noexcept {
  if (said == nullptr || (*said == '\0' && (flags & AT_EMPTY_PATH) != 0)) {
    if (IsNode(dir)) return 0;
    return NEXT(utimensat)(dir, said, times, flags);
  }
  const LastLink last =
      (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::kKeep : LastLink::kFollow;
  const Path path(dir, said, last);
  if (IsNode(dir, path.get(), last)) return 0;
  return NEXT(utimensat)(dir, path.get(), times, flags);
}
EXPORT int futimens(int fd, const timespec times[2]) noexcept {
  return IsNode(fd) ? 0 : NEXT(futimens)(fd, times);
}
EXPORT int futimes(int fd, const timeval times[2]) noexcept {
  return IsNode(fd) ? 0 : NEXT(futimes)(fd, times);
}
EXPORT int utimes(const char* said, const timeval times[2]) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  if (IsNode(AT_FDCWD, path.get(), LastLink::kFollow)) return 0;
  return NEXT(utimes)(path.get(), times);
}
EXPORT int lutimes(const char* said, const timeval times[2]) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kKeep);
  if (IsNode(AT_FDCWD, path.get(), LastLink::kKeep)) return 0;
  return NEXT(lutimes)(path.get(), times);
}
EXPORT int futimesat(int dir, const char* said,
                     const timeval times[2]) noexcept {
  if (said == nullptr) return futimes(dir, times);
  const Path path(dir, said, LastLink::kFollow);
  if (IsNode(dir, path.get(), LastLink::kFollow)) return 0;
  return NEXT(futimesat)(dir, path.get(), times);
}
EXPORT int utime(const char* said, const utimbuf* times) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  if (IsNode(AT_FDCWD, path.get(), LastLink::kFollow)) return 0;
  return NEXT(utime)(path.get(), times);
}

EXPORT int truncate64(const char* path, off_t size) noexcept {
  return TruncateAt(path, size);
}
EXPORT int truncate(const char* path, off_t size) noexcept {
  return TruncateAt(path, size);
}
