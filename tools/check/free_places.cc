// SPDX-License-Identifier: Apache-2.0
#include "tools/check/free_places.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "base/round_up.h"
#include "base/units.h"
#include "process/mount_point.h"
#include "tools/check/free_runs.h"
#include "tools/check/stands_on.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Of a device in more pieces no more are looked at: each of its files asks.
constexpr int kMostRuns = 1024;

// Goes through the free pieces of 2 MiB of [pos, end).  The session may have
// some of the machine's files alone, and has those that cures have moved where
// they are then.
class FreePieces {
 public:
  explicit FreePieces(const CureRequest& request) {
    const absl::StatusOr<MountPoint*> at =
        request.session.user->FindMount(request.subject.mount);
    if (at.ok()) used_ = &(*at)->used();
    if (request.stands_on != nullptr) {
      runs_ = request.stands_on->free_runs().Of(request.subject.mount);
    }
  }

  // The first that begins at `pos`, a multiple of 2 MiB, or behind it.
  uint64_t Next(uint64_t pos) const {
    for (;;) {
      if (runs_ != nullptr) pos = std::max(pos, RunAt(pos).begin);
      const uint64_t free = used_ == nullptr ? pos : NextFreePiece(*used_, pos);
      if (free == pos) return pos;
      pos = free;
    }
  }

  // How many follow from `pos` on, which is such a piece.
  uint64_t Count(uint64_t pos, uint64_t end) const {
    if (runs_ != nullptr) end = std::min(end, RunAt(pos).end);
    if (used_ != nullptr) end = std::min(end, used_->NextUsed(pos));
    return (end - pos) / kPmdBytes;
  }

 private:
  // The machine's first that does not end before `pos`.
  const FreeRuns::Run& RunAt(uint64_t pos) const {
    return *std::upper_bound(
        runs_->begin(), runs_->end() - 1, pos,
        [](uint64_t at, const FreeRuns::Run& run) { return at < run.end; });
  }

  const UsedBlocks* used_ = nullptr;
  const FreeRuns::OfMount* runs_ = nullptr;  // null: the session is all
};

}  // namespace

std::vector<FileExtent> FreePlaces(const CureRequest& request, uint64_t bytes) {
  const FreePieces pieces(request);
  const uint64_t device = request.subject.bdev->nr_sectors() * kSectorSize;
  // The first piece has the super block.
  const uint64_t behind =
      RoundUp(std::max(request.used_end, kPmdBytes), kPmdBytes);
  std::vector<FileExtent> found;
  uint64_t have = 0, left = RoundUp(device / 16, kPmdBytes);
  int runs = 0;
  const auto take = [&](uint64_t pos, uint64_t end) {
    for (pos = pieces.Next(pos); pos + kPmdBytes <= end && left != 0;
         pos = pieces.Next(pos)) {
      if (++runs > kMostRuns) return;
      const uint64_t run = pieces.Count(pos, end) * kPmdBytes;
      const uint64_t taken = std::min(run, bytes - have);
      if (taken != 0) {
        found.push_back({.logical = have, .physical = pos, .length = taken});
        have += taken;
      }
      left -= std::min(run - taken, left);
      pos += run;
    }
  };
  take(behind, device);
  if (left != 0) take(kPmdBytes, std::min(behind, device));
  if (have < bytes || left != 0) return {};
  return found;
}

}  // namespace dmdax
