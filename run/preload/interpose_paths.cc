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

// Tells of it if it was done.
int Told(int result, const Path& path) {
  if (result == 0) TellChanged(path);
  return result;
}
int Told(int result, const Path& from, const Path& to) {
  if (result == 0) TellChanged(from, to);
  return result;
}

int MakeNode(int dir, const Path& path, mode_t mode, dev_t dev) {
  const int fd = NEXT(openat)(dir, path.get(),
                              O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fd;
  const mode_t mask = umask(0);
  umask(mask);
  const mode_t rights = (mode & 0777 & ~mask) | 0600;
  timespec times[2] = {};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = static_cast<time_t>(DMDAX_DEV(major(dev), minor(dev)));
  times[1].tv_nsec =
      DMDAX_NODE_NSEC + (S_ISBLK(mode) ? DMDAX_KIND_BLOCK : DMDAX_KIND_CHAR);
  int error = 0;
  if (NEXT(fchmod)(fd, (DMDAX_NODE_MODE & 07000) | rights) != 0 ||
      futimens(fd, times) != 0) {
    error = errno;
  }
  NEXT(close)(fd);
  if (error != 0) NEXT(unlinkat)(dir, path.get(), 0);
  return Result(error);
}

int MknodAt(int dir, const char* said, mode_t mode, dev_t dev) {
  const Path path(dir, said);
  // Whoever may not do so on the host can do it here.
  if (HaveMachine() && (S_ISBLK(mode) || S_ISCHR(mode))) {
    return Told(MakeNode(dir, path, mode, dev), path);
  }
  return NEXT(mknodat)(dir, path.get(), mode, dev);
}

// What belongs to nobody but the program's user is root's here.
bool OwnersAreOurs(int dir, const Path& path) {
  return path.in_tree() || NodeAt(dir, path.get());
}

int ChownAt(int dir, const char* said, uid_t uid, gid_t gid, int flags) {
  const Path path(dir, said);
  // It would take the marks away by which a node is known.
  if (OwnersAreOurs(dir, path)) {
    return NEXT(faccessat)(dir, path.get(), F_OK, 0);
  }
  return NEXT(fchownat)(dir, path.get(), uid, gid, flags);
}

int ChmodAt(int dir, const char* said, mode_t mode, int flags) {
  const Path path(dir, said);
  if (NodeAt(dir, path.get())) {
    mode = (mode & 0777) | 0600 | (DMDAX_NODE_MODE & 07000);
  }
  return NEXT(fchmodat)(dir, path.get(), mode, flags);
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

// Also by a name from a directory that is open, or the current one, on.
bool IsControlNode(int dir, const Path& path) {
  if (path.in_tree()) return run::IsControlNode(path.get());
  const char* const name = path.get();
  if (name == nullptr || *name == '/') return false;
  const char* const slash = strrchr(name, '/');
  if (strcmp(slash == nullptr ? name : slash + 1, "control") != 0) return false;
  char full[PATH_MAX];
  ssize_t length = -1;
  if (dir == AT_FDCWD) {
    if (NEXT(getcwd)(full, sizeof(full)) != nullptr) {
      length = static_cast<ssize_t>(strlen(full));
    }
  } else {
    char link[32];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
    length = NEXT(readlink)(link, full, sizeof(full) - 1);
  }
  if (length < 0 ||
      static_cast<size_t>(length) + strlen(name) + 2 > sizeof(full)) {
    return false;
  }
  full[length] = '/';
  strcpy(full + length + 1, name);
  return WithoutTree(full) != full && run::IsControlNode(full);
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int access(const char* said, int mode) noexcept {
  const Path path(said);
  return NEXT(access)(path.get(), mode);
}
EXPORT int euidaccess(const char* said, int mode) noexcept {
  const Path path(said);
  return NEXT(euidaccess)(path.get(), mode);
}
EXPORT int eaccess(const char* said, int mode) noexcept {
  const Path path(said);
  return NEXT(eaccess)(path.get(), mode);
}
EXPORT int faccessat(int dir, const char* said, int mode, int flags) noexcept {
  const Path path(dir, said);
  return NEXT(faccessat)(dir, path.get(), mode, flags);
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
  const Path path(said);
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
EXPORT char* get_current_dir_name() noexcept {
  return Shown(NEXT(get_current_dir_name)());
}
EXPORT int chdir(const char* said) noexcept {
  const Path path(said);
  return NEXT(chdir)(path.get());
}

EXPORT int mknod(const char* path, mode_t mode, dev_t dev) noexcept {
  return MknodAt(AT_FDCWD, path, mode, dev);
}
EXPORT int mknodat(int dir, const char* path, mode_t mode, dev_t dev) noexcept {
  return MknodAt(dir, path, mode, dev);
}
EXPORT int unlink(const char* said) noexcept {
  const Path path(said);
  if (IsControlNode(AT_FDCWD, path)) return Result(EPERM);
  return Told(NEXT(unlink)(path.get()), path);
}
EXPORT int unlinkat(int dir, const char* said, int flags) noexcept {
  const Path path(dir, said);
  if (IsControlNode(dir, path)) return Result(EPERM);
  return Told(NEXT(unlinkat)(dir, path.get(), flags), path);
}
EXPORT int remove(const char* said) noexcept {
  const Path path(said);
  if (IsControlNode(AT_FDCWD, path)) return Result(EPERM);
  return Told(NEXT(remove)(path.get()), path);
}
EXPORT int rmdir(const char* said) noexcept {
  const Path path(said);
  return Told(NEXT(rmdir)(path.get()), path);
}
EXPORT int mkdir(const char* said, mode_t mode) noexcept {
  const Path path(said);
  return NEXT(mkdir)(path.get(), mode);
}
EXPORT int mkdirat(int dir, const char* said, mode_t mode) noexcept {
  const Path path(dir, said);
  return NEXT(mkdirat)(dir, path.get(), mode);
}
EXPORT int rename(const char* from_said, const char* to_said) noexcept {
  const Path from(from_said), to(to_said);
  return Told(NEXT(rename)(from.get(), to.get()), from, to);
}
EXPORT int renameat(int from_dir, const char* from_said, int to_dir,
                    const char* to_said) noexcept {
  const Path from(from_dir, from_said), to(to_dir, to_said);
  return Told(NEXT(renameat)(from_dir, from.get(), to_dir, to.get()), from, to);
}
EXPORT int renameat2(int from_dir, const char* from_said, int to_dir,
                     const char* to_said, unsigned flags) noexcept {
  const Path from(from_dir, from_said), to(to_dir, to_said);
  return Told(NEXT(renameat2)(from_dir, from.get(), to_dir, to.get(), flags),
              from, to);
}
EXPORT int link(const char* from_said, const char* to_said) noexcept {
  const Path from(from_said), to(to_said);
  return Told(NEXT(link)(from.get(), to.get()), from, to);
}
EXPORT int linkat(int from_dir, const char* from_said, int to_dir,
                  const char* to_said, int flags) noexcept {
  const Path from(from_dir, from_said), to(to_dir, to_said);
  return Told(NEXT(linkat)(from_dir, from.get(), to_dir, to.get(), flags), from,
              to);
}
// A link in the tree leads to the tree.
EXPORT int symlink(const char* target_said, const char* said) noexcept {
  const Path target(target_said), path(said);
  return Told(NEXT(symlink)(target.get(), path.get()), path);
}
EXPORT int symlinkat(const char* target_said, int dir,
                     const char* said) noexcept {
  const Path target(target_said), path(dir, said);
  return Told(NEXT(symlinkat)(target.get(), dir, path.get()), path);
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
EXPORT int fchmod(int fd, mode_t mode) noexcept {
  return FileOf(fd) ? 0 : NEXT(fchmod)(fd, mode);
}

EXPORT int statfs(const char* said, struct statfs* st) noexcept {
  const Path path(said);
  return NEXT(statfs)(path.get(), st);
}
EXPORT int statfs64(const char* said, struct statfs64* st) noexcept {
  const Path path(said);
  return NEXT(statfs64)(path.get(), st);
}
EXPORT int statvfs(const char* said, struct statvfs* st) noexcept {
  const Path path(said);
  return NEXT(statvfs)(path.get(), st);
}
EXPORT int statvfs64(const char* said, struct statvfs64* st) noexcept {
  const Path path(said);
  return NEXT(statvfs64)(path.get(), st);
}
EXPORT int inotify_add_watch(int fd, const char* said, uint32_t mask) noexcept {
  const Path path(said);
  return NEXT(inotify_add_watch)(fd, path.get(), mask);
}
