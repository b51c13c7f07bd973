// SPDX-License-Identifier: Apache-2.0
//
// What a command leaves running in the background, which ends with it, as in a
// container: its machine is gone, and daemons of LVM2 ask for it without end.
//
//   Orphans orphans;         // before the command is started
//   while (!Bury(command))   // after each SIGCHLD
//   orphans.Kill();
//
// Threading: one thread at a time.
#ifndef DMDAX_RUN_NOTIFY_ORPHANS_H_
#define DMDAX_RUN_NOTIFY_ORPHANS_H_

#include <sys/types.h>

#include <optional>
#include <set>

namespace dmdax::run {

class Orphans {
 public:
  // From now on who loses its parent below this process becomes its child.
  Orphans();

  // Kills the children that this process has got since, and theirs, and waits
  // for their end.  Those of a shell that became this process stay.
  void Kill() const;

 private:
  std::set<pid_t> others_;
};

// The command's status as a shell's $? has it, if it has ended.  Orphans that
// have are buried too.
std::optional<int> Bury(pid_t command);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_ORPHANS_H_
