// SPDX-License-Identifier: Apache-2.0
#include "state/repeat_touches.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <utility>

#include "absl/types/span.h"

namespace dmdax {

void RepeatTouches(std::vector<TaskTouches> all, UserSpace& user) {
  const auto earlier = [](const TouchRecord& a, const TouchRecord& b) {
    return a.sequence < b.sequence;
  };
  using Turn = std::pair<uint64_t, size_t>;  // a sequence, and in `all`
  // How far each process is.
  std::vector<size_t> next(all.size(), 0);
  std::priority_queue<Turn, std::vector<Turn>, std::greater<Turn>> turns;
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<TouchRecord>& touches = all[i].touches;
    if (!std::is_sorted(touches.begin(), touches.end(), earlier)) {
      std::stable_sort(touches.begin(), touches.end(), earlier);
    }
    turns.push({touches[0].sequence, i});
  }
  while (!turns.empty()) {
    const size_t i = turns.top().second;
    turns.pop();
    std::vector<TouchRecord>& touches = all[i].touches;
    const size_t begin = next[i];
    // As many as come before those of all others.
    while (
        next[i] < touches.size() &&
        (turns.empty() || Turn(touches[next[i]].sequence, i) < turns.top())) {
      uint64_t& sequence = touches[next[i]++].sequence;
      user.KeepSequence(sequence);
      if (sequence == 0) sequence = user.NextSequence();
    }
    all[i].task->Repeat(
        absl::MakeConstSpan(touches).subspan(begin, next[i] - begin));
    if (next[i] < touches.size()) {
      turns.push({touches[next[i]].sequence, i});
    }
  }
}

}  // namespace dmdax
