// SPDX-License-Identifier: Apache-2.0
//
// The B-trees of the persistent-data library: 64-bit keys to 64-bit values, in
// nodes of one block each.  Every change gives a new root.
//
//   const BtreeInfo info = {.value_size = 8};
//   uint64_t root = BtreeEmpty(tm, info);
//   root = BtreeInsert(tm, info, root, 5, 50);
//   BtreeLookup(tm, root, 5);  // 50
//
// Mirrors: dm-btree.c, dm-btree-remove.c, dm-btree-spine.c of
// drivers/md/persistent-data (4.14 to 7.2).
// Threading: as TransactionManager.
#ifndef DMDAX_DM_TARGETS_PERSISTENT_BTREE_H_
#define DMDAX_DM_TARGETS_PERSISTENT_BTREE_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "dm/targets/persistent/transaction_manager.h"

namespace dmdax {

struct BtreeInfo {
  uint32_t value_size;  // bytes on the disk
  // value_type.inc and .dec: a value has been copied (1) or dropped (-1).
  std::function<void(uint64_t value, int change)> refer = nullptr;
  // Whether two values refer to the same.  Null: they never do.
  bool (*equal)(uint64_t a, uint64_t b) = nullptr;
};

// The entries that a node or an array block of such values holds.
uint32_t BtreeMaxEntries(uint32_t value_size);

uint64_t BtreeEmpty(TransactionManager& tm, const BtreeInfo& info);
std::optional<uint64_t> BtreeLookup(TransactionManager& tm, uint64_t root,
                                    uint64_t key);
std::optional<uint64_t> BtreeLowestKey(TransactionManager& tm, uint64_t root);
std::optional<uint64_t> BtreeHighestKey(TransactionManager& tm, uint64_t root);
uint64_t BtreeInsert(TransactionManager& tm, const BtreeInfo& info,
                     uint64_t root, uint64_t key, uint64_t value);
// The same through a tree of trees: `top` has the root of the tree of `upper`,
// and both change.
uint64_t BtreeInsert2(TransactionManager& tm, const BtreeInfo& info,
                      uint64_t top, uint64_t upper, uint64_t key,
                      uint64_t value);
// `key` must be there.
uint64_t BtreeRemove(TransactionManager& tm, const BtreeInfo& info,
                     uint64_t root, uint64_t key);
// dm_btree_del(): one reference less to the whole tree.
void BtreeDel(TransactionManager& tm, const BtreeInfo& info, uint64_t root);
// Calls fn for every entry, in order.
void BtreeWalk(TransactionManager& tm, uint64_t root,
               const std::function<void(uint64_t key, uint64_t value)>& fn);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_PERSISTENT_BTREE_H_
