// SPDX-License-Identifier: Apache-2.0
//
// What thin-pool and thin share: a pool.
//
// Mirrors: struct pool, dm_thin_pool_table of drivers/md/dm-thin.c (6.1).
// Threading: each pool has its lock; the list of them another.
#ifndef DMDAX_DM_TARGETS_THIN_DM_THIN_POOL_H_
#define DMDAX_DM_TARGETS_THIN_DM_THIN_POOL_H_

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "dm/device_mapper.h"
#include "dm/targets/owned_mutex.h"
#include "dm/targets/thin/pool_metadata.h"

namespace dmdax {

class MappedDevice;

// The highest number a thin device may have.
inline constexpr uint64_t kMaxDevId = (uint64_t{1} << 24) - 1;

// enum pool_mode, in its order: each may do less than the one before.
enum class PoolMode { kWrite, kOutOfDataSpace, kReadOnly, kFail };

struct PoolFeatures {
  bool zero_new_blocks = true;
  bool discard_enabled = true;
  bool discard_passdown = true;
  PoolMode mode = PoolMode::kWrite;
  bool error_if_no_space = false;
};

struct Pool {
  MappedDevice* pool_md;
  const BlockDevice* metadata_bdev;
  const DmDev* data_dev;
  uint64_t sectors_per_block;
  OwnedMutex mu;
  // Of the row that was resumed last.
  const DmTarget* ti ABSL_GUARDED_BY(mu) = nullptr;
  PoolFeatures pf ABSL_GUARDED_BY(mu);
  uint64_t low_water_blocks ABSL_GUARDED_BY(mu) = 0;
  bool low_water_triggered ABSL_GUARDED_BY(mu) = false;
  // When the pool ran out of data space, on the machine's clock.
  int64_t out_of_space_since ABSL_GUARDED_BY(mu) = 0;
  int64_t last_commit ABSL_GUARDED_BY(mu) = 0;  // the same; not saved
  std::unique_ptr<PoolMetadata> pmd ABSL_GUARDED_BY(mu);
};

// The pool of a thin-pool device, or the one whose metadata are there; null:
// none.
std::shared_ptr<Pool> FindPool(const MappedDevice* md);
std::shared_ptr<Pool> FindPoolByMetadata(const BlockDevice* metadata);
void AddPool(const std::shared_ptr<Pool>& pool);

struct PoolC : DmTargetPrivate {
  ~PoolC() override;
  std::shared_ptr<Pool> pool;
  const DmTarget* ti = nullptr;  // once the row is bound
  const DmDev* metadata_dev;
  const DmDev* data_dev;
  uint64_t low_water_blocks;
  PoolFeatures requested;
  // What the row will ask of the pool.  Mutable: the first look at the limits
  // may find that discards can not be passed down.
  mutable PoolFeatures adjusted;
};

// --- dm_thin_pool_mode.cc ---

// bind_control_target(): `ti` becomes the row that speaks for the pool.
void BindControlTarget(Pool& pool, DmTarget& ti)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu);
void SetPoolMode(Pool& pool, PoolMode mode)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu);
// do_no_space_timeout(): what becomes of a pool that has been full for long.
void CheckNoSpaceTimeout(Pool& pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu);
// metadata_operation_failed(): `what` found no metadata block, or (EIO) could
// not be written.
void MetadataOperationFailed(Pool& pool, absl::string_view what,
                             int err = ENOSPC)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu);
// process_deferred_bios(): what has changed is committed once a second.
void CommitDueToTime(Pool& pool, int64_t now)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu);
// commit(); nothing in a mode that may not write.
void CommitPool(Pool& pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu);
// alloc_data_block(); nothing: the pool is full.
std::optional<uint64_t> AllocDataBlock(Pool& pool)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu);

// --- operations of thin-pool that are files of their own ---

absl::StatusOr<std::string> PoolMessage(DmTarget& ti,
                                        absl::Span<const std::string> argv);
void PoolStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                std::string* out);
std::string PoolSaveState(const DmTarget& ti);
bool PoolRestoreState(DmTarget& ti, absl::string_view state);
// create_thin of each device, without what it has mapped, and the transaction.
std::vector<std::string> PoolMessages(const DmTarget& ti);

// calc_metadata_threshold(): free metadata blocks at which there is an event.
uint64_t MetadataThreshold(const PoolC& pt);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_THIN_DM_THIN_POOL_H_
