// SPDX-License-Identifier: Apache-2.0
//
// DiskArray: an array on a metadata device: blocks of values, and a tree of
// them.  Only its blocks are kept here; what the values are, its owner knows.
// A bitset is an array of 64-bit words.
//
//   DiskArray array(tm, 8);
//   array.Resize(1000);
//   array.Set(17);  // element 17 is changed
//
// Mirrors: dm-array.c, dm-bitset.c of drivers/md/persistent-data (6.1).
// Threading: as TransactionManager.
#ifndef DMDAX_DM_TARGETS_PERSISTENT_DISK_ARRAY_H_
#define DMDAX_DM_TARGETS_PERSISTENT_DISK_ARRAY_H_

#include <cstdint>

#include "dm/targets/persistent/btree.h"
#include "dm/targets/persistent/number_stream.h"
#include "dm/targets/persistent/transaction_manager.h"

namespace dmdax {

class DiskArray {
 public:
  // dm_array_empty().
  DiskArray(TransactionManager& tm, uint32_t value_size);
  // dm_array_new(): `size` elements at once.
  static DiskArray New(TransactionManager& tm, uint32_t value_size,
                       uint64_t size);
  // Of what Save() wrote.
  DiskArray(TransactionManager& tm, uint32_t value_size, NumberReader* in);
  // The array at `root` in a tree of arrays.
  DiskArray(TransactionManager& tm, uint32_t value_size, uint64_t root,
            uint64_t size);

  void Resize(uint64_t size);
  void Set(uint64_t index);
  // dm_array_del().
  void Delete();

  uint64_t root() const { return root_; }
  uint64_t size() const { return size_; }
  void Save(NumberWriter* out) const {
    out->Put(root_);
    out->Put(size_);
  }

 private:
  BtreeInfo Info() const;
  void InsertBlock(uint64_t index);
  // shadow_ablock()
  void ShadowBlock(uint64_t index);

  TransactionManager* tm_;
  uint32_t value_size_;
  uint64_t per_block_;
  uint64_t root_ = 0;
  uint64_t size_ = 0;
};

// How many words of a bitset hold so many bits.
inline uint64_t BitsetWords(uint64_t bits) { return (bits + 63) / 64; }

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_PERSISTENT_DISK_ARRAY_H_
