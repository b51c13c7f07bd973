// SPDX-License-Identifier: Apache-2.0
//
// FreeRuns: the free pieces of 2 MiB of each mount of a machine, at multiples
// of 2 MiB, as far as its files are known.  They are found once for each mount,
// however many of its files ask.
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_FREE_RUNS_H_
#define DMDAX_TOOLS_CHECK_FREE_RUNS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "iomap/used_blocks.h"
#include "state/session.h"

namespace dmdax {

// The first multiple of 2 MiB from `pos` on at which a whole piece is free.
uint64_t NextFreePiece(const UsedBlocks& used, uint64_t pos);

class FreeRuns {
 public:
  // Whole pieces, as many as there are one behind the other.
  struct Run {
    uint64_t begin, end;
  };
  // In order; where the device ends they do not know, so the last one has none.
  using OfMount = std::vector<Run>;

  explicit FreeRuns(const Session& machine) : machine_(machine) {}

  // Null: nothing is mounted there.
  const OfMount* Of(const std::string& mount);

 private:
  const Session& machine_;
  absl::flat_hash_map<std::string, OfMount> mounts_;  // those asked for
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FREE_RUNS_H_
