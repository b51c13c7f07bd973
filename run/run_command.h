// SPDX-License-Identifier: Apache-2.0
//
// A command on a resident machine.
//
//   RunOptions options{.command = {"dmsetup", "ls"}, .socket = path};
//   absl::StatusOr<int> exit = RunOnServer(server, options);
//
// Errors: ENOENT and others of the command itself, EXDEV: the preload library
// is not beside dmdax.
#ifndef DMDAX_RUN_RUN_COMMAND_H_
#define DMDAX_RUN_RUN_COMMAND_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/fd.h"
#include "run/choose_door.h"
#include "server/server.h"

namespace dmdax {

struct RunOptions {
  std::vector<std::string> command;
  std::string socket;  // absolute
  // Whether the command is told that it is root.
  enum Ids { kOwn, kRoot } ids = kOwn;
  Door door = Door::kPreload;
  // The state that is the server's, or ""; for dmdax's own verbs.
  std::string state;
};

// Serves until the command ends.  The exit status as a shell's $? has it.
// Signals that are sent to this process are the command's.  The machine of a
// state may have got other programs by then: a process of its own goes on
// serving them, and this one ends here.
absl::StatusOr<int> RunOnServer(Server& server, const RunOptions& options);

// The same on the server of another process, to which there is a connection: it
// stays as long as the command does.
absl::StatusOr<int> RunBeside(const RunOptions& options, Fd server);

// The same for a program of such a command, in its place: `command` is a file,
// and then its arguments from the zeroth on.  Where there can be no supervisor
// it is executed as it is, and a line says so.
absl::StatusOr<int> RunJoined(const RunOptions& options);

}  // namespace dmdax

#endif  // DMDAX_RUN_RUN_COMMAND_H_
