// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/persistent/block_counts.h"

#include <algorithm>

namespace dmdax {

void BlockCounts::Add(uint64_t block, int change) {
  changed_.insert(block);
  if (change > 0) {
    if (++counts_[block] == 1 && freed_.erase(block) == 0) {
      taken_.insert(block);
    }
    return;
  }
  auto it = counts_.find(block);
  if (it == counts_.end() || --it->second > 0) return;
  counts_.erase(it);
  if (taken_.erase(block) == 0) freed_.insert(block);
}

std::optional<uint64_t> BlockCounts::FindFree(uint64_t begin,
                                              uint64_t end) const {
  auto used = counts_.lower_bound(begin);
  auto freed = freed_.lower_bound(begin);
  for (uint64_t block = begin; block < end; ++block) {
    if (used != counts_.end() && used->first == block) {
      ++used;
    } else if (freed != freed_.end() && *freed == block) {
      ++freed;
    } else {
      return block;
    }
  }
  return std::nullopt;
}

std::optional<uint64_t> BlockCounts::TakeFree() {
  std::optional<uint64_t> block = FindFree(begin_, nr_blocks_);
  if (!block) block = FindFree(0, std::min(begin_, nr_blocks_));
  if (block) begin_ = *block + 1;
  return block;
}

void BlockCounts::Commit() {
  committed_allocated_ = counts_.size();
  committed_blocks_ = nr_blocks_;
  taken_.clear();
  freed_.clear();
}

void BlockCounts::Save(NumberWriter* out) const {
  out->Put(nr_blocks_);
  out->Put(counts_.size());
  uint64_t last = 0;
  for (const auto& [block, count] : counts_) {
    out->Put(block - last);
    out->Put(count);
    last = block;
  }
}

void BlockCounts::SaveChanges(NumberWriter* out) {
  out->Put(nr_blocks_);
  out->Put(changed_.size());
  uint64_t last = 0;
  for (const uint64_t block : changed_) {
    out->Put(block - last);
    out->Put(Get(block));
    last = block;
  }
  ForgetChanges();
}

bool BlockCounts::LoadChanges(NumberReader* in) {
  nr_blocks_ = in->Get();
  uint64_t block = 0;
  for (uint64_t n = in->Get(); n > 0 && in->ok(); --n) {
    block += in->Get();
    const auto count = static_cast<uint32_t>(in->Get());
    if (count == 0) {
      counts_.erase(block);
    } else {
      counts_[block] = count;
    }
  }
  Commit();
  return in->ok();
}

bool BlockCounts::Load(NumberReader* in) {
  *this = BlockCounts();
  nr_blocks_ = in->Get();
  uint64_t block = 0;
  for (uint64_t n = in->Get(); n > 0 && in->ok(); --n) {
    block += in->Get();
    counts_[block] = static_cast<uint32_t>(in->Get());
  }
  Commit();
  return in->ok();
}

}  // namespace dmdax
