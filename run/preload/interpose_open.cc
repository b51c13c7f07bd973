// SPDX-License-Identifier: Apache-2.0
//
// Calls that open a file, and those that close or copy a descriptor.
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/mount_table.h"
#include "run/preload/client.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"
#include "run/preload/open.h"
#include "run/preload/path.h"
#include "run/preload/redirection.h"

namespace dmdax::preload {
namespace {

// The terminals are the program's own.
const char* HostNode(uint64_t dev) {
  switch (dev) {
    case DMDAX_DEV(5, 0):
      return "/dev/tty";
    case DMDAX_DEV(5, 2):
      return "/dev/ptmx";
    default:
      return run::HostNode(dev);
  }
}

bool IsUnder(const char* path, const char* top) {
  return strncmp(path, top, strlen(top)) == 0;
}

int OpenNode(const Node& node, int flags) {
  if ((flags & O_DIRECTORY) != 0) return Result(ENOTDIR);
  if (node.kind == DMDAX_KIND_CHAR) {
    if (const char* const host = HostNode(node.dev)) {
      return NEXT(openat)(AT_FDCWD, host, flags & ~(O_CREAT | O_EXCL), 0);
    }
  }
  return OpenFile(node.kind, node.dev, nullptr, flags);
}

// Who is given a descriptor of the host's by a link that has the machine's name
// gets the machine's instead.
int OpenMachines(int fd, const char* path, int flags, mode_t mode) {
  if (fd >= 0) NEXT(close)(fd);
  return OpenAt(AT_FDCWD, path, flags, mode);
}

// "/proc/self/fd/7", "/dev/stdin" and links to them open a device anew, with a
// position and a mode of its own.
File DescriptorAt(int dir, const Path& path) {
  const char* const at = path.get();
  if (strncmp(at, "/proc/", 6) != 0 && strncmp(at, "/dev/", 5) != 0) return {};
  struct stat st;
  const KeepErrno keep;
  return NEXT(fstatat)(dir, at, &st, 0) == 0 ? FileOf(st) : File();
}

// The path of a descriptor, if it is one of the machine's names.
bool HasMachinesName(int fd, char* path, size_t size) {
  char link[32];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const KeepErrno keep;
  const ssize_t n = NEXT(readlink)(link, path, size - 1);
  if (n <= 0) return false;
  path[n] = '\0';
  return IsMachinesPath(path);
}

using Fcntl = int(int, int, ...);
Fcntl* NextFcntl() {
  void* at = dlsym(RTLD_NEXT, "fcntl64");
  if (at == nullptr) at = dlsym(RTLD_NEXT, "fcntl");
  return reinterpret_cast<Fcntl*>(at);
}

}  // namespace

int OpenAt(int dir, const char* said, int flags, mode_t mode) {
  static auto* const real =
      reinterpret_cast<int (*)(int, const char*, int, ...)>(
          dlsym(RTLD_NEXT, "openat64"));
  if (!HaveMachine() || said == nullptr) return real(dir, said, flags, mode);
  if (run::MountTableOf(said) != run::MountTable::kNone &&
      (flags & (O_ACCMODE | O_PATH)) == O_RDONLY) {
    return run::OpenMountTable(said, Tree(), flags);
  }
  const LastLink last = (flags & O_NOFOLLOW) != 0 || ((flags & O_CREAT) != 0 &&
                                                      (flags & O_EXCL) != 0)
                            ? LastLink::kKeep
                            : LastLink::kFollow;
  // What is made must not be made on the host.
  const Path path =
      (flags & O_CREAT) != 0 ? Path(dir, said, last) : Path(dir, said);
  if ((flags & O_PATH) == 0 && !path.in_tree()) {
    const File file = DescriptorAt(dir, path);
    if (file.kind == DMDAX_KIND_BLOCK || file.kind == DMDAX_KIND_CHAR) {
      return OpenFile(file.kind, file.dev, nullptr, flags);
    }
  }
  // A node must not be cut off: its number is its time.
  const bool creates = (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0;
  if (!creates && (path.in_tree() || (flags & O_TRUNC) != 0)) {
    if (const Node node = NodeAt(dir, path.get())) {
      if ((flags & O_PATH) != 0 ||
          ((flags & O_NOFOLLOW) != 0 &&
           faccessat(dir, path.get(), F_OK, AT_SYMLINK_NOFOLLOW) != 0)) {
        return real(dir, path.get(), flags & ~O_TRUNC, mode);
      }
      return OpenNode(node, flags);
    }
  }
  if (path.in_tree() && (flags & O_CREAT) != 0 &&
      NEXT(faccessat)(dir, path.get(), F_OK, 0) != 0) {
    if (IsUnder(WithoutTree(path.get()), "/sys/") ||
        IsUnder(WithoutTree(path.get()), "/proc/")) {
      return Result(EACCES);  // a kernel alone makes them
    }
    // When a machine has gone its names go, and a file in the place of a disk
    // would take what is written to it.
    Message m(DMDAX_OP_PING);
    if (const int error = Call(m)) return Result(error);
  }
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (path.in_tree() && writes && (flags & O_PATH) == 0 &&
      IsUnder(WithoutTree(path.get()), "/sys/")) {
    return OpenFile(DMDAX_KIND_ATTRIBUTE, 0, WithoutTree(path.get()), flags);
  }
  const int fd = real(dir, path.get(), flags, mode);
  if (fd < 0 && errno == ENOENT && !path.in_tree()) {
    // A link that leads to what the machine alone has.
    const Path followed(dir, said, last);
    if (!followed.in_tree()) return Result(ENOENT);
    return OpenMachines(-1, WithoutTree(followed.get()), flags, mode);
  }
  if (fd < 0) return fd;
  Forget(fd);
  struct stat st;
  if (NEXT(fstat)(fd, &st) != 0) return fd;
  char shown[PATH_MAX];
  if (!path.in_tree() && MayBeHostsOwn(said, st) &&
      HasMachinesName(fd, shown, sizeof(shown))) {
    return OpenMachines(fd, shown, flags, mode);
  }
  if ((flags & O_PATH) != 0) return fd;
  // A node that was made elsewhere, or found from a directory.
  if (const Node node = NodeOf(st)) {
    NEXT(close)(fd);
    return OpenNode(node, flags);
  }
  return fd;
}

}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

namespace {

// The argument that only some calls have.
#define MODE_OF(flags)                                                \
  ({                                                                  \
    mode_t mode_ = 0;                                                 \
    if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE) { \
      va_list args_;                                                  \
      va_start(args_, flags);                                         \
      mode_ = va_arg(args_, mode_t);                                  \
      va_end(args_);                                                  \
    }                                                                 \
    mode_;                                                            \
  })

// Another process may have changed them.
int FlagsOf(const File& file) {
  constexpr int kStatus =
      O_ACCMODE | O_APPEND | O_DIRECT | O_NONBLOCK | O_SYNC | O_NOATIME;
  if (file.IsControl()) return file.flags & kStatus & ~O_NONBLOCK;
  Message m(DMDAX_OP_IDENTIFY, file.handle);
  const bool known = Call(m) == 0;
  return (known ? static_cast<int>(m.head.flags) : file.flags) & kStatus;
}

int SetFlags(const File& file, uint32_t flags) {
  if (file.kind == 0) return Result(EIO);
  Message m(DMDAX_OP_SET_FLAGS, file.handle);
  m.head.flags = flags;
  return Result(Call(m));
}

// A number that has become another file.
int Copied(int copy) {
  Forget(copy);
  FollowRedirection(copy);
  return copy;
}

}  // namespace

EXPORT int open64(const char* path, int flags, ...) {
  return OpenAt(AT_FDCWD, path, flags, MODE_OF(flags));
}
EXPORT int openat64(int dir, const char* path, int flags, ...) {
  return OpenAt(dir, path, flags, MODE_OF(flags));
}
EXPORT int open(const char* path, int flags, ...)
    __attribute__((alias("open64")));
EXPORT int openat(int dir, const char* path, int flags, ...)
    __attribute__((alias("openat64")));
// What the compiler puts in their place with _FORTIFY_SOURCE.
EXPORT int __open64_2(const char* path, int flags) {
  return OpenAt(AT_FDCWD, path, flags, 0);
}
EXPORT int __openat64_2(int dir, const char* path, int flags) {
  return OpenAt(dir, path, flags, 0);
}
EXPORT int __open_2(const char* path, int flags)
    __attribute__((alias("__open64_2")));
EXPORT int __openat_2(int dir, const char* path, int flags)
    __attribute__((alias("__openat64_2")));
EXPORT int creat64(const char* path, mode_t mode) {
  return OpenAt(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
EXPORT int creat(const char* path, mode_t mode)
    __attribute__((alias("creat64")));

EXPORT int close(int fd) {
  Forget(fd);
  return NEXT(close)(fd);
}
EXPORT int close_range(unsigned first, unsigned last, int flags) noexcept {
  ForgetAll();
  return NEXT_OR_CALL(close_range, first, last, flags);
}
EXPORT void closefrom(int first) noexcept {
  ForgetAll();
  NEXT(closefrom)(first);
}

EXPORT int dup(int fd) noexcept { return Copied(NEXT(dup)(fd)); }
EXPORT int dup2(int fd, int copy) noexcept {
  return Copied(NEXT(dup2)(fd, copy));
}
EXPORT int dup3(int fd, int copy, int flags) noexcept {
  return Copied(NEXT(dup3)(fd, copy, flags));
}

// Descriptors come with it.
EXPORT ssize_t recvmsg(int fd, msghdr* message, int flags) {
  const ssize_t n = NEXT(recvmsg)(fd, message, flags);
  if (n >= 0 && message != nullptr && message->msg_controllen > 0) ForgetAll();
  return n;
}

EXPORT int recvmmsg(int fd, mmsghdr* messages, unsigned n, int flags,
                    timespec* timeout) {
  const int result = NEXT(recvmmsg)(fd, messages, n, flags, timeout);
  if (result > 0) ForgetAll();
  return result;
}

// fcntl(2) of a device says what it was opened with, not what the pipe was.
EXPORT int fcntl64(int fd, int command, ...) {
  va_list args;
  va_start(args, command);
  void* const argument = va_arg(args, void*);
  va_end(args);
  static Fcntl* const real = NextFcntl();
  if (command == F_GETFL) {
    if (const File file = FileOf(fd)) {
      const int flags = real(fd, command);
      if (flags < 0) return flags;
      const int pipes = file.IsControl() ? O_ACCMODE : O_ACCMODE | O_NONBLOCK;
      return (flags & ~pipes) | FlagsOf(file);
    }
  }
  if (command == F_SETFL) {
    // O_DIRECT of a pipe is another thing.
    const File file = FileOf(fd);
    if (file && !file.IsControl()) {
      const auto flags =
          static_cast<uint32_t>(reinterpret_cast<uintptr_t>(argument));
      return SetFlags(file, flags);
    }
  }
  const int result = real(fd, command, argument);
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) Forget(result);
  return result;
}
EXPORT int fcntl(int fd, int command, ...) __attribute__((alias("fcntl64")));
