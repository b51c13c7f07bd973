// SPDX-License-Identifier: Apache-2.0
//
// thin-pool: what mode the pool is in, and its free data blocks.
//
// Mirrors set_pool_mode, alloc_data_block, bind_control_target of
// drivers/md/dm-thin.c (6.1).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dm/mapped_device.h"
#include "dm/targets/background.h"
#include "dm/targets/persistent/metadata_image.h"
#include "dm/targets/thin/dm_thin_pool.h"

namespace dmdax {
namespace {

constexpr int64_t kNoSpaceTimeoutSeconds = 60;

void Say(Pool& pool, KernLevel level, absl::string_view text) {
  DmLog(pool.pool_md->machine(), level, "thin",
        absl::StrCat(pool.pool_md->name(), ": ", text));
}

// notify_of_pool_mode_change()
void NotifyOfModeChange(Pool& pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu) {
  absl::string_view mode = "write";
  if (pool.pf.mode == PoolMode::kReadOnly) mode = "read-only";
  if (pool.pf.mode == PoolMode::kFail) mode = "fail";
  if (pool.pf.mode == PoolMode::kOutOfDataSpace) {
    mode = pool.pf.error_if_no_space ? "out-of-data-space (error IO)"
                                     : "out-of-data-space (queue IO)";
  }
  DmTableEvent(*pool.ti);
  Say(pool, KernLevel::kInfo,
      absl::StrCat("switching pool to ", mode, " mode"));
}

}  // namespace

void SetPoolMode(Pool& pool, PoolMode mode) {
  const PoolC& pt = pool.ti->Private<PoolC>();
  const PoolMode old = pool.pf.mode;
  if (mode == PoolMode::kWrite && pool.pmd->needs_check()) {
    Say(pool, KernLevel::kErr,
        "unable to switch pool to write mode until repaired.");
    mode = old != mode ? old : PoolMode::kReadOnly;
  }
  // What could not be rolled back stays so.
  if (old == PoolMode::kFail) mode = old;
  if (mode == PoolMode::kWrite) {
    pool.pf.error_if_no_space = pt.requested.error_if_no_space;
  }
  if (mode == PoolMode::kOutOfDataSpace) {
    pool.out_of_space_since = pool.pool_md->machine().NowSeconds();
  }
  pool.pf.mode = pt.adjusted.mode = mode;
  if (old != mode) NotifyOfModeChange(pool);
}

void BindControlTarget(Pool& pool, DmTarget& ti) {
  PoolC& pt = ti.Private<PoolC>();
  const PoolMode mode = pt.adjusted.mode;
  pt.adjusted.mode = pool.pf.mode;
  pt.ti = pool.ti = &ti;
  pool.pf = pt.adjusted;
  pool.low_water_blocks = pt.low_water_blocks;
  SetPoolMode(pool, mode);
}

void CheckNoSpaceTimeout(Pool& pool) {
  if (pool.ti == nullptr || pool.pf.mode != PoolMode::kOutOfDataSpace ||
      pool.pf.error_if_no_space ||
      pool.pool_md->machine().NowSeconds() - pool.out_of_space_since <
          kNoSpaceTimeoutSeconds) {
    return;
  }
  pool.pf.error_if_no_space = true;
  NotifyOfModeChange(pool);
}

void MetadataOperationFailed(Pool& pool, absl::string_view what, int err) {
  if (err == ENOSPC) {
    LogNoMetadataSpace(pool.pool_md->machine(), pool.pmd->tm());
  }
  Say(pool, KernLevel::kErr,
      absl::StrCat("metadata operation '", what, "' failed: error = ", -err));
  Say(pool, KernLevel::kErr, "aborting current metadata transaction");
  if (!pool.pmd->Abort(*pool.ti)) {
    Say(pool, KernLevel::kErr, "failed to abort metadata transaction");
    SetPoolMode(pool, PoolMode::kFail);
    Say(pool, KernLevel::kErr, "failed to set 'needs_check' flag in metadata");
  }
  SetPoolMode(pool, PoolMode::kReadOnly);
}

void CommitPool(Pool& pool) {
  if (pool.pf.mode >= PoolMode::kReadOnly) return;
  pool.last_commit = pool.pool_md->machine().NowSeconds();
  if (const int err = pool.pmd->Commit()) {
    return MetadataOperationFailed(pool, "dm_pool_commit_metadata", err);
  }
  if (pool.pf.mode == PoolMode::kOutOfDataSpace &&
      pool.pmd->data_used() < pool.pmd->data_blocks()) {
    SetPoolMode(pool, PoolMode::kWrite);
  }
}

void CommitDueToTime(Pool& pool, int64_t now) {
  if (pool.pmd->changed() && NeedCommitDueToTime(now, pool.last_commit)) {
    CommitPool(pool);
  }
}

std::optional<uint64_t> AllocDataBlock(Pool& pool) {
  if (pool.pf.mode != PoolMode::kWrite) return std::nullopt;
  PoolMetadata& pmd = *pool.pmd;
  const uint64_t free_blocks = pmd.data_blocks() - pmd.data_used();
  if (free_blocks <= pool.low_water_blocks && !pool.low_water_triggered) {
    Say(pool, KernLevel::kWarn,
        "reached low water mark for data device: sending event.");
    pool.low_water_triggered = true;
    DmTableEvent(*pool.ti);
  }
  // A commit may free some.
  if (free_blocks == 0) CommitPool(pool);
  std::optional<uint64_t> block = pmd.NewDataBlock();
  if (pmd.failed()) {
    MetadataOperationFailed(pool, "dm_pool_alloc_data_block");
    return std::nullopt;
  }
  if (!block) SetPoolMode(pool, PoolMode::kOutOfDataSpace);
  return block;
}

}  // namespace dmdax
