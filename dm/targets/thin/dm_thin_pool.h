// SPDX-License-Identifier: Apache-2.0
//
// What thin-pool and thin share: a pool, which lives in memory.
//
// Mirrors: struct pool, dm_thin_pool_table of drivers/md/dm-thin.c (6.1).
// Threading: each pool has its lock; the list of them another.
#ifndef DMDAX_DM_TARGETS_THIN_DM_THIN_POOL_H_
#define DMDAX_DM_TARGETS_THIN_DM_THIN_POOL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "dm/device_mapper.h"

namespace dmdax {

class MappedDevice;

// The highest number a thin device may have.
inline constexpr uint64_t kMaxDevId = (uint64_t{1} << 24) - 1;

// A thin device: block -> block of the data device.
using Mapping = std::map<uint64_t, uint64_t>;

struct Pool {
  const MappedDevice* pool_md;
  const BlockDevice* metadata;
  const BlockDevice* data;
  uint64_t sectors_per_block;
  bool discard_enabled = true;
  absl::Mutex mu;
  uint64_t data_sectors = 0;  // of the live pool row; 0 before its resume
  uint64_t next_block = 0;
  uint64_t transaction_id = 0;
  std::map<uint64_t, Mapping> devices;
};

// The pool of a thin-pool device, or the one whose metadata are there; null:
// none.
std::shared_ptr<Pool> FindPool(const MappedDevice* md);
std::shared_ptr<Pool> FindPoolByMetadata(const BlockDevice* metadata);
void AddPool(const MappedDevice* md, const std::shared_ptr<Pool>& pool);

struct PoolFeatures {
  bool zero_new_blocks = true;
  bool discard_enabled = true;
  bool discard_passdown = true;
  bool read_only = false;
  bool error_if_no_space = false;
};

struct PoolC : DmTargetPrivate {
  std::shared_ptr<Pool> pool;
  const DmDev* metadata_dev;
  const DmDev* data_dev;
  uint64_t low_water_blocks;
  PoolFeatures requested;
  // Mutable: the first look at the limits may find that discards can not be
  // passed down.
  mutable bool passdown;
};

// Operations of thin-pool that are files of their own.
absl::StatusOr<std::string> PoolMessage(DmTarget& ti,
                                        absl::Span<const std::string> argv);
void PoolStatus(const DmTarget& ti, StatusType type, std::string* out);
std::string PoolSaveState(const DmTarget& ti);
bool PoolRestoreState(DmTarget& ti, absl::string_view state);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_THIN_DM_THIN_POOL_H_
