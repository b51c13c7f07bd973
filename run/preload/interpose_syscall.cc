// SPDX-License-Identifier: Apache-2.0
//
// syscall(2): a call for which there is a function in front of libc's is that
// function's.  So C programs make calls that their libc has no function for,
// openat2(2) for instance.
#include <dirent.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include <optional>

#include "run/preload/client.h"
#include "run/preload/file.h"
#include "run/preload/keys.h"
#include "run/preload/libaio.h"
#include "run/preload/libc.h"
#include "run/preload/open.h"
#include "run/preload/path.h"
#include "run/preload/user_memory.h"

using namespace dmdax::preload;  // for what is in front of libc's names

extern "C" int pivot_root(const char* root, const char* old) noexcept;

namespace {

// The arguments as what they are.
class Words {
 public:
  explicit Words(const long* words) : words_(words) {}
  int number(int i) const { return static_cast<int>(words_[i]); }
  unsigned bits(int i) const { return static_cast<unsigned>(words_[i]); }
  size_t size(int i) const { return static_cast<size_t>(words_[i]); }
  off_t offset(int i) const { return words_[i]; }
  template <typename T = char>
  T* pointer(int i) const {
    return reinterpret_cast<T*>(words_[i]);
  }

 private:
  const long* const words_;
};

using Answer = std::optional<long>;  // none: the call is libc's

// openat2(2), whose flags no function knows: only what is the machine's.
Answer OpenHow(const Words& w) {
  open_how how = {};
  if (w.size(3) < sizeof(how) ||
      ReadUser(w.pointer(2), &how, sizeof(how)) != sizeof(how)) {
    return {};
  }
  const auto flags = static_cast<int>(how.flags);
  const LastLink last =
      (flags & O_NOFOLLOW) != 0 ? LastLink::kKeep : LastLink::kFollow;
  const Path path(w.number(0), w.pointer(1), last);
  char at[PATH_MAX];
  if (path.in_tree() || path.MachinePath(at, sizeof(at)) ||
      NodeAt(w.number(0), path.get())) {
    return OpenAt(w.number(0), w.pointer(1), flags,
                  static_cast<mode_t>(how.mode));
  }
  return {};
}

Answer OpenOrStat(long call, const Words& w) {
  switch (call) {
    case SYS_openat:
      return OpenAt(w.number(0), w.pointer(1), w.number(2), w.bits(3));
    case SYS_openat2:
      return OpenHow(w);
    case SYS_fstat:
      return fstat(w.number(0), w.pointer<struct stat>(1));
    case SYS_newfstatat:
      return fstatat(w.number(0), w.pointer(1), w.pointer<struct stat>(2),
                     w.number(3));
    case SYS_statx:
      return statx(w.number(0), w.pointer(1), w.number(2), w.bits(3),
                   w.pointer<struct statx>(4));
    case SYS_faccessat:
      return faccessat(w.number(0), w.pointer(1), w.number(2), 0);
#ifdef SYS_faccessat2
    case SYS_faccessat2:
      return faccessat(w.number(0), w.pointer(1), w.number(2), w.number(3));
#endif
    case SYS_readlinkat:
      return readlinkat(w.number(0), w.pointer(1), w.pointer(2), w.size(3));
    case SYS_statfs:
      return statfs(w.pointer(0), w.pointer<struct statfs>(1));
    case SYS_chdir:
      return chdir(w.pointer(0));
    case SYS_getcwd:
      if (getcwd(w.pointer(0), w.size(1)) == nullptr) return -1;
      return static_cast<long>(strlen(w.pointer(0)) + 1);
    case SYS_getdents64:
      return getdents64(w.number(0), w.pointer<void>(1), w.size(2));
#ifdef SYS_open
    case SYS_open:
      return OpenAt(AT_FDCWD, w.pointer(0), w.number(1), w.bits(2));
    case SYS_creat:
      return creat(w.pointer(0), w.bits(1));
    case SYS_stat:
      return stat(w.pointer(0), w.pointer<struct stat>(1));
    case SYS_lstat:
      return lstat(w.pointer(0), w.pointer<struct stat>(1));
    case SYS_access:
      return access(w.pointer(0), w.number(1));
    case SYS_readlink:
      return readlink(w.pointer(0), w.pointer(1), w.size(2));
#endif
    default:
      return {};
  }
}

Answer Names(long call, const Words& w) {
  switch (call) {
    case SYS_mknodat:
      return mknodat(w.number(0), w.pointer(1), w.bits(2), w.size(3));
    case SYS_mkdirat:
      return mkdirat(w.number(0), w.pointer(1), w.bits(2));
    case SYS_unlinkat:
      return unlinkat(w.number(0), w.pointer(1), w.number(2));
#ifdef SYS_renameat
    case SYS_renameat:
      return renameat(w.number(0), w.pointer(1), w.number(2), w.pointer(3));
#endif
    case SYS_renameat2:
      return renameat2(w.number(0), w.pointer(1), w.number(2), w.pointer(3),
                       w.bits(4));
    case SYS_linkat:
      return linkat(w.number(0), w.pointer(1), w.number(2), w.pointer(3),
                    w.number(4));
    case SYS_symlinkat:
      return symlinkat(w.pointer(0), w.number(1), w.pointer(2));
    case SYS_fchmodat:
      return fchmodat(w.number(0), w.pointer(1), w.bits(2), 0);
    case SYS_fchownat:
      return fchownat(w.number(0), w.pointer(1), w.bits(2), w.bits(3),
                      w.number(4));
    case SYS_utimensat:
      if (w.pointer(1) == nullptr) {
        return futimens(w.number(0), w.pointer<timespec>(2));
      }
      return utimensat(w.number(0), w.pointer(1), w.pointer<timespec>(2),
                       w.number(3));
    case SYS_truncate:
      return truncate(w.pointer(0), w.offset(1));
    default:
      return {};
  }
}

// What newer architectures no longer have.
Answer OldNames(long call, const Words& w) {
  switch (call) {
#ifdef SYS_mknod
    case SYS_mknod:
      return mknod(w.pointer(0), w.bits(1), w.size(2));
    case SYS_mkdir:
      return mkdir(w.pointer(0), w.bits(1));
    case SYS_unlink:
      return unlink(w.pointer(0));
    case SYS_rmdir:
      return rmdir(w.pointer(0));
    case SYS_rename:
      return rename(w.pointer(0), w.pointer(1));
    case SYS_link:
      return link(w.pointer(0), w.pointer(1));
    case SYS_symlink:
      return symlink(w.pointer(0), w.pointer(1));
    case SYS_chmod:
      return chmod(w.pointer(0), w.bits(1));
    case SYS_chown:
      return chown(w.pointer(0), w.bits(1), w.bits(2));
    case SYS_lchown:
      return lchown(w.pointer(0), w.bits(1), w.bits(2));
    case SYS_utimes:
      return utimes(w.pointer(0), w.pointer<timeval>(1));
    case SYS_futimesat:
      return futimesat(w.number(0), w.pointer(1), w.pointer<timeval>(2));
#endif
    default:
      return {};
  }
}

Answer Data(long call, const Words& w) {
  const int fd = w.number(0);
  switch (call) {
    case SYS_read:
      return read(fd, w.pointer(1), w.size(2));
    case SYS_write:
      return write(fd, w.pointer(1), w.size(2));
    case SYS_pread64:
      return pread64(fd, w.pointer(1), w.size(2), w.offset(3));
    case SYS_pwrite64:
      return pwrite64(fd, w.pointer(1), w.size(2), w.offset(3));
    case SYS_readv:
      return readv(fd, w.pointer<iovec>(1), w.number(2));
    case SYS_writev:
      return writev(fd, w.pointer<iovec>(1), w.number(2));
    case SYS_preadv:
      return preadv64(fd, w.pointer<iovec>(1), w.number(2), w.offset(3));
    case SYS_pwritev:
      return pwritev64(fd, w.pointer<iovec>(1), w.number(2), w.offset(3));
    case SYS_preadv2:
      return preadv64v2(fd, w.pointer<iovec>(1), w.number(2), w.offset(3),
                        w.number(5));
    case SYS_pwritev2:
      return pwritev64v2(fd, w.pointer<iovec>(1), w.number(2), w.offset(3),
                         w.number(5));
    case SYS_lseek:
      return lseek64(fd, w.offset(1), w.number(2));
    case SYS_fsync:
      return fsync(fd);
    case SYS_fdatasync:
      return fdatasync(fd);
    case SYS_fallocate:
      return fallocate64(fd, w.number(1), w.offset(2), w.offset(3));
    case SYS_ftruncate:
      return ftruncate64(fd, w.offset(1));
    case SYS_ioctl:
      return ioctl(fd, w.size(1), w.pointer<void>(2));
    default:
      return {};
  }
}

Answer Descriptors(long call, const Words& w) {
  switch (call) {
    case SYS_close:
      return close(w.number(0));
    case SYS_close_range:
      return close_range(w.bits(0), w.bits(1), w.number(2));
    case SYS_dup:
      return dup(w.number(0));
#ifdef SYS_dup2
    case SYS_dup2:
      return dup2(w.number(0), w.number(1));
#endif
    case SYS_dup3:
      return dup3(w.number(0), w.number(1), w.number(2));
    case SYS_fcntl:
      return fcntl64(w.number(0), w.number(1), w.pointer<void>(2));
    case SYS_fchmod:
      return fchmod(w.number(0), w.bits(1));
    case SYS_fchown:
      return fchown(w.number(0), w.bits(1), w.bits(2));
    default:
      return {};
  }
}

Answer Mounts(long call, const Words& w) {
  switch (call) {
    case SYS_mount:
      return mount(w.pointer(0), w.pointer(1), w.pointer(2), w.size(3),
                   w.pointer<void>(4));
    case SYS_umount2:
      return umount2(w.pointer(0), w.number(1));
    case SYS_swapon:
      return swapon(w.pointer(0), w.number(1));
    case SYS_swapoff:
      return swapoff(w.pointer(0));
    case SYS_pivot_root:
      return pivot_root(w.pointer(0), w.pointer(1));
    case SYS_open_tree:
      return open_tree(w.number(0), w.pointer(1), w.bits(2));
    case SYS_move_mount:
      return move_mount(w.number(0), w.pointer(1), w.number(2), w.pointer(3),
                        w.bits(4));
    case SYS_fspick:
      return fspick(w.number(0), w.pointer(1), w.bits(2));
    case SYS_fsconfig:
      return fsconfig(w.number(0), static_cast<fsconfig_command>(w.bits(1)),
                      w.pointer(2), w.pointer<void>(3), w.number(4));
#ifdef SYS_mount_setattr
    case SYS_mount_setattr:
      return mount_setattr(w.number(0), w.pointer(1), w.bits(2),
                           w.pointer<mount_attr>(3), w.size(4));
#endif
    default:
      return {};
  }
}

Answer Polls(long call, const Words& w) {
  switch (call) {
#ifdef SYS_poll
    case SYS_poll:
      return poll(w.pointer<pollfd>(0), w.size(1), w.number(2));
    case SYS_select:
      return select(w.number(0), w.pointer<fd_set>(1), w.pointer<fd_set>(2),
                    w.pointer<fd_set>(3), w.pointer<timeval>(4));
#endif
    case SYS_epoll_ctl:
      return epoll_ctl(w.number(0), w.number(1), w.number(2),
                       w.pointer<epoll_event>(3));
    default:
      return {};
  }
}

// What goes past descriptors' functions.
Answer Asynchronous(long call, const Words& w) {
  switch (call) {
    case SYS_io_uring_setup:  // interpose_uring.cc
      return Result(ENOSYS);
    case SYS_io_submit: {
      const int n = io_submit(static_cast<aio_context_t>(w.size(0)),
                              w.offset(1), w.pointer<iocb*>(2));
      return n < 0 ? Result(-n) : n;
    }
    case SYS_io_getevents: {
      const int n = io_getevents(
          static_cast<aio_context_t>(w.size(0)), w.offset(1), w.offset(2),
          w.pointer<io_event>(3), w.pointer<timespec>(4));
      return n < 0 ? Result(-n) : n;
    }
    default:
      return {};
  }
}

}  // namespace

EXPORT long syscall(long number, ...) noexcept {
  long args[6];
  va_list list;
  va_start(list, number);
  for (long& arg : args) arg = va_arg(list, long);
  va_end(list);
  static auto* const real =
      reinterpret_cast<long (*)(long, ...)>(dlsym(RTLD_NEXT, "syscall"));
  if (HaveMachine()) {
    long result = 0;
    if (KeyCall(number, args, &result)) return result;
    for (const auto family : {&OpenOrStat, &Names, &OldNames, &Data,
                              &Descriptors, &Polls, &Mounts, &Asynchronous}) {
      if (const Answer answer = family(number, Words(args))) return *answer;
    }
  }
  return real(number, args[0], args[1], args[2], args[3], args[4], args[5]);
}
