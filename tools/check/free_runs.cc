// SPDX-License-Identifier: Apache-2.0
#include "tools/check/free_runs.h"

#include "absl/status/statusor.h"
#include "base/round_up.h"
#include "process/mount_point.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr uint64_t kNoEnd = ~uint64_t{0};

FreeRuns::OfMount RunsOf(const UsedBlocks& used) {
  FreeRuns::OfMount runs;
  for (uint64_t pos = NextFreePiece(used, 0);;) {
    const uint64_t next = used.NextUsed(pos);
    runs.push_back({pos, RoundDown(next, kPmdBytes)});
    if (next == kNoEnd) return runs;
    pos = NextFreePiece(used, runs.back().end);
  }
}

}  // namespace

uint64_t NextFreePiece(const UsedBlocks& used, uint64_t pos) {
  for (pos = RoundUp(pos, kPmdBytes);;) {
    uint64_t end = used.EndOfUsed(pos);
    if (end == pos) {
      const uint64_t next = used.NextUsed(pos);
      if (next - pos >= kPmdBytes) return pos;
      end = used.EndOfUsed(next);
    }
    pos = RoundUp(end, kPmdBytes);
  }
}

const FreeRuns::OfMount* FreeRuns::Of(const std::string& mount) {
  const auto known = mounts_.find(mount);
  if (known != mounts_.end()) return &known->second;
  const absl::StatusOr<MountPoint*> at = machine_.user->FindMount(mount);
  if (!at.ok()) return nullptr;
  return &mounts_.emplace(mount, RunsOf((*at)->used())).first->second;
}

}  // namespace dmdax
