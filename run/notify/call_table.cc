// SPDX-License-Identifier: Apache-2.0
#include "run/notify/call_table.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <vector>

#include "run/notify/handlers.h"

namespace dmdax::run {
namespace {

constexpr auto kRead = Direction::kRead;
constexpr auto kWrite = Direction::kWrite;

using Handler = Reply (*)(Call&);

CallRule Path(uint32_t nr, Handler handler) {
  return {nr, Asked::kAlways, 0, 0, handler};
}
CallRule File(uint32_t nr, Handler handler) {
  return {nr, Asked::kDescriptor, 0, 0, handler};
}
CallRule Files(uint32_t nr, uint8_t first, uint8_t second, Handler handler) {
  return {nr, Asked::kDescriptor, first, second, handler};
}

mode_t Mode(uint64_t arg) { return static_cast<mode_t>(arg); }

std::vector<CallRule> DataRules() {
  return {
      File(__NR_read, [](Call& c) { return Transfer(c, kRead); }),
      File(__NR_write, [](Call& c) { return Transfer(c, kWrite); }),
      File(__NR_pread64, [](Call& c) { return TransferAt(c, kRead); }),
      File(__NR_pwrite64, [](Call& c) { return TransferAt(c, kWrite); }),
      File(__NR_readv, [](Call& c) { return TransferV(c, kRead); }),
      File(__NR_writev, [](Call& c) { return TransferV(c, kWrite); }),
      File(__NR_preadv, [](Call& c) { return TransferVAt(c, kRead); }),
      File(__NR_pwritev, [](Call& c) { return TransferVAt(c, kWrite); }),
      File(__NR_preadv2, [](Call& c) { return TransferVAt2(c, kRead); }),
      File(__NR_pwritev2, [](Call& c) { return TransferVAt2(c, kWrite); }),
      File(__NR_lseek, &Seek),
      File(__NR_fsync, &Sync),
      File(__NR_fdatasync, &Sync),
      File(__NR_syncfs, &Sync),
      File(__NR_sync_file_range, &Sync),
      File(__NR_fallocate, &Allocate),
      File(__NR_ioctl, &Ioctl),
      // A filter can not read in which files the requests are.
      Path(__NR_io_submit, &AioSubmit),
      Path(__NR_io_getevents, &AioEvents),
      Path(__NR_io_pgetevents, &AioEvents),
  };
}

std::vector<CallRule> DescriptorRules() {
  return {
      File(__NR_dup, &Duplicate),
#ifdef __NR_dup2
      File(__NR_dup2, [](Call& c) { return DuplicateTo(c, 0); }),
#endif
      File(__NR_dup3, [](Call& c) { return DuplicateTo(c, c.number(2)); }),
      File(__NR_fcntl, &Fcntl),
      File(__NR_fstat, &StatFile),
      File(__NR_getdents64, &ReadDir),
      File(__NR_ftruncate, [](Call& c) { return Refuse(c, 0, 0, EINVAL); }),
      File(__NR_fadvise64, [](Call& c) { return Refuse(c, 0, 0, 0); }),
      File(__NR_readahead, [](Call& c) { return Refuse(c, 0, 0, 0); }),
      File(__NR_fchmod, [](Call& c) { return Refuse(c, 0, 0, 0); }),
      File(__NR_fchown, [](Call& c) { return Refuse(c, 0, 0, 0); }),
      Files(__NR_mmap, 4, 4, [](Call& c) { return Refuse(c, 4, 4, ENODEV); }),
      // Those who call these can do without, and do.
      Files(__NR_sendfile, 0, 1,
            [](Call& c) { return Refuse(c, 0, 1, EINVAL); }),
      Files(__NR_splice, 0, 2, [](Call& c) { return Refuse(c, 0, 2, EINVAL); }),
      Files(__NR_copy_file_range, 0, 2,
            [](Call& c) { return Refuse(c, 0, 2, EINVAL); }),
  };
}

std::vector<CallRule> PollRules() {
  return {
      // A filter can not read an array either.
      Path(__NR_ppoll, &Poll),
      Path(__NR_pselect6, &Select),
#ifdef __NR_poll
      Path(__NR_poll, &Poll),
      Path(__NR_select, &Select),
#endif
      Files(__NR_epoll_ctl, 2, 2, &EpollControl),
  };
}

std::vector<CallRule> PathRules() {
  return {
      Path(__NR_openat,
           [](Call& c) {
             return Open(c, c.number(0), c.arg(1), c.number(2), Mode(c.arg(3)));
           }),
      Path(__NR_openat2, &OpenHow),
      {__NR_newfstatat, Asked::kUnlessEmpty, 0, 3,
       [](Call& c) {
         return StatPath(c, c.number(0), c.arg(1), c.arg(2), c.number(3));
       }},
      {__NR_statx, Asked::kUnlessEmpty, 0, 2, &Statx},
      Path(__NR_faccessat,
           [](Call& c) {
             return Access(c, c.number(0), c.arg(1), c.number(2), 0);
           }),
      Path(__NR_faccessat2,
           [](Call& c) {
             return Access(c, c.number(0), c.arg(1), c.number(2), c.number(3));
           }),
      Path(__NR_readlinkat,
           [](Call& c) {
             return ReadLink(c, c.number(0), c.arg(1), c.arg(2), c.arg(3));
           }),
      Path(__NR_getcwd, &GetCwd),
      Path(__NR_chdir, &ChangeDirectory),
      Path(__NR_statfs, &StatFs),
      Path(__NR_getxattr, &GetAttribute),
      Path(__NR_lgetxattr, &GetAttribute),
      Path(__NR_listxattr, &ListAttributes),
      Path(__NR_llistxattr, &ListAttributes),
      Path(__NR_setxattr, &ChangeAttribute),
      Path(__NR_lsetxattr, &ChangeAttribute),
      Path(__NR_removexattr, &ChangeAttribute),
      Path(__NR_lremovexattr, &ChangeAttribute),
      Path(__NR_inotify_add_watch, &WatchName),
      Path(__NR_execve, [](Call& c) { return Execute(c, AT_FDCWD, c.arg(0)); }),
      Path(__NR_execveat,
           [](Call& c) { return Execute(c, c.number(0), c.arg(1)); }),
  };
}

std::vector<CallRule> NameRules() {
  return {
      Path(__NR_mknodat,
           [](Call& c) {
             return MakeNode(c, c.number(0), c.arg(1), Mode(c.arg(2)),
                             c.arg(3));
           }),
      Path(__NR_mkdirat,
           [](Call& c) {
             return MakeDir(c, c.number(0), c.arg(1), Mode(c.arg(2)));
           }),
      Path(__NR_unlinkat,
           [](Call& c) {
             return Unlink(c, c.number(0), c.arg(1), c.number(2));
           }),
#ifdef __NR_renameat
      Path(__NR_renameat,
           [](Call& c) {
             return Rename(c, c.number(0), c.arg(1), c.number(2), c.arg(3), 0);
           }),
#endif
      Path(__NR_renameat2,
           [](Call& c) {
             return Rename(c, c.number(0), c.arg(1), c.number(2), c.arg(3),
                           static_cast<unsigned>(c.arg(4)));
           }),
      Path(__NR_linkat,
           [](Call& c) {
             return Link(c, c.number(0), c.arg(1), c.number(2), c.arg(3),
                         c.number(4));
           }),
      Path(__NR_symlinkat,
           [](Call& c) { return Symlink(c, c.arg(0), c.number(1), c.arg(2)); }),
      Path(__NR_fchmodat,
           [](Call& c) {
             return ChangeMode(c, c.number(0), c.arg(1), Mode(c.arg(2)));
           }),
      Path(__NR_fchownat,
           [](Call& c) {
             return ChangeOwner(c, c.number(0), c.arg(1), c.number(4));
           }),
      Path(__NR_utimensat,
           [](Call& c) {
             return ChangeTimes(c, c.number(0), c.arg(1), c.arg(2),
                                c.number(3));
           }),
      Path(__NR_truncate, &Truncate),
  };
}

std::vector<CallRule> MountRules() {
  return {
      Path(__NR_mount, &Mount),
      Path(__NR_umount2,
           [](Call& c) { return NotMounted(c, c.arg(0), EINVAL); }),
      Path(__NR_swapon,
           [](Call& c) { return MountPath(c, "swapon", AT_FDCWD, c.arg(0)); }),
      Path(__NR_swapoff,
           [](Call& c) { return NotMounted(c, c.arg(0), EINVAL); }),
      Path(__NR_quotactl,
           [](Call& c) { return NotMounted(c, c.arg(1), ENODEV); }),
      Path(__NR_pivot_root,
           [](Call& c) {
             return MountPaths(c, "pivot_root", AT_FDCWD, c.arg(0), AT_FDCWD,
                               c.arg(1));
           }),
      Path(__NR_open_tree,
           [](Call& c) {
             return MountPath(c, "open_tree", c.number(0), c.arg(1));
           }),
      Path(__NR_move_mount,
           [](Call& c) {
             return MountPaths(c, "move_mount", c.number(0), c.arg(1),
                               c.number(2), c.arg(3));
           }),
      Path(__NR_fspick,
           [](Call& c) {
             return MountPath(c, "fspick", c.number(0), c.arg(1));
           }),
      Path(__NR_fsconfig, &MountOption),
#ifdef __NR_mount_setattr
      Path(__NR_mount_setattr,
           [](Call& c) {
             return MountPath(c, "mount_setattr", c.number(0), c.arg(1));
           }),
#endif
  };
}

// What newer architectures no longer have.
std::vector<CallRule> OldRules() {
#ifdef __NR_open
  return {
      Path(__NR_open,
           [](Call& c) {
             return Open(c, AT_FDCWD, c.arg(0), c.number(1), Mode(c.arg(2)));
           }),
      Path(__NR_creat,
           [](Call& c) {
             return Open(c, AT_FDCWD, c.arg(0), O_CREAT | O_WRONLY | O_TRUNC,
                         Mode(c.arg(1)));
           }),
      Path(
          __NR_stat,
          [](Call& c) { return StatPath(c, AT_FDCWD, c.arg(0), c.arg(1), 0); }),
      Path(__NR_lstat,
           [](Call& c) {
             return StatPath(c, AT_FDCWD, c.arg(0), c.arg(1),
                             AT_SYMLINK_NOFOLLOW);
           }),
      Path(__NR_access,
           [](Call& c) {
             return Access(c, AT_FDCWD, c.arg(0), c.number(1), 0);
           }),
      Path(__NR_readlink,
           [](Call& c) {
             return ReadLink(c, AT_FDCWD, c.arg(0), c.arg(1), c.arg(2));
           }),
      Path(__NR_mknod,
           [](Call& c) {
             return MakeNode(c, AT_FDCWD, c.arg(0), Mode(c.arg(1)), c.arg(2));
           }),
      Path(__NR_mkdir,
           [](Call& c) {
             return MakeDir(c, AT_FDCWD, c.arg(0), Mode(c.arg(1)));
           }),
      Path(__NR_unlink,
           [](Call& c) { return Unlink(c, AT_FDCWD, c.arg(0), 0); }),
      Path(__NR_rmdir,
           [](Call& c) { return Unlink(c, AT_FDCWD, c.arg(0), AT_REMOVEDIR); }),
      Path(__NR_rename,
           [](Call& c) {
             return Rename(c, AT_FDCWD, c.arg(0), AT_FDCWD, c.arg(1), 0);
           }),
      Path(__NR_link,
           [](Call& c) {
             return Link(c, AT_FDCWD, c.arg(0), AT_FDCWD, c.arg(1), 0);
           }),
      Path(__NR_symlink,
           [](Call& c) { return Symlink(c, c.arg(0), AT_FDCWD, c.arg(1)); }),
      Path(__NR_chmod,
           [](Call& c) {
             return ChangeMode(c, AT_FDCWD, c.arg(0), Mode(c.arg(1)));
           }),
      Path(__NR_chown,
           [](Call& c) { return ChangeOwner(c, AT_FDCWD, c.arg(0), 0); }),
      Path(__NR_lchown,
           [](Call& c) {
             return ChangeOwner(c, AT_FDCWD, c.arg(0), AT_SYMLINK_NOFOLLOW);
           }),
      Path(__NR_utime,
           [](Call& c) {
             return ChangeTimesOld(c, AT_FDCWD, c.arg(0), c.arg(1),
                                   OldTimes::kSeconds);
           }),
      Path(__NR_utimes,
           [](Call& c) {
             return ChangeTimesOld(c, AT_FDCWD, c.arg(0), c.arg(1),
                                   OldTimes::kMicroseconds);
           }),
      Path(__NR_futimesat,
           [](Call& c) {
             return ChangeTimesOld(c, c.number(0), c.arg(1), c.arg(2),
                                   OldTimes::kMicroseconds);
           }),
  };
#else
  return {};
#endif
}

std::vector<CallRule> OtherRules() {
  return {
      {__NR_io_uring_setup, Asked::kNever},
      Path(__NR_add_key, &AddKey),
      Path(__NR_request_key, &RequestKey),
      Path(__NR_keyctl, &ControlKey),
      {__NR_getuid, Asked::kZeroIfRoot},
      {__NR_geteuid, Asked::kZeroIfRoot},
      {__NR_getgid, Asked::kZeroIfRoot},
      {__NR_getegid, Asked::kZeroIfRoot},
      // Only root may, and nobody sees whether it was done: lvm does so while
      // devices are suspended.
      {__NR_mlock, Asked::kZeroIfRoot},
      {__NR_munlock, Asked::kZeroIfRoot},
      {__NR_mlockall, Asked::kZeroIfRoot},
      {__NR_munlockall, Asked::kZeroIfRoot},
      {__NR_setpriority, Asked::kZeroIfRoot},
      {__NR_getresuid, Asked::kIfRoot, 0, 0, &RootIds},
      {__NR_getresgid, Asked::kIfRoot, 0, 0, &RootIds},
  };
}

std::vector<CallRule> MakeTable() {
  std::vector<CallRule> all;
  for (const std::vector<CallRule>& some :
       {DataRules(), DescriptorRules(), PollRules(), PathRules(), NameRules(),
        MountRules(), OldRules(), OtherRules()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end(),
            [](const CallRule& a, const CallRule& b) { return a.nr < b.nr; });
  return all;
}

}  // namespace

absl::Span<const CallRule> CallTable() {
  static const auto* const table = new std::vector<CallRule>(MakeTable());
  return *table;
}

const CallRule* FindCall(int nr) {
  const absl::Span<const CallRule> table = CallTable();
  const auto it = std::lower_bound(
      table.begin(), table.end(), static_cast<uint32_t>(nr),
      [](const CallRule& rule, uint32_t n) { return rule.nr < n; });
  const bool found = it != table.end() && it->nr == static_cast<uint32_t>(nr) &&
                     it->handler != nullptr;
  return found ? &*it : nullptr;
}

}  // namespace dmdax::run
