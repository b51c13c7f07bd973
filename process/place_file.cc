// SPDX-License-Identifier: Apache-2.0
#include "process/place_file.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/round_up.h"
#include "iomap/block_allocator.h"

namespace dmdax {

absl::StatusOr<std::vector<FileExtent>> PlaceFile(uint64_t size,
                                                  Placement placement,
                                                  const PlaceRoom& room,
                                                  const UsedBlocks& used) {
  constexpr uint64_t kHuge = 2 << 20;
  // An extent is congruent to the offset in the file, or a block away from
  // that.
  const uint64_t off = placement == Placement::kAligned ? 0 : room.block_size;
  AlignedAllocator allocator(room.start, room.end, kHuge, &used);
  std::vector<FileExtent> extents;
  const auto no_room = [&](uint64_t placed) {
    return ErrnoError(
        ENOSPC,
        absl::StrCat("a file of ", size, " bytes: there is room for ", placed,
                     " between ", room.start, " and ", room.end));
  };
  if (size > room.end) {
    return no_room(room.end - std::min(room.start, room.end));
  }
  const uint64_t length = RoundUp(size, room.block_size);
  for (uint64_t at = 0; at < length;) {
    std::optional<FileExtent> extent =
        allocator.Allocate(at + off, length - at);
    if (!extent) return no_room(at);
    // Of a gap between files that which holds whole huge pages.
    if (placement == Placement::kAligned && extent->length < length - at) {
      extent->length = RoundDown(extent->length, kHuge);
      if (extent->length == 0) continue;
    }
    extent->logical = at;
    at = extent->end();
    extents.push_back(*extent);
  }
  return extents;
}

}  // namespace dmdax
