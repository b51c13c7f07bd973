// SPDX-License-Identifier: Apache-2.0
//
// RunOnPart: does something with a state's machine, of which it loads what that
// takes.
//
//   absl::Status s = RunOnPart(
//       *dir, LoadScope::kNeeded, SessionFromSnapshot, &ran,
//       [&](Session& session) {
//         answer = RunDmsetup(*session.ctl, {"table", "home"}, "");
//         return absl::OkStatus();
//       });
//
// It begins with a machine that is almost empty.  If something was looked up
// that is not loaded, all is done again, from the start and with more; what
// asks for a list gets the whole machine.  So `run` must do the same when it is
// called again, and what it leaves behind counts only in the end.  The answer,
// and what a change writes, are those of the whole machine.
// Threading: as StateDir.
#ifndef DMDAX_STATE_PART_RUN_ON_PART_H_
#define DMDAX_STATE_PART_RUN_ON_PART_H_

#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/part/state_part.h"
#include "state/session.h"
#include "state/state_dir.h"

namespace dmdax {

enum class LoadScope {
  kNeeded,
  kWhole,  // always: what kNeeded is compared with
};

// A machine that `run` has come to its end with.
struct PartSession {
  Session session;
  uint64_t generation = 0;
};

using MakeSessionFn =
    absl::FunctionRef<absl::StatusOr<Session>(proto::StateSnapshot&)>;
using RunFn = absl::FunctionRef<absl::Status(Session&)>;

// Returns what `run` does, or why the machine could not be loaded.  After OK
// `ran` has the machine, which may be written with `dir`, or asked what `run`
// has asked it already; `dir` must outlive it.
absl::Status RunOnPart(StateDir& dir, LoadScope scope, MakeSessionFn make,
                       PartSession* ran, RunFn run);

}  // namespace dmdax

#endif  // DMDAX_STATE_PART_RUN_ON_PART_H_
