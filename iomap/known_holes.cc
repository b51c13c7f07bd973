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
  AddRange(start, end, &holes_);
}

void KnownHoles::Forget(uint64_t start, uint64_t end) {
  RemoveRange(start, end, &holes_);
}

}  // namespace dmdax
