// SPDX-License-Identifier: Apache-2.0
#include "base/ranges.h"

#include <algorithm>
#include <iterator>

namespace dmdax {

void AddRange(uint64_t begin, uint64_t end, Ranges* ranges) {
  auto it = ranges->upper_bound(begin);
  if (it != ranges->begin() && std::prev(it)->second >= begin) {
    --it;
    begin = it->first;
  }
  while (it != ranges->end() && it->first <= end) {
    end = std::max(end, it->second);
    it = ranges->erase(it);
  }
  ranges->emplace_hint(it, begin, end);
}

void RemoveRange(uint64_t begin, uint64_t end, Ranges* ranges) {
  auto it = ranges->upper_bound(begin);
  if (it != ranges->begin()) --it;
  while (it != ranges->end() && it->first < end) {
    const auto [from, to] = *it;
    if (to <= begin) {
      ++it;
      continue;
    }
    it = ranges->erase(it);
    if (from < begin) (*ranges)[from] = begin;
    if (to > end) (*ranges)[end] = to;
  }
}

}  // namespace dmdax
