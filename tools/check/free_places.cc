// SPDX-License-Identifier: Apache-2.0
#include "tools/check/free_places.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "base/round_up.h"
#include "base/units.h"
#include "process/mount_point.h"
#include "tools/check/fresh_files.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Of a device in more pieces no more are looked at: each of its files asks.
constexpr int kMostRuns = 1024;

// Goes through the free pieces of 2 MiB of [pos, end).
class FreePieces {
 public:
  explicit FreePieces(const CureRequest& request) {
    // The session may have some of the machine's files alone, and has those
    // that cures have moved where they are then.
    for (const Session* session : {&request.session, request.machine}) {
      if (session == nullptr) continue;
      const absl::StatusOr<MountPoint*> at =
          session->user->FindMount(request.subject.mount);
      if (at.ok()) used_.push_back(&(*at)->used());
    }
  }

  // The first that begins at `pos`, a multiple of 2 MiB, or behind it.
  uint64_t Next(uint64_t pos) const {
    for (bool moved = true; moved;) {
      moved = false;
      for (const UsedBlocks* used : used_) {
        uint64_t end = used->EndOfUsed(pos);
        if (end == pos) {
          const uint64_t next = used->NextUsed(pos);
          if (next - pos >= kPmdBytes) continue;
          end = used->EndOfUsed(next);
        }
        pos = RoundUp(end, kPmdBytes);
        moved = true;
      }
    }
    return pos;
  }

  // How many follow from `pos` on, which is such a piece.
  uint64_t Count(uint64_t pos, uint64_t end) const {
    for (const UsedBlocks* used : used_) {
      end = std::min(end, used->NextUsed(pos));
    }
    return (end - pos) / kPmdBytes;
  }

 private:
  std::vector<const UsedBlocks*> used_;
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
