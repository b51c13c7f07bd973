// SPDX-License-Identifier: Apache-2.0
#include "dm/linear_targets.h"

#include <algorithm>
#include <new>
#include <utility>

namespace dmdax {

LinearTargets::LinearTargets(DmTable& table, const TargetType& type,
                             std::shared_ptr<const LinearRows> rows,
                             size_t count, std::vector<Use> uses,
                             uint64_t sectors)
    : table_(table),
      type_(type),
      rows_(std::move(rows)),
      count_(count),
      uses_(std::move(uses)),
      sectors_(sectors) {}

LinearTargets::~LinearTargets() {
  if (targets_ == nullptr) return;
  for (size_t i = 0; i < count_; ++i) {
    if (made_[i / kBlock].load(std::memory_order_relaxed)) {
      targets_[i].~DmTarget();
    }
  }
  std::allocator<DmTarget>().deallocate(targets_, count_);
}

DmTarget LinearTargets::Make(size_t row, uint64_t begin) const {
  DmTarget ti;
  ti.table = &table_;
  ti.type = &type_;
  ti.begin = sector_t(begin);
  ti.len = sector_t(rows_->length[row]);
  type_.ctr_range(ti, uses_[rows_->device[row]].dev,
                  sector_t(rows_->start[row]));
  return ti;
}

// Makes what a look at a row needs: where each row ends, and memory for the
// targets, which is not touched before a row is made.
void LinearTargets::IndexOnce() {
  absl::call_once(indexed_, [this] {
    highs_.Resize(count_);
    uint64_t end = 0;
    for (size_t i = 0; i < count_; ++i) {
      end += rows_->length[i];
      highs_[i] = end - 1;
    }
    targets_ = std::allocator<DmTarget>().allocate(count_);
    made_ = std::make_unique<std::atomic<bool>[]>(count_ / kBlock + 1);
  });
}

void LinearTargets::MakeBlock(size_t block) {
  if (made_[block].load(std::memory_order_acquire)) return;
  absl::MutexLock lock(&making_);
  if (made_[block].load(std::memory_order_relaxed)) return;
  const size_t end = std::min(count_, (block + 1) * kBlock);
  for (size_t i = block * kBlock; i < end; ++i) {
    new (&targets_[i]) DmTarget(Make(i, i == 0 ? 0 : highs_[i - 1] + 1));
  }
  made_[block].store(true, std::memory_order_release);
}

const DmTarget* LinearTargets::Find(uint64_t sector) {
  if (sector >= sectors_) return nullptr;
  IndexOnce();
  const size_t row = FindHigh(highs_.data(), count_, sector);
  MakeBlock(row / kBlock);
  return &targets_[row];
}

absl::Span<DmTarget> LinearTargets::All() {
  IndexOnce();
  for (size_t block = 0; block * kBlock < count_; ++block) MakeBlock(block);
  return absl::MakeSpan(targets_, count_);
}

}  // namespace dmdax
