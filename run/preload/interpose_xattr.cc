// SPDX-License-Identifier: Apache-2.0
//
// Extended attributes, for which `ls -l` asks.  The machine's names have none,
// and get none: as devtmpfs, which takes no "user." ones of a device.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "run/preload/libc.h"
#include "run/preload/path.h"

using namespace dmdax::preload;  // for what is in front of libc's names

namespace {

// Whether there is such a name, and it is the machine's.
bool IsMachines(const Path& path, int flags) {
  const KeepErrno keep;
  struct stat st;
  return path.in_tree() && NEXT(fstatat)(AT_FDCWD, path.get(), &st, flags) == 0;
}

}  // namespace

EXPORT ssize_t getxattr(const char* said, const char* name, void* value,
                        size_t size) noexcept {
  const Path path(said);
  return NEXT(getxattr)(path.get(), name, value, size);
}
EXPORT ssize_t lgetxattr(const char* said, const char* name, void* value,
                         size_t size) noexcept {
  const Path path(said);
  return NEXT(lgetxattr)(path.get(), name, value, size);
}
EXPORT ssize_t listxattr(const char* said, char* list, size_t size) noexcept {
  const Path path(said);
  return NEXT(listxattr)(path.get(), list, size);
}
EXPORT ssize_t llistxattr(const char* said, char* list, size_t size) noexcept {
  const Path path(said);
  return NEXT(llistxattr)(path.get(), list, size);
}
EXPORT int setxattr(const char* said, const char* name, const void* value,
                    size_t size, int flags) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  if (IsMachines(path, 0)) return Result(EPERM);
  return NEXT(setxattr)(path.get(), name, value, size, flags);
}
EXPORT int lsetxattr(const char* said, const char* name, const void* value,
                     size_t size, int flags) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kKeep);
  if (IsMachines(path, AT_SYMLINK_NOFOLLOW)) return Result(EPERM);
  return NEXT(lsetxattr)(path.get(), name, value, size, flags);
}
EXPORT int removexattr(const char* said, const char* name) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  if (IsMachines(path, 0)) return Result(EPERM);
  return NEXT(removexattr)(path.get(), name);
}
EXPORT int lremovexattr(const char* said, const char* name) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kKeep);
  if (IsMachines(path, AT_SYMLINK_NOFOLLOW)) return Result(EPERM);
  return NEXT(lremovexattr)(path.get(), name);
}
