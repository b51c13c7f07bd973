// SPDX-License-Identifier: Apache-2.0
//
// stat(2) and its family: a node is a device, and so is what stands behind a
// descriptor of one.
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/path.h"

namespace dmdax::preload {
namespace {

mode_t TypeOf(uint32_t kind) {
  return kind == DMDAX_KIND_BLOCK ? S_IFBLK : S_IFCHR;
}

void MakeDevice(uint32_t kind, uint64_t dev, mode_t rights, struct stat* st) {
  st->st_mode = TypeOf(kind) | rights;
  st->st_rdev = makedev(DMDAX_MAJOR(dev), DMDAX_MINOR(dev));
  st->st_size = 0;
  st->st_blocks = 0;
  st->st_mtim = st->st_ctim;  // the node's own says its number
}

int Stat(int dir, const Path& path, struct stat* st, int flags) {
  const int result = NEXT(fstatat)(dir, path.get(), st, flags);
  if (result != 0) return result;
  if (const Node node = NodeOf(*st)) {
    MakeDevice(node.kind, node.dev, st->st_mode & 0777, st);
  }
  return 0;
}

int StatAt(int dir, const char* path, struct stat* st, int flags);

int StatFile(int fd, struct stat* st) {
  const int result = NEXT(fstat)(fd, st);
  if (result != 0) return result;
  if (const Node node = NodeOf(*st)) {  // O_PATH
    MakeDevice(node.kind, node.dev, st->st_mode & 0777, st);
    return 0;
  }
  if (st->st_mode != DMDAX_FD_MODE) return 0;
  const File file = FileOf(fd);
  if (!file) return 0;
  if (file.kind == DMDAX_KIND_BLOCK || file.kind == DMDAX_KIND_CHAR) {
    MakeDevice(file.kind, file.dev, file.IsControl() ? 0600 : 0660, st);
  } else {
    st->st_mode = S_IFREG | 0644;
    st->st_size = 4096;
  }
  return 0;
}

int StatAt(int dir, const char* said, struct stat* st, int flags) {
  if (said != nullptr && *said == '\0' && (flags & AT_EMPTY_PATH) != 0 &&
      dir >= 0) {
    return StatFile(dir, st);
  }
  const Path path(dir, said);
  return Stat(dir, path, st, flags);
}

// On the machines that we run on they are the same.
static_assert(sizeof(struct stat) == sizeof(struct stat64));
struct stat* Plain(struct stat64* st) {
  return reinterpret_cast<struct stat*>(st);
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int stat(const char* path, struct stat* st) noexcept {
  return StatAt(AT_FDCWD, path, st, 0);
}
EXPORT int lstat(const char* path, struct stat* st) noexcept {
  return StatAt(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}
EXPORT int fstat(int fd, struct stat* st) noexcept { return StatFile(fd, st); }
EXPORT int fstatat(int dir, const char* path, struct stat* st,
                   int flags) noexcept {
  return StatAt(dir, path, st, flags);
}
EXPORT int stat64(const char* path, struct stat64* st) noexcept {
  return StatAt(AT_FDCWD, path, Plain(st), 0);
}
EXPORT int lstat64(const char* path, struct stat64* st) noexcept {
  return StatAt(AT_FDCWD, path, Plain(st), AT_SYMLINK_NOFOLLOW);
}
EXPORT int fstat64(int fd, struct stat64* st) noexcept {
  return StatFile(fd, Plain(st));
}
EXPORT int fstatat64(int dir, const char* path, struct stat64* st,
                     int flags) noexcept {
  return StatAt(dir, path, Plain(st), flags);
}
// What programs call that were linked with an older glibc.
EXPORT int __xstat(int, const char* path, struct stat* st) {
  return StatAt(AT_FDCWD, path, st, 0);
}
EXPORT int __lxstat(int, const char* path, struct stat* st) {
  return StatAt(AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW);
}
EXPORT int __fxstat(int, int fd, struct stat* st) { return StatFile(fd, st); }
EXPORT int __fxstatat(int, int dir, const char* path, struct stat* st,
                      int flags) {
  return StatAt(dir, path, st, flags);
}
EXPORT int __xstat64(int, const char* path, struct stat64* st) {
  return StatAt(AT_FDCWD, path, Plain(st), 0);
}
EXPORT int __lxstat64(int, const char* path, struct stat64* st) {
  return StatAt(AT_FDCWD, path, Plain(st), AT_SYMLINK_NOFOLLOW);
}
EXPORT int __fxstat64(int, int fd, struct stat64* st) {
  return StatFile(fd, Plain(st));
}
EXPORT int __fxstatat64(int, int dir, const char* path, struct stat64* st,
                        int flags) {
  return StatAt(dir, path, Plain(st), flags);
}

EXPORT int statx(int dir, const char* said, int flags, unsigned mask,
                 struct statx* stx) noexcept {
  const Path path(dir, said);
  // The time has a node's number.
  const int result =
      NEXT(statx)(dir, path.get(), flags, mask | STATX_BASIC_STATS, stx);
  if (result != 0) return result;
  struct stat st = {};
  st.st_mode = stx->stx_mode;
  st.st_mtim.tv_sec = stx->stx_mtime.tv_sec;
  st.st_mtim.tv_nsec = stx->stx_mtime.tv_nsec;
  if (const Node node = NodeOf(st)) {
    MakeDevice(node.kind, node.dev, st.st_mode & 0777, &st);
  } else if (st.st_mode == DMDAX_FD_MODE && said != nullptr && *said == '\0' &&
             dir >= 0 && StatFile(dir, &st) == 0) {
    stx->stx_size = static_cast<uint64_t>(st.st_size);
  } else {
    return 0;
  }
  stx->stx_mode = static_cast<uint16_t>(st.st_mode);
  stx->stx_rdev_major = major(st.st_rdev);
  stx->stx_rdev_minor = minor(st.st_rdev);
  stx->stx_mtime = stx->stx_ctime;
  return 0;
}
