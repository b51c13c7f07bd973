// SPDX-License-Identifier: Apache-2.0
#include "iomap/block_allocator.h"

#include <algorithm>

#include "base/round_up.h"

namespace dmdax {

std::optional<FileExtent> AlignedAllocator::Allocate(uint64_t logical,
                                                     uint64_t length) {
  uint64_t at = next_;
  for (uint64_t free = next_;; free = used_->EndOfUsed(at)) {
    at = free + ((logical - free) & (align_ - 1));
    if (at >= end_) return std::nullopt;
    if (used_ == nullptr || used_->EndOfUsed(at) == at) break;
  }
  const uint64_t end =
      used_ == nullptr ? end_ : std::min(end_, used_->NextUsed(at));
  FileExtent extent{
      .logical = logical, .physical = at, .length = std::min(length, end - at)};
  next_ = at + extent.length;
  return extent;
}

std::optional<FileExtent> ExtentListAllocator::Allocate(uint64_t logical,
                                                        uint64_t length) {
  FileExtent found = free_.Find(logical);
  if (found.type == IOMAP_HOLE) return std::nullopt;
  uint64_t from = logical;
  uint64_t to = logical + std::min(length, found.length);
  if (extsize_ > 0) {
    const uint64_t low = RoundDown(logical, extsize_);
    const uint64_t high = RoundUp(logical + length, extsize_);
    to = std::min(high, found.end());
    // The hint also covers bytes before `logical`, as far as the list is
    // contiguous.
    for (const FileExtent& extent : free_.All()) {
      if (extent.logical <= logical && logical < extent.end()) {
        from = std::max(low, extent.logical);
      }
    }
  }
  found.physical -= logical - from;
  found.logical = from;
  found.length = to - from;
  return found;
}

}  // namespace dmdax
