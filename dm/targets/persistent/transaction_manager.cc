// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/persistent/transaction_manager.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dm/targets/persistent/btree.h"

namespace dmdax {
namespace {

// Counts above 2 do not fit a bitmap, and lie in a tree.
constexpr uint32_t kOverflow = 3;

BtreeInfo RefCounts() { return {.value_size = 4}; }

uint64_t DivUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

}  // namespace

TransactionManager::TransactionManager(const KernelProfile& profile,
                                       uint64_t nr_blocks)
    : profile_(profile) {
  bootstrap_ = true;
  counts_.SetBegin(1);  // behind the superblock
  // The device counts as large enough until its size is known.
  counts_.Grow(std::min(nr_blocks, kMaxBlocks));
  index_root_ = NewBlock();
  ref_count_root_ = BtreeEmpty(*this, RefCounts());
  for (uint64_t i = 0; i < DivUp(counts_.nr_blocks(), kBlocksPerBitmap); ++i) {
    bitmaps_.push_back(NewBlock());
  }
  bootstrap_ = false;
  if (failed_) return;
  const uint64_t end = counts_.begin();
  for (uint64_t block = 0; block < end; ++block) pending_.push_back({block, 1});
  ApplyPending();
  PreCommit();
}

uint64_t TransactionManager::NewBlock() {
  if (failed_) return 0;
  std::optional<uint64_t> block;
  if (bootstrap_) {
    if (counts_.begin() < counts_.nr_blocks()) {
      block = counts_.begin();
      counts_.SetBegin(*block + 1);
    }
  } else {
    block = counts_.TakeFree();
    // The last one may be on its way already, to whoever needs this one first.
    if (block && (block == uncounted_ || Pending(*block) > 0)) block.reset();
  }
  if (!block) {
    failed_ = true;
    return 0;
  }
  if (!bootstrap_) {
    const std::optional<uint64_t> outer = std::exchange(uncounted_, block);
    Change(*block, 1);
    uncounted_ = outer;
    if (failed_) {
      if (recursion_ == 0) no_room_ = NoRoom::kBlocksCount;
      return 0;
    }
    ++allocated_this_transaction_;
    CheckThreshold();
  }
  shadows_.insert(*block);
  nodes_.erase(*block);
  changed_nodes_.insert(*block);
  return *block;
}

void TransactionManager::CheckThreshold() {
  const uint64_t free = nr_blocks() - nr_used();
  const bool was_below = last_free_ && *last_free_ <= threshold_;
  last_free_ = free;
  if (threshold_fn_ != nullptr && free <= threshold_ && !was_below) {
    threshold_fn_();
  }
}

uint64_t TransactionManager::NewNode(BtreeNode node) {
  const uint64_t block = NewBlock();
  if (block != 0) nodes_[block] = std::move(node);
  return block;
}

uint64_t TransactionManager::Shadow(uint64_t block, bool* inc_children) {
  *inc_children = IsShared(block);
  if (shadows_.contains(block) && !*inc_children) {
    changed_nodes_.insert(block);
    return block;
  }
  const uint64_t copy = NewBlock();
  if (copy == 0) return 0;
  if (auto it = nodes_.find(block); it != nodes_.end()) {
    nodes_[copy] = it->second;
  }
  Dec(block);
  return copy;
}

int TransactionManager::Pending(uint64_t block) const {
  int change = 0;
  for (const Op& op : pending_) {
    if (op.block == block) change += op.change;
  }
  return change;
}

uint32_t TransactionManager::Count(uint64_t block) const {
  return static_cast<uint32_t>(static_cast<int>(counts_.Get(block)) +
                               Pending(block));
}

bool TransactionManager::IsShared(uint64_t block) const {
  if (bootstrap_) return false;
  // The kernel does not look into the tree of large counts.
  const uint32_t count = counts_.Get(block);
  return count >= kOverflow || Count(block) > 1;
}

void TransactionManager::Change(uint64_t block, int change) {
  if (failed_) return;
  if (recursion_ > 0 || bootstrap_) {
    pending_.push_back({block, change});
    return;
  }
  ++recursion_;
  Apply({block, change});
  ApplyPending();
  --recursion_;
}

void TransactionManager::ApplyPending() {
  ++recursion_;
  while (!pending_.empty() && !failed_) {
    Apply(pending_.front());
    pending_.pop_front();
  }
  --recursion_;
}

void TransactionManager::Apply(Op op) {
  uint64_t& bitmap = bitmaps_[op.block / kBlocksPerBitmap];
  bool shared;
  bitmap = Shadow(bitmap, &shared);
  if (failed_) {
    no_room_ = NoRoom::kCount;
    return;
  }
  const uint32_t old = counts_.Get(op.block);
  counts_.Add(op.block, op.change);
  const uint32_t now = counts_.Get(op.block);
  if (now == 0 && nodes_.erase(op.block) > 0) {
    changed_nodes_.insert(op.block);
  }
  if (now >= kOverflow) {
    ref_count_root_ =
        BtreeInsert(*this, RefCounts(), ref_count_root_, op.block, now);
  } else if (old >= kOverflow) {
    ref_count_root_ =
        BtreeRemove(*this, RefCounts(), ref_count_root_, op.block);
  }
  index_changed_ = true;
}

void TransactionManager::CommitIndex() {
  if (!index_changed_) return;
  bool shared;
  index_root_ = Shadow(index_root_, &shared);
  index_changed_ = false;
}

void TransactionManager::PreCommit() {
  CommitIndex();
  counts_.Commit();
  allocated_this_transaction_ = 0;
}

void TransactionManager::Extend(uint64_t extra_blocks) {
  const uint64_t old_bitmaps = bitmaps_.size();
  uint64_t old_len = nr_blocks();
  bootstrap_ = true;
  counts_.SetBegin(old_len);
  counts_.Grow(std::min(extra_blocks, kMaxBlocks - old_len));
  for (uint64_t i = old_bitmaps; i < DivUp(nr_blocks(), kBlocksPerBitmap);
       ++i) {
    bitmaps_.push_back(NewBlock());
  }
  // What is given out is counted, which may need blocks, until it needs none.
  do {
    for (uint64_t block = old_len; block < counts_.begin(); ++block) {
      pending_.push_back({block, 1});
    }
    old_len = counts_.begin();
    ApplyPending();
    CommitIndex();
  } while (old_len != counts_.begin() && !failed_);
  bootstrap_ = false;
}

void TransactionManager::SaveRoots(NumberWriter* out) const {
  out->Put(index_root_);
  out->Put(ref_count_root_);
  out->Put(bitmaps_.size());
  for (uint64_t block : bitmaps_) out->Put(block);
}

void TransactionManager::LoadRoots(NumberReader* in) {
  index_root_ = in->Get();
  ref_count_root_ = in->Get();
  bitmaps_.clear();
  for (uint64_t n = in->Get(); n > 0 && in->ok(); --n) {
    bitmaps_.push_back(in->Get());
  }
}

void TransactionManager::SaveNode(const BtreeNode& node, NumberWriter* out) {
  out->Put(node.internal ? 1 : 0);
  out->Put(node.max_entries);
  out->Put(node.entries.size());
  for (const auto& [key, value] : node.entries) {
    out->Put(key);
    out->Put(value);
  }
}

BtreeNode TransactionManager::LoadNode(NumberReader* in) {
  BtreeNode node;
  node.internal = in->Get() != 0;
  node.max_entries = static_cast<uint32_t>(in->Get());
  for (uint64_t i = in->Get(); i > 0 && in->ok(); --i) {
    const uint64_t key = in->Get();
    node.entries.emplace_back(key, in->Get());
  }
  return node;
}

void TransactionManager::Save(NumberWriter* out) const {
  counts_.Save(out);
  SaveRoots(out);
  std::vector<uint64_t> kept;
  for (const auto& [block, node] : nodes_) {
    if (counts_.Get(block) > 0) kept.push_back(block);
  }
  out->Put(kept.size());
  for (uint64_t block : kept) {
    out->Put(block);
    SaveNode(nodes_.at(block), out);
  }
}

TransactionManager::TransactionManager(const KernelProfile& profile,
                                       NumberReader* in)
    : profile_(profile) {
  if (!counts_.Load(in)) return;
  LoadRoots(in);
  for (uint64_t n = in->Get(); n > 0 && in->ok(); --n) {
    const uint64_t block = in->Get();
    nodes_[block] = LoadNode(in);
  }
}

void TransactionManager::SaveChanges(NumberWriter* out) {
  counts_.SaveChanges(out);
  SaveRoots(out);
  out->Put(changed_nodes_.size());
  for (const uint64_t block : changed_nodes_) {
    const auto it = nodes_.find(block);
    const bool kept = it != nodes_.end() && counts_.Get(block) > 0;
    out->Put(block);
    out->Put(kept ? 1 : 0);
    if (kept) SaveNode(it->second, out);
  }
  changed_nodes_.clear();
}

void TransactionManager::ForgetChanges() {
  counts_.ForgetChanges();
  changed_nodes_.clear();
}

void TransactionManager::LoadChanges(NumberReader* in) {
  if (!counts_.LoadChanges(in)) return;
  LoadRoots(in);
  for (uint64_t n = in->Get(); n > 0 && in->ok(); --n) {
    const uint64_t block = in->Get();
    if (in->Get() == 0) {
      nodes_.erase(block);
    } else {
      nodes_[block] = LoadNode(in);
    }
  }
}

}  // namespace dmdax
