// SPDX-License-Identifier: Apache-2.0
//
// What is answered to each system call, one file for each kind; call_table.cc
// says which call has which.  An address is the target's.
//
// Mirrors: the manual pages of section 2; the kernel's order of errors where a
// device's differ from a file's.  Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_HANDLERS_H_
#define DMDAX_RUN_NOTIFY_HANDLERS_H_

#include <sys/types.h>

#include <cstdint>

#include "run/notify/call.h"
#include "run/notify/data.h"

namespace dmdax::run {

// handle_open.cc
Reply Open(Call& call, int dir, uint64_t path, int flags, mode_t mode);
Reply OpenHow(Call& call);  // openat2(2)

// handle_stat.cc
Reply StatPath(Call& call, int dir, uint64_t path, uint64_t out, int flags);
Reply StatFile(Call& call);  // fstat(2)
Reply Statx(Call& call);

// handle_look.cc: calls that ask about a name
Reply Access(Call& call, int dir, uint64_t path, int mode, int flags);
Reply ReadLink(Call& call, int dir, uint64_t path, uint64_t out, uint64_t size);
Reply GetCwd(Call& call);
Reply StatFs(Call& call);
Reply GetAttribute(Call& call);     // getxattr(2)
Reply ListAttributes(Call& call);   // listxattr(2)
Reply ChangeAttribute(Call& call);  // setxattr(2), removexattr(2)
Reply WatchName(Call& call);        // inotify_add_watch(2)
Reply Execute(Call& call, int dir, uint64_t path);

// handle_directory.cc
Reply ChangeDirectory(Call& call);  // chdir(2)

// handle_keys.cc
Reply AddKey(Call& call);
Reply RequestKey(Call& call);
Reply ControlKey(Call& call);  // keyctl(2)

// handle_names.cc: calls that make, change or remove a name
Reply MakeNode(Call& call, int dir, uint64_t path, mode_t mode, dev_t dev);
Reply MakeDir(Call& call, int dir, uint64_t path, mode_t mode);
Reply Unlink(Call& call, int dir, uint64_t path, int flags);
Reply Rename(Call& call, int from_dir, uint64_t from, int to_dir, uint64_t to,
             unsigned flags);
Reply Link(Call& call, int from_dir, uint64_t from, int to_dir, uint64_t to,
           int flags);
Reply Symlink(Call& call, uint64_t target, int dir, uint64_t path);
Reply ChangeMode(Call& call, int dir, uint64_t path, mode_t mode);
Reply ChangeOwner(Call& call, int dir, uint64_t path, int flags);
Reply ChangeTimes(Call& call, int dir, uint64_t path, uint64_t times,
                  int flags);
Reply Truncate(Call& call);

// utime(2), utimes(2), futimesat(2): `times` are two of these.
enum class OldTimes { kSeconds, kMicroseconds };
Reply ChangeTimesOld(Call& call, int dir, uint64_t path, uint64_t times,
                     OldTimes unit);

// handle_mount.cc: calls that name a device for the kernel below
Reply Mount(Call& call);
// `what` is the call's name.
Reply MountPath(Call& call, const char* what, int dir, uint64_t path);
Reply MountPaths(Call& call, const char* what, int dir, uint64_t path,
                 int to_dir, uint64_t to);
Reply MountOption(Call& call);  // fsconfig(2)
// Of one that is the machine's: `err`, since no kernel has it in use.
Reply NotMounted(Call& call, uint64_t path, int err);

// handle_data.cc
Reply Transfer(Call& call, Direction direction);      // read(2)
Reply TransferAt(Call& call, Direction direction);    // pread(2)
Reply TransferV(Call& call, Direction direction);     // readv(2)
Reply TransferVAt(Call& call, Direction direction);   // preadv(2)
Reply TransferVAt2(Call& call, Direction direction);  // preadv2(2)
Reply Seek(Call& call);
Reply Sync(Call& call);
Reply Allocate(Call& call);

// handle_aio.cc
Reply AioSubmit(Call& call);
Reply AioEvents(Call& call);

// handle_ioctl.cc
Reply Ioctl(Call& call);

// handle_poll.cc
Reply Poll(Call& call);          // ppoll(2) too
Reply Select(Call& call);        // pselect(2) too
Reply EpollControl(Call& call);  // epoll_ctl(2)

// handle_descriptor.cc
Reply Duplicate(Call& call);               // dup(2)
Reply DuplicateTo(Call& call, int flags);  // dup2(2), dup3(2)
Reply Fcntl(Call& call);
Reply ReadDir(Call& call);  // getdents64(2)
// Of an emulated descriptor in one of two arguments, this errno or 0.
Reply Refuse(Call& call, unsigned first, unsigned second, int err);
Reply RootIds(Call& call);  // getresuid(2)

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_HANDLERS_H_
