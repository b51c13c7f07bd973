// SPDX-License-Identifier: Apache-2.0
//
// Calls with paths: in the machine's directories they are done to its tree.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "run/preload/client.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/path.h"

namespace dmdax::preload {
namespace {

// What belongs to nobody but the program's user is root's here.
bool OwnersAreOurs(int dir, const Path& path) {
  return path.in_tree() || NodeAt(dir, path.get());
}

LastLink LastOf(int flags) {
  return (flags & AT_SYMLINK_NOFOLLOW) != 0 ? LastLink::kKeep
                                            : LastLink::kFollow;
}

int ChownAt(int dir, const char* said, uid_t uid, gid_t gid, int flags) {
  const Path path(dir, said, LastOf(flags));
  // It would take the marks away by which a node is known.
  if (OwnersAreOurs(dir, path)) {
    return NEXT(faccessat)(dir, path.get(), F_OK, 0);
  }
  return NEXT(fchownat)(dir, path.get(), uid, gid, flags);
}

int ChmodAt(int dir, const char* said, mode_t mode, int flags) {
  const Path path(dir, said, LastOf(flags));
  if (NodeAt(dir, path.get())) {
    mode = (mode & 0777) | 0600 | (DMDAX_NODE_MODE & 07000);
  }
  return NEXT(fchmodat)(dir, path.get(), mode, flags);
}

int AccessAt(int dir, const char* said, int mode, int flags) {
  const Path path(dir, said);
  const int result = NEXT(faccessat)(dir, path.get(), mode, flags);
  if (result == 0 || errno != ENOENT || path.in_tree()) return result;
  // A link that leads to what the machine alone has.
  const Path followed(dir, said, LastOf(flags));
  if (!followed.in_tree()) return Result(ENOENT);
  return NEXT(faccessat)(AT_FDCWD, followed.get(), mode, flags);
}

// "/proc/self/fd/7" of a device is its node's path.
int FdOfProc(const char* path) {
  int fd = -1;
  char end;
  char own[32];
  snprintf(own, sizeof(own), "/proc/%d/fd/%%d%%c", getpid());
  if (path == nullptr) return -1;
  if (sscanf(path, "/proc/self/fd/%d%c", &fd, &end) == 1) return fd;
  if (sscanf(path, "/dev/fd/%d%c", &fd, &end) == 1) return fd;
  return sscanf(path, own, &fd, &end) == 1 ? fd : -1;
}

bool NodePathOf(const File& file, char* out, size_t size) {
  if (file.kind == DMDAX_KIND_CHAR) {
    return snprintf(out, size, "%s",
                    file.IsControl() ? "/dev/mapper/control"
                                     : "/dev/loop-control") > 0;
  }
  if (file.kind != DMDAX_KIND_BLOCK) return false;
  char link[PATH_MAX + 64], to[PATH_MAX];
  snprintf(link, sizeof(link), "%s/sys/dev/block/%u:%u", Tree(),
           DMDAX_MAJOR(file.dev), DMDAX_MINOR(file.dev));
  const ssize_t n = NEXT(readlink)(link, to, sizeof(to) - 1);
  if (n <= 0) return false;
  to[n] = '\0';
  return snprintf(out, size, "/dev/%s", strrchr(to, '/') + 1) > 0;
}

ssize_t ReadlinkAt(int dir, const char* said, char* buffer, size_t size) {
  char to[PATH_MAX];
  if (const int fd = FdOfProc(said); fd >= 0) {
    const File file = FileOf(fd);
    if (file && NodePathOf(file, to, sizeof(to))) {
      const size_t n = strnlen(to, size);
      memcpy(buffer, to, n);
      return static_cast<ssize_t>(n);
    }
  }
  const Path path(dir, said);
  if (!TreeWasSeen()) return NEXT(readlinkat)(dir, path.get(), buffer, size);
  ssize_t n = NEXT(readlinkat)(dir, path.get(), to, sizeof(to) - 1);
  if (n < 0) return n;
  to[n] = '\0';
  const char* const text = WithoutTree(to);
  n = static_cast<ssize_t>(strnlen(text, size));
  memcpy(buffer, text, static_cast<size_t>(n));
  return n;
}

// The answer of libc, which may be in the tree, as the program is to see it.
char* Shown(char* path) {
  if (path == nullptr) return nullptr;
  const char* const shown = WithoutTree(path);
  if (shown != path) memmove(path, shown, strlen(shown) + 1);
  return path;
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int access(const char* said, int mode) noexcept {
  return AccessAt(AT_FDCWD, said, mode, 0);
}
EXPORT int euidaccess(const char* said, int mode) noexcept {
  return AccessAt(AT_FDCWD, said, mode, AT_EACCESS);
}
EXPORT int eaccess(const char* said, int mode) noexcept {
  return AccessAt(AT_FDCWD, said, mode, AT_EACCESS);
}
EXPORT int faccessat(int dir, const char* said, int mode, int flags) noexcept {
  return AccessAt(dir, said, mode, flags);
}

EXPORT ssize_t readlink(const char* path, char* buffer, size_t size) noexcept {
  return ReadlinkAt(AT_FDCWD, path, buffer, size);
}
EXPORT ssize_t readlinkat(int dir, const char* path, char* buffer,
                          size_t size) noexcept {
  return ReadlinkAt(dir, path, buffer, size);
}
EXPORT ssize_t __readlink_chk(const char* path, char* buffer, size_t size,
                              size_t) {
  return ReadlinkAt(AT_FDCWD, path, buffer, size);
}
EXPORT ssize_t __readlinkat_chk(int dir, const char* path, char* buffer,
                                size_t size, size_t) {
  return ReadlinkAt(dir, path, buffer, size);
}
EXPORT char* realpath(const char* said, char* buffer) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  return Shown(NEXT(realpath)(path.get(), buffer));
}
EXPORT char* __realpath_chk(const char* path, char* buffer, size_t) {
  return realpath(path, buffer);
}
EXPORT char* canonicalize_file_name(const char* path) noexcept {
  return realpath(path, nullptr);
}
EXPORT char* getcwd(char* buffer, size_t size) noexcept {
  return Shown(NEXT(getcwd)(buffer, size));
}
EXPORT char* __getcwd_chk(char* buffer, size_t size, size_t) {
  return getcwd(buffer, size);
}
EXPORT char* getwd(char* buffer) noexcept { return getcwd(buffer, PATH_MAX); }
EXPORT char* __getwd_chk(char* buffer, size_t) {
  return getcwd(buffer, PATH_MAX);
}
EXPORT char* get_current_dir_name() noexcept {
  return Shown(NEXT(get_current_dir_name)());
}
EXPORT int chdir(const char* said) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  return NEXT(chdir)(path.get());
}

EXPORT int chown(const char* path, uid_t uid, gid_t gid) noexcept {
  return ChownAt(AT_FDCWD, path, uid, gid, 0);
}
EXPORT int lchown(const char* path, uid_t uid, gid_t gid) noexcept {
  return ChownAt(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}
EXPORT int fchownat(int dir, const char* path, uid_t uid, gid_t gid,
                    int flags) noexcept {
  return ChownAt(dir, path, uid, gid, flags);
}
EXPORT int fchown(int fd, uid_t uid, gid_t gid) noexcept {
  return FileOf(fd) ? 0 : NEXT(fchown)(fd, uid, gid);
}
EXPORT int chmod(const char* path, mode_t mode) noexcept {
  return ChmodAt(AT_FDCWD, path, mode, 0);
}
EXPORT int fchmodat(int dir, const char* path, mode_t mode,
                    int flags) noexcept {
  return ChmodAt(dir, path, mode, flags);
}
EXPORT int lchmod(const char* path, mode_t mode) noexcept {
  return ChmodAt(AT_FDCWD, path, mode, AT_SYMLINK_NOFOLLOW);
}
EXPORT int fchmod(int fd, mode_t mode) noexcept {
  return FileOf(fd) ? 0 : NEXT(fchmod)(fd, mode);
}

EXPORT int statfs(const char* said, struct statfs* st) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  return NEXT(statfs)(path.get(), st);
}
EXPORT int statfs64(const char* said, struct statfs64* st) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  return NEXT(statfs64)(path.get(), st);
}
EXPORT int statvfs(const char* said, struct statvfs* st) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  return NEXT(statvfs)(path.get(), st);
}
EXPORT int statvfs64(const char* said, struct statvfs64* st) noexcept {
  const Path path(AT_FDCWD, said, LastLink::kFollow);
  return NEXT(statvfs64)(path.get(), st);
}
EXPORT long pathconf(const char* said, int name) noexcept {
  const Path path(said);
  return NEXT(pathconf)(path.get(), name);
}
EXPORT int name_to_handle_at(int dir, const char* said, file_handle* handle,
                             int* mount, int flags) noexcept {
  const Path path(dir, said);
  return NEXT(name_to_handle_at)(dir, path.get(), handle, mount, flags);
}
EXPORT int inotify_add_watch(int fd, const char* said, uint32_t mask) noexcept {
  const Path path(said);
  return NEXT(inotify_add_watch)(fd, path.get(), mask);
}
