// SPDX-License-Identifier: Apache-2.0
//
// RunNotified: a command on a resident machine, static or not, by way of
// seccomp's user notification.
//
//   absl::StatusOr<int> status = RunNotified(
//       {.command = {"./client"}, .socket = path, .ids = UserIds::kRoot});
//
// The path and descriptor calls of the command and all that come of it wait for
// an answer of this process, which is the machine's or that the kernel is to
// carry the call out.  When the command ends, what is left of its descendants
// is killed.  Signals that are sent to this process are the command's.
//
// It takes all children of the process for its own: fork(2) first.  A server of
// this process is served by a thread of its own; no other may be running.
//
// Errors: those of StartNotified(); EMFILE: the limit of open files is too low;
// that no machine is at the socket; and those of Server::Run().
// Mirrors: seccomp_unotify(2).
#ifndef DMDAX_RUN_NOTIFY_RUN_NOTIFIED_H_
#define DMDAX_RUN_NOTIFY_RUN_NOTIFIED_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "run/notify/syscall_filter.h"

namespace dmdax {
class Server;
}  // namespace dmdax

namespace dmdax::run {

struct NotifyOptions {
  std::vector<std::string> command;
  std::string file;    // that is executed; "": as execvp(3) finds command[0]
  std::string socket;  // absolute
  UserIds ids = UserIds::kOwn;
  // One of this process that is served meanwhile; null: another serves.
  Server* server = nullptr;
};

// The exit status as a shell's $? has it.
absl::StatusOr<int> RunNotified(const NotifyOptions& options);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_RUN_NOTIFIED_H_
