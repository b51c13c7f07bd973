// SPDX-License-Identifier: Apache-2.0
//
// Listener: the supervisor's end of a seccomp filter with user notification.
//
//   absl::StatusOr<NotifiedChild> child = StartNotified(argv[0], argv, filter,
//   mask);
//   // In another thread, since execve(2) may be notified too:
//   while (std::optional<seccomp_notif> call = child->listener.Receive()) {
//     child->listener.Continue(call->id);  // the kernel carries it out
//   }
//   absl::Status s = AwaitExecution(*child, argv[0]);
//
// The command waits killable while it waits for an answer
// (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19): a signal that is
// handled does not interrupt a call that has been received, so that no call is
// done twice.  Older kernels and a command that has a listener already are
// refused with words.
//
// Mirrors: seccomp_unotify(2); kernel/seccomp.c (6.1).
// Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_LISTENER_H_
#define DMDAX_RUN_NOTIFY_LISTENER_H_

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/fd.h"

namespace dmdax::run {

class Listener {
 public:
  explicit Listener(Fd fd) : fd_(std::move(fd)) {}

  // The next notified call.  Nothing: a signal came, or IsOver().
  std::optional<seccomp_notif> Receive() const;
  // No task has the filter any more.
  bool IsOver() const;

  // Each call gets one of these answers.  One for a task that was killed
  // meanwhile is dropped.
  void Continue(uint64_t id) const;
  void Return(uint64_t id, int64_t value) const;
  void Fail(uint64_t id, int err) const;

  // Gives the task a copy of `fd` as the lowest free number, or as `at`: the
  // number, or -errno if the task can have none (EMFILE).  The call has no
  // answer yet, so that our own copy can be closed before: else the task's last
  // close might not be the last one.  `flags`: O_CLOEXEC or 0.
  int64_t AddFd(uint64_t id, int fd, int flags, std::optional<int> at) const;

  // Whether the task still waits for this answer.
  bool Waits(uint64_t id) const;

 private:
  Fd fd_;
};

struct NotifiedChild {
  pid_t pid = 0;
  Listener listener{Fd()};
  Fd reports;
};

// Forks, and executes `file`, as execvp(3) does, with `argv` under the filter,
// with this mask of signals.
// Errors, in words, with the errno: EBUSY, there is a listener already; EINVAL,
// ENOSYS: the kernel is too old; EPERM, EACCES: not allowed here.
absl::StatusOr<NotifiedChild> StartNotified(
    const std::string& file, const std::vector<std::string>& argv,
    absl::Span<const sock_filter> filter, const sigset_t& mask);
// Waits until the program runs, or says why not: as execvp(3) of `file`.
absl::Status AwaitExecution(const NotifiedChild& child,
                            const std::string& file);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_LISTENER_H_
