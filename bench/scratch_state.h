// SPDX-License-Identifier: Apache-2.0
//
// ScratchState: a state directory that goes when it is no longer used.
//
//   ScratchState state;
//   state.Write(session);
//   state.Run({"table", "d0"}).out;   // as `dmdax table d0` answers
//
// Threading: thread-compatible.
#ifndef DMDAX_BENCH_SCRATCH_STATE_H_
#define DMDAX_BENCH_SCRATCH_STATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "state/part/run_on_part.h"
#include "state/session.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::bench {

// Says what has failed and ends the program.
[[noreturn]] void Die(const absl::Status& status);

class ScratchState {
 public:
  ScratchState();
  ~ScratchState();
  ScratchState(const ScratchState&) = delete;
  ScratchState& operator=(const ScratchState&) = delete;

  void Write(const Session& session);
  // A line of dmsetup, as the command runs it.
  DmsetupResult Run(const std::vector<std::string>& words,
                    LoadScope scope = LoadScope::kNeeded);
  // Moves what was written into the database, so that log_bytes() is 0.
  void EmptyLog();
  // What was written since, in bytes.
  uint64_t log_bytes() const;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_SCRATCH_STATE_H_
