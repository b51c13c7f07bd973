// SPDX-License-Identifier: Apache-2.0
//
// Calls that make, remove or rename a name: in the machine's directories they
// are done to its tree, and the machine is told.  Names below /sys and /proc
// are a kernel's alone.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
  return result == 0 ? Result(TellChanged(path)) : result;
}
int Told(int result, const Path& from, const Path& to) {
  return result == 0 ? Result(TellChanged(from, to)) : result;
}

// Also by a name from a directory that is open, or the current one, on.
bool IsControlNode(const Path& path) {
  const char* const name = path.get();
  if (name == nullptr) return false;
  const char* const slash = strrchr(name, '/');
  if (strcmp(slash == nullptr ? name : slash + 1, "control") != 0) return false;
  if (path.in_tree()) return run::IsControlNode(name);
  char machine[PATH_MAX];
  return path.MachinePath(machine, sizeof(machine)) &&
         strcmp(machine, "/dev/mapper/control") == 0;
}

// What a kernel says of a name that is to be made or changed below /sys or
// /proc: an errno; 0: it is not there.
int KernelsOwn(const Path& path, int none, int some) {
  char at[PATH_MAX];
  if (!HaveMachine() || !path.MachinePath(at, sizeof(at)) ||
      (strncmp(at, "/sys/", 5) != 0 && strncmp(at, "/proc/", 6) != 0)) {
    return 0;
  }
  const KeepErrno keep;
  struct stat st;
  return NEXT(fstatat)(path.dir(), path.get(), &st, AT_SYMLINK_NOFOLLOW) == 0
             ? some
             : none;
}
int MakeError(const Path& path) { return KernelsOwn(path, EPERM, EEXIST); }
int ChangeError(const Path& path) {
  if (IsControlNode(path)) return EPERM;
  return KernelsOwn(path, ENOENT, EPERM);
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
  const Path path(dir, said, LastLink::kKeep);
  // Whoever may not do so on the host can do it here.
  if (HaveMachine() && (S_ISBLK(mode) || S_ISCHR(mode))) {
    return Told(MakeNode(dir, path, mode, dev), path);
  }
  if (const int error = MakeError(path)) return Result(error);
  return NEXT(mknodat)(dir, path.get(), mode, dev);
}

// The text of a link.  One to the machine's leads into the tree, where the
// kernel and the server can follow it; one that leads out of the tree says all
// of the way.
int SymlinkAt(const char* said_target, int dir, const char* said) {
  const Path path(dir, said, LastLink::kKeep);
  char text[PATH_MAX], clean[PATH_MAX], whole[2 * PATH_MAX];
  const char* target = said_target;
  if (HaveMachine() && target != nullptr && path.Whole(text, sizeof(text))) {
    char* const slash = strrchr(text, '/');
    const bool from_root = target[0] == '/';
    if (slash != nullptr) *slash = '\0';
    snprintf(whole, sizeof(whole), "%s/%s", from_root ? "" : text, target);
    char there[PATH_MAX];
    const bool link_is_machines = path.MachinePath(there, sizeof(there));
    if (IsMachinesPath(whole, clean)) {
      if (from_root || !link_is_machines) {
        snprintf(whole, sizeof(whole), "%s/%s", Tree(), clean);
        target = whole;
      }
    } else if (!from_root && link_is_machines) {
      target = whole;
    }
  }
  if (const int error = MakeError(path)) return Result(error);
  return Told(NEXT(symlinkat)(target, dir, path.get()), path);
}

int UnlinkAt(int dir, const char* said, int flags) {
  const Path path(dir, said, LastLink::kKeep);
  if (const int error = ChangeError(path)) return Result(error);
  return Told(NEXT(unlinkat)(dir, path.get(), flags), path);
}

int MkdirAt(int dir, const char* said, mode_t mode) {
  const Path path(dir, said, LastLink::kKeep);
  if (const int error = MakeError(path)) return Result(error);
  return NEXT(mkdirat)(dir, path.get(), mode);
}

int RenameAt(int from_dir, const char* from_said, int to_dir,
             const char* to_said, unsigned flags) {
  const Path from(from_dir, from_said, LastLink::kKeep);
  const Path to(to_dir, to_said, LastLink::kKeep);
  int error = ChangeError(from);
  if (error == 0) error = KernelsOwn(to, EPERM, EPERM);
  if (error != 0) return Result(error);
  return Told(
      NEXT_OR_CALL(renameat2, from_dir, from.get(), to_dir, to.get(), flags),
      from, to);
}

int LinkAt(int from_dir, const char* from_said, int to_dir, const char* to_said,
           int flags) {
  const Path from(
      from_dir, from_said,
      (flags & AT_SYMLINK_FOLLOW) != 0 ? LastLink::kFollow : LastLink::kKeep);
  const Path to(to_dir, to_said, LastLink::kKeep);
  if (const int error = MakeError(to)) return Result(error);
  return Told(NEXT(linkat)(from_dir, from.get(), to_dir, to.get(), flags), from,
              to);
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int mknod(const char* path, mode_t mode, dev_t dev) noexcept {
  return MknodAt(AT_FDCWD, path, mode, dev);
}
EXPORT int mknodat(int dir, const char* path, mode_t mode, dev_t dev) noexcept {
  return MknodAt(dir, path, mode, dev);
}
// What programs call that were linked with an older glibc.
EXPORT int __xmknod(int, const char* path, mode_t mode, dev_t* dev) {
  return MknodAt(AT_FDCWD, path, mode, *dev);
}
EXPORT int __xmknodat(int, int dir, const char* path, mode_t mode, dev_t* dev) {
  return MknodAt(dir, path, mode, *dev);
}
EXPORT int mkfifo(const char* path, mode_t mode) noexcept {
  return MknodAt(AT_FDCWD, path, mode | S_IFIFO, 0);
}
EXPORT int mkfifoat(int dir, const char* path, mode_t mode) noexcept {
  return MknodAt(dir, path, mode | S_IFIFO, 0);
}
EXPORT int unlink(const char* path) noexcept {
  return UnlinkAt(AT_FDCWD, path, 0);
}
EXPORT int unlinkat(int dir, const char* path, int flags) noexcept {
  return UnlinkAt(dir, path, flags);
}
EXPORT int rmdir(const char* path) noexcept {
  return UnlinkAt(AT_FDCWD, path, AT_REMOVEDIR);
}
EXPORT int remove(const char* path) noexcept {
  const int result = UnlinkAt(AT_FDCWD, path, 0);
  return result != 0 && errno == EISDIR ? rmdir(path) : result;
}
EXPORT int mkdir(const char* path, mode_t mode) noexcept {
  return MkdirAt(AT_FDCWD, path, mode);
}
EXPORT int mkdirat(int dir, const char* path, mode_t mode) noexcept {
  return MkdirAt(dir, path, mode);
}
EXPORT int rename(const char* from, const char* to) noexcept {
  return RenameAt(AT_FDCWD, from, AT_FDCWD, to, 0);
}
EXPORT int renameat(int from_dir, const char* from, int to_dir,
                    const char* to) noexcept {
  return RenameAt(from_dir, from, to_dir, to, 0);
}
EXPORT int renameat2(int from_dir, const char* from, int to_dir, const char* to,
                     unsigned flags) noexcept {
  return RenameAt(from_dir, from, to_dir, to, flags);
}
EXPORT int link(const char* from, const char* to) noexcept {
  return LinkAt(AT_FDCWD, from, AT_FDCWD, to, 0);
}
EXPORT int linkat(int from_dir, const char* from, int to_dir, const char* to,
                  int flags) noexcept {
  return LinkAt(from_dir, from, to_dir, to, flags);
}
EXPORT int symlink(const char* target, const char* said) noexcept {
  return SymlinkAt(target, AT_FDCWD, said);
}
EXPORT int symlinkat(const char* target, int dir, const char* said) noexcept {
  return SymlinkAt(target, dir, said);
}
