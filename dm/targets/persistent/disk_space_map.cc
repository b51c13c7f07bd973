// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/persistent/disk_space_map.h"

#include "dm/targets/persistent/btree.h"

namespace dmdax {
namespace {

constexpr uint64_t kPerBitmap = TransactionManager::kBlocksPerBitmap;
constexpr uint32_t kOverflow = 3;

BtreeInfo Index() { return {.value_size = 16}; }
BtreeInfo RefCounts() { return {.value_size = 4}; }

// dm_hash_block()
size_t Slot(uint64_t index) {
  return static_cast<size_t>(static_cast<uint32_t>(index) * 4294967291u % 64);
}

}  // namespace

DiskSpaceMap::DiskSpaceMap(TransactionManager& tm) : tm_(tm) {
  bitmap_root_ = BtreeEmpty(tm, Index());
  ref_count_root_ = BtreeEmpty(tm, RefCounts());
}

DiskSpaceMap::DiskSpaceMap(TransactionManager& tm, NumberReader* in) : tm_(tm) {
  if (!counts_.Load(in)) return;
  bitmap_root_ = in->Get();
  ref_count_root_ = in->Get();
}

void DiskSpaceMap::Save(NumberWriter* out) const {
  counts_.Save(out);
  out->Put(bitmap_root_);
  out->Put(ref_count_root_);
}

void DiskSpaceMap::SaveChanges(NumberWriter* out) {
  counts_.SaveChanges(out);
  out->Put(bitmap_root_);
  out->Put(ref_count_root_);
}

void DiskSpaceMap::LoadChanges(NumberReader* in) {
  if (!counts_.LoadChanges(in)) return;
  bitmap_root_ = in->Get();
  ref_count_root_ = in->Get();
}

void DiskSpaceMap::WriteBack(Entry* entry) {
  if (!entry->valid || !entry->dirty) return;
  entry->dirty = false;
  bitmap_root_ =
      BtreeInsert(tm_, Index(), bitmap_root_, entry->index, entry->bitmap);
}

uint64_t DiskSpaceMap::LoadEntry(uint64_t index) {
  Entry& entry = cache_[Slot(index)];
  if (entry.valid && entry.index == index) return entry.bitmap;
  WriteBack(&entry);
  const std::optional<uint64_t> bitmap = BtreeLookup(tm_, bitmap_root_, index);
  entry = {true, false, index, bitmap.value_or(0)};
  return entry.bitmap;
}

void DiskSpaceMap::SaveEntry(uint64_t index, uint64_t bitmap) {
  Entry& entry = cache_[Slot(index)];
  if (!entry.valid || entry.index != index) WriteBack(&entry);
  entry = {true, true, index, bitmap};
  // Kernels without the cache write through.
  if (!tm_.profile().sm_disk_caches_index) WriteBack(&entry);
}

void DiskSpaceMap::Extend(uint64_t extra_blocks) {
  const uint64_t first = (counts_.nr_blocks() + kPerBitmap - 1) / kPerBitmap;
  counts_.Grow(extra_blocks);
  const uint64_t end = (counts_.nr_blocks() + kPerBitmap - 1) / kPerBitmap;
  for (uint64_t i = first; i < end && !tm_.failed(); ++i) {
    SaveEntry(i, tm_.NewBlock());
  }
}

std::optional<uint64_t> DiskSpaceMap::NewBlock() {
  std::optional<uint64_t> block = counts_.TakeFree();
  if (block) Change(*block, 1);
  return block;
}

void DiskSpaceMap::Change(uint64_t block, int change) {
  const uint64_t index = block / kPerBitmap;
  bool shared;
  const uint64_t bitmap = tm_.Shadow(LoadEntry(index), &shared);
  if (tm_.failed()) return;
  const uint32_t old = counts_.Get(block);
  const uint64_t was = counts_.allocated();
  counts_.Add(block, change);
  allocated_this_transaction_ += counts_.allocated() - was;
  const uint32_t now = counts_.Get(block);
  if (now >= kOverflow) {
    ref_count_root_ =
        BtreeInsert(tm_, RefCounts(), ref_count_root_, block, now);
  } else if (old >= kOverflow) {
    ref_count_root_ = BtreeRemove(tm_, RefCounts(), ref_count_root_, block);
  }
  SaveEntry(index, bitmap);
}

void DiskSpaceMap::Commit() {
  for (Entry& entry : cache_) WriteBack(&entry);
  counts_.Commit();
  allocated_this_transaction_ = 0;
}

}  // namespace dmdax
