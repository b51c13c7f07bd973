// SPDX-License-Identifier: Apache-2.0
#include "block/writeback.h"

#include <iterator>

namespace dmdax {

// Takes [begin, end) out of what is lost.
void Writeback::Cut(uint64_t begin, uint64_t end) {
  auto it = lost_.upper_bound(begin);
  if (it != lost_.begin()) --it;
  while (it != lost_.end() && it->first < end) {
    const Run run = {it->first, it->second};
    if (run.end <= begin) {
      ++it;
      continue;
    }
    it = lost_.erase(it);
    if (run.begin < begin) lost_[run.begin] = begin;
    if (run.end > end) lost_[end] = run.end;
  }
}

void Writeback::Lost(sector_t sector, uint64_t sectors) {
  absl::MutexLock lock(&mu_);
  uint64_t begin = sector.value(), end = begin + sectors;
  Cut(begin, end);
  auto next = lost_.lower_bound(begin);
  if (next != lost_.begin() && std::prev(next)->second == begin) {
    begin = std::prev(next)->first;
    lost_.erase(std::prev(next));
  }
  if (next != lost_.end() && next->first == end) {
    end = next->second;
    lost_.erase(next);
  }
  lost_[begin] = end;
}

void Writeback::Written(sector_t sector, uint64_t sectors) {
  absl::MutexLock lock(&mu_);
  if (!lost_.empty()) Cut(sector.value(), sector.value() + sectors);
}

std::vector<Writeback::Run> Writeback::TakeLost() {
  absl::MutexLock lock(&mu_);
  std::vector<Run> runs;
  for (const auto& [begin, end] : lost_) runs.push_back({begin, end});
  lost_.clear();
  return runs;
}

void Writeback::SetError(int err) {
  absl::MutexLock lock(&mu_);
  ++errors_;
  err_ = err;
  seen_ = false;
}

uint64_t Writeback::Sample() const {
  absl::MutexLock lock(&mu_);
  return seen_ ? errors_ : 0;
}

int Writeback::CheckAndAdvance(uint64_t* since) {
  absl::MutexLock lock(&mu_);
  if (*since == errors_) return 0;
  *since = errors_;
  seen_ = true;
  return err_;
}

}  // namespace dmdax
