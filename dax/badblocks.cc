// SPDX-License-Identifier: Apache-2.0
#include "dax/badblocks.h"

#include <algorithm>
#include <limits>

namespace dmdax {
namespace {

uint64_t EndOf(sector_t first, uint64_t sectors) {
  return CheckedAdd(first.value(), sectors)
      .value_or(std::numeric_limits<uint64_t>::max());
}

}  // namespace

void Badblocks::Clear(sector_t first, uint64_t sectors) {
  if (sectors == 0) return;  // or a range would fall in two
  const uint64_t begin = first.value();
  const uint64_t end = EndOf(first, sectors);
  auto it = ranges_.upper_bound(begin);
  if (it != ranges_.begin()) --it;
  while (it != ranges_.end() && it->first < end) {
    const uint64_t old_begin = it->first;
    const uint64_t old_end = old_begin + it->second;
    if (old_end <= begin) {
      ++it;
      continue;
    }
    it = ranges_.erase(it);
    if (old_begin < begin) ranges_[old_begin] = begin - old_begin;
    if (old_end > end) ranges_[end] = old_end - end;
  }
}

void Badblocks::Set(sector_t first, uint64_t sectors) {
  if (sectors == 0) return;
  uint64_t begin = first.value();
  uint64_t end = EndOf(first, sectors);
  Clear(first, sectors);
  // What is left next to the new range joins it.
  auto next = ranges_.lower_bound(end);
  if (next != ranges_.end() && next->first == end) {
    end += next->second;
    ranges_.erase(next);
  }
  auto it = ranges_.lower_bound(begin);
  if (it != ranges_.begin()) {
    --it;
    if (it->first + it->second == begin) begin = it->first;
  }
  ranges_[begin] = end - begin;
}

sector_t Badblocks::EntryStart(sector_t bad) const {
  constexpr uint64_t kBbMaxLen = 512;  // BB_MAX_LEN
  const uint64_t begin = std::prev(ranges_.upper_bound(bad.value()))->first;
  return sector_t(bad.value() - (bad.value() - begin) % kBbMaxLen);
}

std::optional<BadRange> Badblocks::Check(sector_t first,
                                         uint64_t sectors) const {
  const uint64_t begin = first.value();
  const uint64_t end = EndOf(first, sectors);
  auto it = ranges_.upper_bound(begin);
  if (it != ranges_.begin() &&
      std::prev(it)->first + std::prev(it)->second > begin) {
    --it;
  }
  if (it == ranges_.end() || it->first >= end) return std::nullopt;
  const uint64_t bad_begin = std::max(begin, it->first);
  const uint64_t bad_end = std::min(end, it->first + it->second);
  return BadRange{sector_t(bad_begin), bad_end - bad_begin};
}

}  // namespace dmdax
