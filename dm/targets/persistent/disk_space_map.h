// SPDX-License-Identifier: Apache-2.0
//
// DiskSpaceMap: which blocks of a data device are in use, and how often, kept
// in blocks of a metadata device: a bitmap for each 16320 of them, and a tree
// of the bitmaps.
//
//   DiskSpaceMap data(tm);
//   data.Extend(512);
//   data.NewBlock();  // 0, the first
//
// Mirrors: dm-space-map-disk.c of drivers/md/persistent-data (4.14 to 7.2).
// Threading: as TransactionManager.
#ifndef DMDAX_DM_TARGETS_PERSISTENT_DISK_SPACE_MAP_H_
#define DMDAX_DM_TARGETS_PERSISTENT_DISK_SPACE_MAP_H_

#include <array>
#include <cstdint>
#include <optional>

#include "dm/targets/persistent/block_counts.h"
#include "dm/targets/persistent/number_stream.h"
#include "dm/targets/persistent/transaction_manager.h"

namespace dmdax {

class DiskSpaceMap {
 public:
  // dm_sm_disk_create() of no blocks.
  explicit DiskSpaceMap(TransactionManager& tm);
  // dm_sm_disk_open() of what Save() wrote.
  DiskSpaceMap(TransactionManager& tm, NumberReader* in);

  void Extend(uint64_t extra_blocks);
  std::optional<uint64_t> NewBlock();
  void Change(uint64_t block, int change);
  uint32_t Count(uint64_t block) const { return counts_.Get(block); }
  void Commit();

  // As of the last commit, but for what has been used since.
  uint64_t nr_blocks() const { return counts_.committed_blocks(); }
  uint64_t nr_used() const {
    return counts_.committed_allocated() + allocated_this_transaction_;
  }

  void Save(NumberWriter* out) const;
  // As those of TransactionManager.
  void SaveChanges(NumberWriter* out);
  void ForgetChanges() { counts_.ForgetChanges(); }
  void LoadChanges(NumberReader* in);

 private:
  // struct ie_cache: the index entries that were used last.
  struct Entry {
    bool valid = false, dirty = false;
    uint64_t index = 0, bitmap = 0;
  };

  uint64_t LoadEntry(uint64_t index);
  void SaveEntry(uint64_t index, uint64_t bitmap);
  void WriteBack(Entry* entry);

  TransactionManager& tm_;
  BlockCounts counts_;
  uint64_t allocated_this_transaction_ = 0;
  uint64_t bitmap_root_ = 0, ref_count_root_ = 0;
  std::array<Entry, 64> cache_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_PERSISTENT_DISK_SPACE_MAP_H_
