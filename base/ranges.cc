// SPDX-License-Identifier: Apache-2.0
#include "base/ranges.h"

#include <algorithm>
#include <iterator>

namespace dmdax {

void AddRange(uint64_t begin, uint64_t end, Ranges* ranges) {
  auto next = ranges->upper_bound(begin);
  auto it = next;
  if (next != ranges->begin() && std::prev(next)->second >= begin) {
    // It joins the one before it, which grows where it is.
    it = std::prev(next);
    it->second = std::max(it->second, end);
  } else if (next != ranges->end() && next->first <= end) {
    end = std::max(end, next->second);
    it = ranges->emplace_hint(ranges->erase(next), begin, end);
  } else {
    ranges->emplace_hint(next, begin, end);
    return;
  }
  for (next = std::next(it); next != ranges->end() && next->first <= it->second;
       next = std::next(it)) {
    it->second = std::max(it->second, next->second);
    it = std::prev(ranges->erase(next));
  }
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
    if (from < begin) {
      it->second = begin;
      ++it;
    } else {
      it = ranges->erase(it);
    }
    // Nothing else reaches so far.
    if (to > end) {
      ranges->emplace_hint(it, end, to);
      return;
    }
  }
}

}  // namespace dmdax
