// SPDX-License-Identifier: Apache-2.0
#include "iomap/known_holes.h"

#include <algorithm>
#include <iterator>

namespace dmdax {

uint64_t KnownHoles::End(uint64_t pos) const {
  auto it = holes_.upper_bound(pos);
  if (it == holes_.begin() || pos >= std::prev(it)->second) return 0;
  return std::prev(it)->second;
}

uint64_t KnownHoles::EndOf(uint64_t pos, uint64_t gap_start, uint64_t gap_end) {
  if (const uint64_t end = End(pos); end != 0) return std::min(end, gap_end);
  Remember(gap_start, gap_end);
  return gap_end;
}

void KnownHoles::Remember(uint64_t start, uint64_t end) {
  Forget(start, end);
  auto next = holes_.find(end);
  if (next != holes_.end()) {
    end = next->second;
    holes_.erase(next);
  }
  auto it = holes_.lower_bound(start);
  if (it != holes_.begin() && std::prev(it)->second == start) {
    std::prev(it)->second = end;
  } else {
    holes_[start] = end;
  }
}

void KnownHoles::Forget(uint64_t start, uint64_t end) {
  auto it = holes_.upper_bound(start);
  if (it != holes_.begin()) --it;
  while (it != holes_.end() && it->first < end) {
    const auto [from, to] = *it;
    if (to <= start) {
      ++it;
      continue;
    }
    it = holes_.erase(it);
    if (from < start) holes_[from] = start;
    if (to > end) holes_[end] = to;
  }
}

}  // namespace dmdax
