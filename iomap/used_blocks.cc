// SPDX-License-Identifier: Apache-2.0
#include "iomap/used_blocks.h"

#include <algorithm>
#include <iterator>

namespace dmdax {

void UsedBlocks::Add(BlockSharing sharing, uint64_t start, uint64_t length) {
  if (length == 0) return;
  AddRange(start, start + length,
           sharing == BlockSharing::kShared ? &shared_ : &owned_);
}

bool UsedBlocks::Refuses(BlockSharing sharing, uint64_t start,
                         uint64_t length) const {
  const uint64_t end = start + length;
  return Overlaps(owned_, start, end) ||
         (sharing == BlockSharing::kOwned && Overlaps(shared_, start, end));
}

uint64_t UsedBlocks::EndOfUsed(uint64_t pos) const {
  for (uint64_t end = pos;; pos = end) {
    end = EndOf(shared_, EndOf(owned_, pos));
    if (end == pos) return pos;
  }
}

uint64_t UsedBlocks::NextUsed(uint64_t pos) const {
  return std::min(Next(owned_, pos), Next(shared_, pos));
}

bool UsedBlocks::Overlaps(const Ranges& ranges, uint64_t start, uint64_t end) {
  // Ranges do not overlap: the last that begins below `end` reaches furthest.
  auto it = ranges.lower_bound(end);
  return it != ranges.begin() && std::prev(it)->second > start;
}

uint64_t UsedBlocks::EndOf(const Ranges& ranges, uint64_t pos) {
  auto it = ranges.upper_bound(pos);
  if (it == ranges.begin()) return pos;
  return std::max(pos, std::prev(it)->second);
}

uint64_t UsedBlocks::Next(const Ranges& ranges, uint64_t pos) {
  auto it = ranges.lower_bound(pos);
  return it == ranges.end() ? ~uint64_t{0} : it->first;
}

}  // namespace dmdax
