// SPDX-License-Identifier: Apache-2.0
//
// Call: one system call that waits for its answer, and Reply, the answer.
//
//   Reply Fsync(Call& call) {
//     const std::optional<OpenFile> file = call.FileAt(call.fd(0));
//     if (!file) return Reply::Continue();   // none of ours: the kernel's
//     return Reply::Of(SyncFile(call, *file));
//   }
//
// Threading: a Call is its thread's; what it refers to is thread-safe.
#ifndef DMDAX_RUN_NOTIFY_CALL_H_
#define DMDAX_RUN_NOTIFY_CALL_H_

#include <linux/seccomp.h>
#include <stdint.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "base/fd.h"
#include "run/notify/listener.h"
#include "run/notify/machine_client.h"
#include "run/notify/mapped_read.h"
#include "run/notify/open_files.h"
#include "run/notify/target.h"

namespace dmdax::run {

class Reply {
 public:
  enum Kind { kContinue, kValue, kDone };
  // The kernel carries the call out.
  static Reply Continue() { return Reply(kContinue, 0); }
  static Reply Value(int64_t value) { return Reply(kValue, value); }
  static Reply Errno(int err) { return Reply(kValue, -int64_t{err}); }
  // 0 or an errno.
  static Reply Of(int err) { return Errno(err); }
  // It has been answered already.
  static Reply Done() { return Reply(kDone, 0); }

  Kind kind() const { return kind_; }
  int64_t value() const { return value_; }

 private:
  Reply(Kind kind, int64_t value) : kind_(kind), value_(value) {}
  Kind kind_;
  int64_t value_;
};

// The numbers of descriptors that the filter asks about: those below 3, which a
// shell redirects, and [first, end), where devices are opened.
struct DescriptorNumbers {
  int first = 0;
  int end = 0;
};

// What getuid(2) and the like answer: what is, or 0.
enum class UserIds { kOwn, kRoot };

// What all calls share.
struct Doorway {
  const Listener& listener;
  MachineClient& machine;
  OpenFiles& files;
  DescriptorNumbers numbers;
  UserIds ids = UserIds::kOwn;
  // Two threads of a program must not get the same number.
  absl::Mutex numbering;
  MappedReads reads{machine};
};

class Call {
 public:
  Call(const seccomp_notif& notification, Doorway& door)
      : target(static_cast<pid_t>(notification.pid)),
        door(door),
        notification_(notification) {}

  uint64_t id() const { return notification_.id; }
  int nr() const { return notification_.data.nr; }
  uint64_t arg(unsigned i) const { return notification_.data.args[i]; }
  // As an int: a descriptor, flags.
  int number(unsigned i) const { return static_cast<int>(arg(i)); }

  // The device of the machine that a descriptor of the target is.
  std::optional<OpenFile> FileAt(int fd) const;

  // Asks the machine what may keep the task waiting, as a suspended device
  // does: 0 or an errno.  Given up when the task is gone.
  int AskMachine(Exchange& exchange) const;
  // Whether the task is, or is told that it is, root.
  bool IsRoot() const;

  // Gives the target `fd`, and answers with its number: the lowest that is
  // free, or the lowest of those that are notified.  `flags`: O_CLOEXEC or 0.
  Reply GiveFile(const Fd& fd, int flags) const;
  Reply GiveNotified(const Fd& fd, int flags, int at_least = 0) const;

  const Target target;
  Doorway& door;

 private:
  const seccomp_notif notification_;
};

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_CALL_H_
