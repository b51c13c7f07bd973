// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/persistent/disk_array.h"

namespace dmdax {
namespace {

uint64_t PerBlock(uint32_t value_size) {
  constexpr uint64_t kHeaderBytes = 24, kBlockBytes = 4096;
  return (kBlockBytes - kHeaderBytes) / value_size;
}

}  // namespace

BtreeInfo DiskArray::Info() const {
  return {.value_size = 8,
          .refer =
              [tm = tm_](uint64_t block, int change) {
                change > 0 ? tm->Inc(block) : tm->Dec(block);
              },
          .equal = [](uint64_t a, uint64_t b) { return a == b; }};
}

DiskArray::DiskArray(TransactionManager& tm, uint32_t value_size)
    : DiskArray(tm, value_size, 0, 0) {
  root_ = BtreeEmpty(tm, Info());
}

DiskArray::DiskArray(TransactionManager& tm, uint32_t value_size, uint64_t root,
                     uint64_t size)
    : tm_(&tm),
      value_size_(value_size),
      per_block_(PerBlock(value_size)),
      root_(root),
      size_(size) {}

DiskArray::DiskArray(TransactionManager& tm, uint32_t value_size,
                     NumberReader* in)
    : DiskArray(tm, value_size, 0, 0) {
  root_ = in->Get();
  size_ = in->Get();
}

DiskArray DiskArray::New(TransactionManager& tm, uint32_t value_size,
                         uint64_t size) {
  DiskArray array(tm, value_size);
  array.Resize(size);
  return array;
}

void DiskArray::InsertBlock(uint64_t index) {
  root_ = BtreeInsert(*tm_, Info(), root_, index, tm_->NewBlock());
}

void DiskArray::ShadowBlock(uint64_t index) {
  const uint64_t block = BtreeLookup(*tm_, root_, index).value_or(0);
  bool shared;
  const uint64_t copy = tm_->Shadow(block, &shared);
  if (copy == block) return;
  // The shadow has given up the old block, which the tree gives up once more.
  tm_->Inc(block);
  root_ = BtreeInsert(*tm_, Info(), root_, index, copy);
}

void DiskArray::Resize(uint64_t size) {
  const uint64_t old_blocks = (size_ + per_block_ - 1) / per_block_;
  const uint64_t blocks = (size + per_block_ - 1) / per_block_;
  if (size > size_) {
    if (size_ % per_block_ != 0) ShadowBlock(old_blocks - 1);
    for (uint64_t i = old_blocks; i < blocks && !tm_->failed(); ++i) {
      InsertBlock(i);
    }
  } else if (size < size_) {
    for (uint64_t i = blocks; i < old_blocks && !tm_->failed(); ++i) {
      root_ = BtreeRemove(*tm_, Info(), root_, i);
    }
    if (size % per_block_ != 0) ShadowBlock(blocks - 1);
  }
  size_ = size;
}

void DiskArray::Set(uint64_t index) { ShadowBlock(index / per_block_); }

void DiskArray::Delete() { BtreeDel(*tm_, Info(), root_); }

}  // namespace dmdax
