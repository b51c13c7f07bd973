// SPDX-License-Identifier: Apache-2.0
#include "state/row_positions.h"

#include <algorithm>
#include <vector>

namespace dmdax {
namespace {

// The longest ascending subsequence of the numbers there are: which rows keep
// theirs.
std::vector<bool> Keeps(absl::Span<const std::optional<int64_t>> before) {
  constexpr size_t kNone = ~size_t{0};
  // ends[k]: the row with the least number that ends a sequence of k + 1.
  std::vector<size_t> ends;
  std::vector<size_t> previous(before.size(), kNone);
  for (size_t i = 0; i < before.size(); ++i) {
    if (!before[i]) continue;
    auto at = std::lower_bound(
        ends.begin(), ends.end(), *before[i],
        [&](size_t row, int64_t number) { return *before[row] < number; });
    if (at != ends.begin()) previous[i] = *(at - 1);
    if (at == ends.end()) {
      ends.push_back(i);
    } else {
      *at = i;
    }
  }
  std::vector<bool> keeps(before.size());
  size_t row = ends.empty() ? kNone : ends.back();
  for (; row != kNone; row = previous[row]) keeps[row] = true;
  return keeps;
}

}  // namespace

void ChoosePositions(absl::Span<const std::optional<int64_t>> before,
                     absl::Span<int64_t> positions) {
  const std::vector<bool> keeps = Keeps(before);
  int64_t last = 0;
  for (size_t i = 0; i < before.size();) {
    if (keeps[i]) {
      last = positions[i] = *before[i];
      ++i;
      continue;
    }
    size_t end = i;
    while (end < before.size() && !keeps[end]) ++end;
    const auto count = static_cast<int64_t>(end - i);
    const int64_t gap =
        end == before.size() ? kRowGap : (*before[end] - last) / (count + 1);
    if (gap == 0) {
      // No room between two rows: all get new numbers.
      for (size_t row = 0; row < positions.size(); ++row) {
        positions[row] = static_cast<int64_t>(row + 1) * kRowGap;
      }
      return;
    }
    for (; i < end; ++i) last = positions[i] = last + gap;
  }
}

}  // namespace dmdax
