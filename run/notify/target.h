// SPDX-License-Identifier: Apache-2.0
//
// Target: what /proc says of a task that waits in a notified system call.
//
//   Target target(notification.pid);
//   target.Link("cwd");             // "/home/me"
//   target.StatFd(900)->st_ino;     // of what its descriptor 900 is
//
// A task that is gone, or not ours to look at, has nothing.
// Threading: thread-safe.
// Mirrors: proc(5), pidfd_getfd(2).
#ifndef DMDAX_RUN_NOTIFY_TARGET_H_
#define DMDAX_RUN_NOTIFY_TARGET_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "run/notify/target_memory.h"

namespace dmdax::run {

class Target {
 public:
  explicit Target(pid_t tid) : tid_(tid), memory_(tid) {}

  pid_t tid() const { return tid_; }
  const TargetMemory& memory() const { return memory_; }

  // "/proc/TID/" and the rest.
  std::string Proc(absl::string_view rest) const;
  std::string FdPath(int fd) const;

  // Where a link of its /proc leads; "" if there is none.
  std::string Link(absl::string_view name) const;
  std::optional<struct stat> StatFd(int fd) const;
  // Whether the number is in use.
  bool HasFd(int fd) const;
  std::string Comm() const;
  pid_t Tgid() const;
  mode_t Umask() const;
  uid_t EffectiveUid() const;
  // A signal waits that it would run a handler for.
  bool HasSignal() const;

  // A copy of its descriptor: the same open file.  Nothing where
  // pidfd_getfd(2) is not allowed, as in Docker's default profile.
  Fd Share(int fd) const;
  // If need be, the same file opened anew, as `mode` or for as much as can be.
  Fd Copy(int fd, std::optional<int> mode = std::nullopt) const;

 private:
  // A line of /proc/TID/status, as a number of base `base`; 0: none.
  uint64_t Status(absl::string_view status, absl::string_view name,
                  int base) const;
  std::string ReadProc(absl::string_view name) const;

  const pid_t tid_;
  const TargetMemory memory_;
};

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_TARGET_H_
