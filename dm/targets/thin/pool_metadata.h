// SPDX-License-Identifier: Apache-2.0
//
// PoolMetadata: the thin devices of a pool and their blocks, on the pool's
// metadata device.
//
//   mapping tree   device id -> tree of: block -> data block and time
//   details tree   device id -> what is counted of the device
//   space map      references to each data block
//
// Functions return 0 or an errno, as those of the kernel do; what the kernel
// logs of an error they log.
//
// Mirrors: dm-thin-metadata.c of drivers/md (4.14 to 7.2).
// Threading: thread-compatible; struct Pool has the lock.
#ifndef DMDAX_DM_TARGETS_THIN_POOL_METADATA_H_
#define DMDAX_DM_TARGETS_THIN_POOL_METADATA_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "dm/device_mapper.h"
#include "dm/targets/persistent/btree.h"
#include "dm/targets/persistent/disk_space_map.h"
#include "dm/targets/persistent/metadata_image.h"
#include "dm/targets/persistent/transaction_manager.h"

namespace dmdax {

class PoolMetadata {
 public:
  // dm_pool_metadata_open().  EPERM: a blank device that may not be formatted;
  // ENOSPC; EINVAL: other data blocks than it was formatted for.
  static absl::StatusOr<std::unique_ptr<PoolMetadata>> Open(
      const DmTarget& ti, const DmDev& dev, uint64_t data_block_size,
      bool may_format);

  // --- messages ---
  int CreateThin(uint64_t id);
  int CreateSnap(uint64_t id, uint64_t origin);
  int Delete(uint64_t id);
  int SetTransactionId(uint64_t current, uint64_t next);
  int ReserveSnap();
  int ReleaseSnap();

  // --- devices ---
  int OpenDevice(uint64_t id);
  void CloseDevice(uint64_t id) { --devices_[id].open_count; }
  // dm_pool_metadata_close() with devices open, which it refuses: the pool has
  // lost its row, and who used it last is a thin device.  What is not committed
  // by now never is.
  void CloseWhileOpen() const;
  // Of all devices, in order.
  std::vector<uint64_t> Ids() const;
  uint64_t MappedBlocks(uint64_t id) { return devices_[id].mapped_blocks; }
  std::optional<uint64_t> HighestBlock(uint64_t id);

  struct Found {
    uint64_t block;
    bool shared;  // with a snapshot: to be copied before it is written
  };
  std::optional<Found> FindBlock(uint64_t id, uint64_t block);
  std::optional<uint64_t> NewDataBlock() { return data_->NewBlock(); }
  void Insert(uint64_t id, uint64_t block, uint64_t data_block);
  // dm_thin_remove_range(), of one block, which must be mapped.
  void Remove(uint64_t id, uint64_t block);

  // dm_pool_resize_data_dev(), dm_pool_resize_metadata_dev().
  void ResizeData(uint64_t blocks);
  void ResizeMetadata(uint64_t blocks);

  // dm_pool_changed_this_transaction().
  bool changed() const;
  // dm_pool_commit_metadata(): 0, ENOSPC or EIO.
  [[nodiscard]] int Commit();
  // dm_pool_abort_metadata(), dm_pool_metadata_set_needs_check(): back to what
  // the device has, and not to be written until it is repaired.  False: it can
  // not be read, and nothing can be done with the pool any more.
  [[nodiscard]] bool Abort(const DmTarget& ti);
  // Writes that a check is needed, if that could not be done before.
  void WriteNeedsCheck();
  bool failed() const { return tm_->failed(); }
  const TransactionManager& tm() const { return *tm_; }
  bool needs_check() const { return needs_check_; }
  // Of a pool that is restored: what the device was not told.
  void SetNeedsCheck() { needs_check_ = true; }
  // `fn` is called when so few metadata blocks are left.
  void SetThreshold(uint64_t blocks, std::function<void()> fn) {
    threshold_ = blocks;
    threshold_fn_ = std::move(fn);
    tm_->SetThreshold(threshold_, threshold_fn_);
  }

  uint64_t transaction_id() const { return transaction_id_; }
  uint64_t held_root() const { return held_root_; }
  // With the reserve that is kept for the last messages.
  uint64_t metadata_used() const;
  uint64_t metadata_blocks() const { return tm_->nr_blocks(); }
  uint64_t data_used() const { return data_->nr_used(); }
  uint64_t data_blocks() const { return data_->nr_blocks(); }

 private:
  // struct dm_thin_device, of those that are open or have changed.
  struct Device {
    int open_count = 0;
    bool changed = false;
    uint64_t mapped_blocks = 0;
    uint64_t snapshotted_time = 0;
    uint64_t transaction_id = 0, creation_time = 0;
  };

  PoolMetadata(Machine& machine, const DmDev& dev, uint64_t data_block_size)
      : machine_(machine), dev_(dev), data_block_size_(data_block_size) {}
  int Format();  // 0 or an errno
  void WriteChangedDetails();
  // __open_device(); null: ENODATA.
  Device* OpenOrCreate(uint64_t id, bool create);
  std::optional<uint64_t> SubtreeOf(uint64_t id) {
    return BtreeLookup(*tm_, root_, id);
  }
  // The kernel's two views of the mapping tree: ids, and blocks of one id.
  BtreeInfo Blocks();
  BtreeInfo Subtrees();
  static BtreeInfo Details() { return {.value_size = 24}; }

  // --- pool_metadata_image.cc ---
  bool Load(absl::string_view state);
  void LoadHeader(NumberReader* in);
  void LoadDetails(NumberReader* in);
  // To the device: all, or behind all what has changed since, so that a commit
  // costs what it changes.
  absl::Status Save();
  absl::Status SaveAll();
  absl::Status SaveChanges();
  // What SaveChanges() appends; it is forgotten with that.
  std::string TakeChanges();
  void PutHeader(NumberWriter* out) const;
  static void PutDetails(uint64_t id, const Device& device, NumberWriter* out);

  static constexpr char kPrefix[] = "thin metadata";
  static constexpr SuperblockFormat kSuperblock = {.log_prefix = kPrefix,
                                                   .magic = 27022010};

  Machine& machine_;
  const DmDev dev_;
  const uint64_t data_block_size_;
  std::unique_ptr<TransactionManager> tm_;
  std::unique_ptr<DiskSpaceMap> data_;
  uint64_t root_ = 0, details_root_ = 0, held_root_ = 0;
  // The roots that the metadata snapshot holds.
  uint64_t held_mapping_ = 0, held_details_ = 0;
  uint64_t committed_root_ = 0, committed_details_ = 0;
  uint64_t time_ = 0, transaction_id_ = 0;
  bool needs_check_ = false;
  bool needs_check_written_ = false;
  // What was written last: all as it once was, of so many bytes, and what was
  // appended.  0: what is on the device is not known to be that.
  std::string committed_;
  size_t committed_all_ = 0;
  std::string no_changes_;  // what TakeChanges() says when there are none
  uint64_t threshold_ = 0;
  std::function<void()> threshold_fn_;
  std::map<uint64_t, Device> devices_;
  // What the details tree holds of each device.
  std::map<uint64_t, Device> details_;
  std::set<uint64_t> changed_details_;  // that SaveChanges() has to say
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_THIN_POOL_METADATA_H_
