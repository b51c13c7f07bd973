// SPDX-License-Identifier: Apache-2.0
//
// TransactionManager: the blocks of a metadata device, as the kernel's
// persistent-data library gives them out.  Nothing is changed in place: what
// a transaction changes it copies first (a shadow), so how many blocks a
// structure takes, and which, follows from the order of the changes alone.
// The space map that counts the blocks lies in blocks of the same kind:
//
//   block 0    the superblock, which is its owner's
//   then       the index of the bitmaps, the root of the counts above 2, a
//              bitmap for each 16320 blocks
//
// What is in a block is kept only for nodes of B-trees, because nothing else
// decides where the next one goes.  Blocks are 4096 bytes.
//
//   TransactionManager tm(profile, 1000);
//   const uint64_t root = tm.NewBlock();
//   tm.PreCommit();
//   tm.Commit();
//   tm.nr_used();  // of 1000
//
// When no block is free, NewBlock() returns 0, failed() is true from then on,
// and what is done after that means nothing.
//
// Mirrors: dm-transaction-manager.c, dm-space-map-metadata.c,
// dm-space-map-common.c of drivers/md/persistent-data (4.14 to 7.2).
// Threading: thread-compatible.
#ifndef DMDAX_DM_TARGETS_PERSISTENT_TRANSACTION_MANAGER_H_
#define DMDAX_DM_TARGETS_PERSISTENT_TRANSACTION_MANAGER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/kernel_profile.h"
#include "dm/targets/persistent/block_counts.h"
#include "dm/targets/persistent/number_stream.h"

namespace dmdax {

// struct btree_node: sorted by key.
struct BtreeNode {
  bool internal = false;
  uint32_t max_entries = 0;
  std::vector<std::pair<uint64_t, uint64_t>> entries;  // key, value
};

class TransactionManager {
 public:
  static constexpr uint64_t kMaxBlocks = 255 * ((1 << 14) - 64);
  static constexpr uint64_t kBlocksPerBitmap = (4096 - 16) * 4;

  // Formats a device of `nr_blocks`, of which kMaxBlocks are used at most.
  TransactionManager(const KernelProfile& profile, uint64_t nr_blocks);

  // dm_tm_new_block(); nobody else refers to it.
  uint64_t NewBlock();
  // A new block with a node in it.
  uint64_t NewNode(BtreeNode node);
  // dm_tm_shadow_block(): where `block` can be changed.  *inc_children: it was
  // shared, so what it refers to now has one reference more.
  uint64_t Shadow(uint64_t block, bool* inc_children);
  void Inc(uint64_t block) { Change(block, 1); }
  void Dec(uint64_t block) { Change(block, -1); }
  uint32_t Count(uint64_t block) const;
  // dm_tm_block_is_shared().
  bool IsShared(uint64_t block) const;

  BtreeNode& node(uint64_t block) { return nodes_[block]; }

  // dm_tm_pre_commit(), then dm_tm_commit() once the superblock is written.
  void PreCommit();
  void Commit() { shadows_.clear(); }

  // What this transaction has new or copied.
  const std::set<uint64_t>& shadows() const { return shadows_; }

  // sm_metadata_extend(): the device has grown.
  void Extend(uint64_t extra_blocks);

  // dm_sm_register_threshold_callback(): fn is called when the free blocks
  // come down to `blocks`, unless they had been there before.
  void SetThreshold(uint64_t blocks, std::function<void()> fn) {
    threshold_ = blocks;
    threshold_fn_ = std::move(fn);
  }

  uint64_t nr_blocks() const { return counts_.nr_blocks(); }
  // nr_blocks less sm_metadata_get_nr_free().
  uint64_t nr_used() const {
    return nr_blocks() - counts_.committed_blocks() +
           counts_.committed_allocated() + allocated_this_transaction_;
  }
  bool failed() const { return failed_; }
  // What there was no room for, once it has failed.
  enum class NoRoom {
    kBlock,        // a block
    kCount,        // a copy of the bitmap that counts one
    kBlocksCount,  // the same, of a block that was found
  };
  NoRoom no_room() const { return no_room_; }
  const KernelProfile& profile() const { return profile_; }

  void Save(NumberWriter* out) const;
  // What Save() wrote after a commit.
  TransactionManager(const KernelProfile& profile, NumberReader* in);
  // What is other than at the last of these two, or ForgetChanges(): as much as
  // was changed, however large all of it is.
  void SaveChanges(NumberWriter* out);
  void ForgetChanges();
  // Of one that was loaded, in the order in which they were saved.
  void LoadChanges(NumberReader* in);

 private:
  struct Op {
    uint64_t block;
    int change;
  };

  void Change(uint64_t block, int change);
  void SaveRoots(NumberWriter* out) const;
  void LoadRoots(NumberReader* in);
  static void SaveNode(const BtreeNode& node, NumberWriter* out);
  static BtreeNode LoadNode(NumberReader* in);
  void CheckThreshold();
  // sm_ll_inc(), sm_ll_dec().
  void Apply(Op op);
  void ApplyPending();
  void AddBitmaps(uint64_t extra_blocks);
  void CommitIndex();
  // What waits to be applied to the count of `block`.
  int Pending(uint64_t block) const;

  const KernelProfile& profile_;
  BlockCounts counts_;
  std::map<uint64_t, BtreeNode> nodes_;
  std::set<uint64_t> shadows_;
  std::set<uint64_t> changed_nodes_;  // that SaveChanges() has to say
  // --- the space map's own blocks ---
  uint64_t index_root_ = 0;
  uint64_t ref_count_root_ = 0;
  std::vector<uint64_t> bitmaps_;
  bool index_changed_ = false;
  uint64_t allocated_this_transaction_ = 0;
  // A change of a count may need blocks itself: those counts wait here.
  int recursion_ = 0;
  std::deque<Op> pending_;
  // A block that was found, and is not counted yet.
  std::optional<uint64_t> uncounted_;
  // While the device is made or grown, blocks are given out one by one.
  bool bootstrap_ = false;
  bool failed_ = false;
  NoRoom no_room_ = NoRoom::kBlock;
  uint64_t threshold_ = 0;
  std::function<void()> threshold_fn_;  // null: none
  // What was free when that was looked at last, whether anybody asked or not.
  std::optional<uint64_t> last_free_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_PERSISTENT_TRANSACTION_MANAGER_H_
