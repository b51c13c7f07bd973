// SPDX-License-Identifier: Apache-2.0
//
// stat(2) and its family: a node is a device, and so is what stands behind a
// descriptor of one.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "run/preload/client.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/path.h"

namespace dmdax::preload {
namespace {

using run::MakeDevice;

// Makes a device of what stands for one.
void Convert(struct stat* st) {
  if (const Node node = NodeOf(*st)) {
    return MakeDevice(node.kind, node.dev, st->st_mode & 0777, st);
  }
  const File file = FileOf(*st);
  if (!file) return;
  if (file.kind == DMDAX_KIND_BLOCK || file.kind == DMDAX_KIND_CHAR) {
    return MakeDevice(file.kind, file.dev, file.IsControl() ? 0600 : 0660, st);
  }
  st->st_mode = S_IFREG | 0644;
  st->st_size = 4096;
}

int StatFile(int fd, struct stat* st) {
  const int result = NEXT(fstat)(fd, st);
  if (result == 0) Convert(st);
  return result;
}

LastLink LastOf(int flags) {
  return (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::kKeep
                                            : LastLink::kFollow;
}

// Whether a link may have led to the host's, or to what the machine alone has.
bool LooksElsewhere(const Path& path, const char* said, int result,
                    const struct stat& st) {
  if (path.in_tree() || !HaveMachine()) return false;
  return result != 0 ? errno == ENOENT : MayBeHostsOwn(said, st);
}

int StatAt(int dir, const char* said, struct stat* st, int flags) {
  if (said != nullptr && *said == '\0' && (flags & AT_EMPTY_PATH) != 0 &&
      dir >= 0) {
    return StatFile(dir, st);
  }
  const Path path(dir, said);
  const int result = NEXT(fstatat)(dir, path.get(), st, flags);
  if (LooksElsewhere(path, said, result, *st)) {
    const Path followed(dir, said, LastOf(flags));
    if (followed.in_tree()) {
      return StatAt(AT_FDCWD, WithoutTree(followed.get()), st, flags);
    }
  }
  if (result != 0) return result;
  Convert(st);
  if (HaveMachine() && said != nullptr && strcmp(said, "/") == 0 &&
      major(st->st_dev) != 0) {
    run::HideRootsNumber(said, Tree(), st);
  }
  return 0;
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
  const int result = NEXT_OR_CALL(statx, dir, path.get(), flags,
                                  mask | STATX_BASIC_STATS, stx);
  struct stat st = {};
  if (result == 0) {
    st.st_mode = stx->stx_mode;
    st.st_ino = stx->stx_ino;
    st.st_dev = makedev(stx->stx_dev_major, stx->stx_dev_minor);
  }
  if (LooksElsewhere(path, said, result, st)) {
    const Path followed(dir, said, LastOf(flags));
    if (followed.in_tree()) {
      return statx(AT_FDCWD, WithoutTree(followed.get()), flags, mask, stx);
    }
  }
  if (result != 0) return result;
  st.st_mtim.tv_sec = stx->stx_mtime.tv_sec;
  st.st_mtim.tv_nsec = stx->stx_mtime.tv_nsec;
  Convert(&st);
  if (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode)) {
    if (st.st_mode != stx->stx_mode) MakeDevice(st, stx);
  } else if (st.st_mode != stx->stx_mode) {  // an attribute
    stx->stx_mode = static_cast<uint16_t>(st.st_mode);
    stx->stx_size = static_cast<uint64_t>(st.st_size);
  }
  return 0;
}
