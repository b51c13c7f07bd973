// SPDX-License-Identifier: Apache-2.0
//
// CacheMetadata: what a cache keeps on its metadata device: arrays of the
// mappings, of the policy's hints and of which blocks are dirty or discarded.
// The cache here stays empty, so only the blocks that these take matter.
//
// Mirrors: dm-cache-metadata.c of drivers/md (4.14 to 7.2).
// Threading: has a lock.  Tables that are loaded and live share one object, as
// in the kernel.
#ifndef DMDAX_DM_TARGETS_CACHE_CACHE_METADATA_H_
#define DMDAX_DM_TARGETS_CACHE_CACHE_METADATA_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "dm/device_mapper.h"
#include "dm/targets/persistent/disk_array.h"
#include "dm/targets/persistent/transaction_manager.h"

namespace dmdax {

class CacheMetadata {
 public:
  struct Misses {
    uint32_t reads = 0, writes = 0;
  };

  // dm_cache_metadata_open().  `separate_dirty_bits`: version 2 of the form.
  static absl::StatusOr<std::shared_ptr<CacheMetadata>> Open(
      const DmTarget& ti, const DmDev& dev, uint64_t data_block_size,
      bool separate_dirty_bits);

  // Each of the next three is 0, or ENOSPC (the log says of what) or EIO.  Then
  // the metadata are as the device has them and need a check
  // (dm_cache_metadata_abort); or, where that can not be read, of no use.

  // dm_cache_resize(): to so many cache blocks.
  [[nodiscard]] int Resize(const DmTarget& ti, uint64_t cache_blocks);
  // sync_metadata(), when the cache is suspended; *step: how far it came.
  enum class Step { kDirtyBits, kDiscardBits, kHints, kCommit, kAllDone };
  [[nodiscard]] int Sync(const DmTarget& ti, uint64_t discard_blocks,
                         bool policy_has_hints, Misses misses, Step* step);
  [[nodiscard]] int Commit(const DmTarget& ti);

  bool needs_check() const;
  // Writes that a check is needed, if that could not be done before.
  void WriteNeedsCheck();
  // The device could be neither written nor read.
  bool fail_io() const;
  // save_stats(), load_stats(): what has been counted so far.
  Misses misses() const;

  uint64_t used() const;
  uint64_t blocks() const;

 private:
  CacheMetadata(const DmDev& dev, uint64_t data_block_size)
      : dev_(dev), data_block_size_(data_block_size) {}
  absl::Status Format(Machine& machine, bool separate_dirty_bits);
  bool LoadLocked(const KernelProfile& profile, absl::string_view state)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status SaveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AbortLocked(const DmTarget& ti) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int WriteLocked(const DmTarget& ti, uint64_t discard_blocks,
                  bool policy_has_hints, Step* step)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int CommitLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WriteNeedsCheckLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const DmDev dev_;
  const uint64_t data_block_size_;
  mutable absl::Mutex mu_;
  std::unique_ptr<TransactionManager> tm_ ABSL_GUARDED_BY(mu_);
  uint64_t cache_blocks_ ABSL_GUARDED_BY(mu_) = 0;
  Misses misses_ ABSL_GUARDED_BY(mu_);
  bool needs_check_ ABSL_GUARDED_BY(mu_) = false;
  bool needs_check_written_ ABSL_GUARDED_BY(mu_) = false;
  std::string committed_ ABSL_GUARDED_BY(mu_);  // what was written last
  bool fail_io_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<DiskArray> mappings_, dirty_, discards_,
      hints_ ABSL_GUARDED_BY(mu_);
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CACHE_CACHE_METADATA_H_
