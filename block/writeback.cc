// SPDX-License-Identifier: Apache-2.0
#include "block/writeback.h"

namespace dmdax {

void Writeback::Lost(sector_t sector, uint64_t sectors) {
  absl::MutexLock lock(&mu_);
  AddRange(sector.value(), sector.value() + sectors, &lost_);
}

void Writeback::Written(sector_t sector, uint64_t sectors) {
  absl::MutexLock lock(&mu_);
  RemoveRange(sector.value(), sector.value() + sectors, &lost_);
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
