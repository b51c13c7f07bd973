// SPDX-License-Identifier: Apache-2.0
//
// thin-pool: blocks of a data device, given out as thin devices need them.
//
//   thin-pool <metadata dev> <data dev> <block size> <low water mark>
//             [<#features> skip_block_zeroing ignore_discard
//              no_discard_passdown read_only error_if_no_space]
//
//   block size      sectors; 128 .. 2097152, a multiple of 128
//   low water mark  blocks
//
// Mirrors pool_* of drivers/md/dm-thin.c (4.14 to 7.2).
#include "dm/targets/thin/dm_thin_pool.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/persistent/metadata_image.h"

namespace dmdax {
namespace {

// dm_thin_pool_table.
absl::Mutex pool_table_mu;
std::map<const MappedDevice*, std::weak_ptr<Pool>>& PoolTable() {
  static auto* pools = new std::map<const MappedDevice*, std::weak_ptr<Pool>>;
  return *pools;
}

}  // namespace

std::shared_ptr<Pool> FindPool(const MappedDevice* md) {
  absl::MutexLock lock(&pool_table_mu);
  auto it = PoolTable().find(md);
  return it == PoolTable().end() ? nullptr : it->second.lock();
}

std::shared_ptr<Pool> FindPoolByMetadata(const BlockDevice* metadata) {
  absl::MutexLock lock(&pool_table_mu);
  for (const auto& [md, weak] : PoolTable()) {
    std::shared_ptr<Pool> pool = weak.lock();
    if (pool != nullptr && pool->metadata_bdev == metadata) return pool;
  }
  return nullptr;
}

void AddPool(const std::shared_ptr<Pool>& pool) {
  absl::MutexLock lock(&pool_table_mu);
  PoolTable()[pool->pool_md] = pool;
}

PoolC::~PoolC() {
  if (pool == nullptr || ti == nullptr) return;
  OwnedLock lock(&pool->mu);
  // unbind_control_target()
  if (pool->ti == ti) pool->ti = nullptr;
}

uint64_t MetadataThreshold(const PoolC& pt) {
  constexpr uint64_t kMost = 1024;  // 4 MiB
  return std::min(kMost, std::min(MetadataBlocks(*pt.metadata_dev),
                                  TransactionManager::kMaxBlocks) /
                             4);
}

namespace {

absl::Status ParsePoolFeatures(DmArgSet& as, PoolFeatures* pf) {
  if (as.argc() == 0) return absl::OkStatus();
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 4, "Invalid number of pool feature arguments"});
  if (!count.ok()) return count.status();
  for (uint32_t i = 0; i < *count; ++i) {
    const std::string& name = *as.Shift();
    if (absl::EqualsIgnoreCase(name, "skip_block_zeroing")) {
      pf->zero_new_blocks = false;
    } else if (absl::EqualsIgnoreCase(name, "ignore_discard")) {
      pf->discard_enabled = false;
    } else if (absl::EqualsIgnoreCase(name, "no_discard_passdown")) {
      pf->discard_passdown = false;
    } else if (absl::EqualsIgnoreCase(name, "read_only")) {
      pf->mode = PoolMode::kReadOnly;
    } else if (absl::EqualsIgnoreCase(name, "error_if_no_space")) {
      pf->error_if_no_space = true;
    } else {
      return DmError("Unrecognised pool feature requested");
    }
  }
  return absl::OkStatus();
}

// __pool_find(): the pool of these devices, or a new one.
absl::StatusOr<std::shared_ptr<Pool>> FindOrCreatePool(const DmTarget& ti,
                                                       const PoolC& pt,
                                                       uint64_t block_size,
                                                       bool* created) {
  MappedDevice* md = &ti.table->md();
  if (std::shared_ptr<Pool> pool = FindPoolByMetadata(pt.metadata_dev->bdev)) {
    if (pool->pool_md != md) {
      return ErrnoError(EBUSY, "metadata device already in use by a pool");
    }
    if (pool->data_dev->bdev != pt.data_dev->bdev) {
      return ErrnoError(EBUSY, "data device already in use by a pool");
    }
    return pool;
  }
  if (FindPool(md) != nullptr) {
    return DmError("different pool cannot replace a pool");
  }
  absl::StatusOr<std::unique_ptr<PoolMetadata>> pmd =
      PoolMetadata::Open(ti, *pt.metadata_dev, block_size,
                         pt.requested.mode != PoolMode::kReadOnly);
  if (!pmd.ok()) {
    if (IsNotModelled(pmd.status())) return pmd.status();
    return ErrnoError(ErrnoOf(pmd.status()), "Error creating metadata object");
  }
  auto pool = std::make_shared<Pool>();
  pool->pool_md = md;
  pool->metadata_bdev = pt.metadata_dev->bdev;
  pool->data_dev = pt.data_dev;
  pool->sectors_per_block = block_size;
  OwnedLock lock(&pool->mu);
  pool->pmd = *std::move(pmd);
  AddPool(pool);
  *created = true;
  return pool;
}

// dm_pool_register_metadata_threshold()
void RegisterThreshold(const PoolC& pt) {
  Pool* pool = pt.pool.get();
  OwnedLock lock(&pool->mu);
  pool->pmd->SetThreshold(
      MetadataThreshold(pt), [pool]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        DmLog(pool->pool_md->machine(), KernLevel::kWarn, "thin",
              absl::StrCat(pool->pool_md->name(),
                           ": reached low water mark for metadata device: "
                           "sending event."));
        if (pool->ti != nullptr) DmTableEvent(*pool->ti);
      });
}

void WarnIfTooBig(const DmTarget& ti, const DmDev& metadata) {
  constexpr uint64_t kMaxSectors = TransactionManager::kMaxBlocks * 8;
  constexpr uint64_t kWarnSectors = 16 * (1024 * 1024 * 1024 >> kSectorShift);
  if (metadata.bdev->nr_sectors() <= kWarnSectors) return;
  DmLog(MachineOf(ti), KernLevel::kWarn, "thin",
        absl::StrCat("Metadata device ", metadata.bdev->name(),
                     " is larger than ", kMaxSectors,
                     " sectors: excess space will not be used."));
}

absl::Status PoolCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() < 4) return DmError("Invalid argument count");
  if (argv[0] == argv[1]) {
    return DmError("Error setting metadata or data device");
  }
  auto pt = std::make_unique<PoolC>();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  as.Consume(4);
  absl::Status s = ParsePoolFeatures(as, &pt->requested);
  if (!s.ok()) return s;
  absl::StatusOr<const DmDev*> metadata =
      DmGetDevice(ti, argv[0],
                  FMODE_READ | (pt->requested.mode == PoolMode::kReadOnly
                                    ? 0u
                                    : unsigned{FMODE_WRITE}),
                  "Error opening metadata block device");
  if (!metadata.ok()) return metadata.status();
  WarnIfTooBig(ti, **metadata);
  absl::StatusOr<const DmDev*> data = DmGetDevice(
      ti, argv[1], FMODE_READ | FMODE_WRITE, "Error getting data device");
  if (!data.ok()) return data.status();
  absl::StatusOr<uint64_t> block_size = KstrtoU64(argv[2]);
  if (!block_size.ok() || *block_size < 128 || *block_size > 2097152 ||
      *block_size % 128 != 0) {
    return DmError("Invalid block size");
  }
  absl::StatusOr<uint64_t> low_water = KstrtoU64(argv[3]);
  if (!low_water.ok()) return DmError("Invalid low water mark");
  pt->metadata_dev = *metadata;
  pt->data_dev = *data;
  pt->low_water_blocks = *low_water;
  pt->adjusted = pt->requested;
  bool created = false;
  absl::StatusOr<std::shared_ptr<Pool>> pool =
      FindOrCreatePool(ti, *pt, *block_size, &created);
  if (!pool.ok()) return pool.status();
  {
    OwnedLock lock(&(*pool)->mu);
    if (!created &&
        pt->requested.discard_enabled != (*pool)->pf.discard_enabled) {
      return DmError("Discard support cannot be disabled once enabled");
    }
  }
  pt->pool = *std::move(pool);
  RegisterThreshold(*pt);
  ti.num_flush_bios = 1;
  if (pt->requested.discard_enabled && pt->requested.discard_passdown) {
    ti.num_discard_bios = 1;
    ti.discards_supported = true;
  }
  ti.private_data = std::move(pt);
  return absl::OkStatus();
}

// As the pool is alone in its table, the sector is that of the data device.
BioMap PoolMap(const DmTarget& ti, sector_t sector, ReqOp) {
  return {BioMap::Kind::kRemapped, ti.Private<PoolC>().data_dev, sector, 0};
}

// maybe_resize_data_dev(), maybe_resize_metadata_dev(): 0 or an errno.
int MaybeResize(const DmTarget& ti, Pool& pool, bool* need_commit)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu) {
  PoolMetadata& pmd = *pool.pmd;
  auto say = [&](KernLevel level, absl::string_view text) {
    DmLog(MachineOf(ti), level, "thin",
          absl::StrCat(pool.pool_md->name(), ": ", text));
  };
  const uint64_t blocks = ti.len.value() / pool.sectors_per_block;
  const uint64_t old_blocks = pmd.data_blocks();
  if (blocks < old_blocks) {
    say(KernLevel::kErr,
        absl::StrCat("pool target (", blocks, " blocks) too small: expected ",
                     old_blocks));
    return EINVAL;
  }
  if (blocks > old_blocks) {
    if (pmd.needs_check()) {
      say(KernLevel::kErr, "unable to grow the data device until repaired.");
      return 0;
    }
    if (old_blocks != 0) {
      say(KernLevel::kInfo,
          absl::StrCat("growing the data device from ", old_blocks, " to ",
                       blocks, " blocks"));
    }
    pmd.ResizeData(blocks);
    if (pmd.failed()) {
      MetadataOperationFailed(pool, "dm_pool_resize_data_dev");
      return ENOSPC;
    }
    *need_commit = true;
  }
  const uint64_t metadata =
      std::min(MetadataBlocks(*ti.Private<PoolC>().metadata_dev),
               TransactionManager::kMaxBlocks);
  const uint64_t old_metadata = pmd.metadata_blocks();
  if (metadata < old_metadata) {
    say(KernLevel::kErr,
        absl::StrCat("metadata device (", metadata,
                     " blocks) too small: expected ", old_metadata));
    return EINVAL;
  }
  if (metadata > old_metadata) {
    if (pmd.needs_check()) {
      say(KernLevel::kErr,
          "unable to grow the metadata device until repaired.");
      return 0;
    }
    WarnIfTooBig(ti, *ti.Private<PoolC>().metadata_dev);
    say(KernLevel::kInfo,
        absl::StrCat("growing the metadata device from ", old_metadata, " to ",
                     metadata, " blocks"));
    pmd.ResizeMetadata(metadata);
    *need_commit = true;
  }
  return 0;
}

int PoolPreresume(DmTarget& ti) {
  Pool& pool = *ti.Private<PoolC>().pool;
  OwnedLock lock(&pool.mu);
  BindControlTarget(pool, ti);
  if (pool.pf.mode == PoolMode::kFail) {
    DmLog(MachineOf(ti), KernLevel::kErr, "thin",
          absl::StrCat(pool.pool_md->name(),
                       ": failed to retrieve data device size"));
    return 0;
  }
  bool need_commit = false;
  if (int err = MaybeResize(ti, pool, &need_commit)) return err;
  if (need_commit) CommitPool(pool);
  return 0;
}

void PoolResume(DmTarget& ti) {
  Pool& pool = *ti.Private<PoolC>().pool;
  OwnedLock lock(&pool.mu);
  pool.low_water_triggered = false;
}

void PoolPostsuspend(DmTarget& ti) {
  Pool& pool = *ti.Private<PoolC>().pool;
  OwnedLock lock(&pool.mu);
  CommitPool(pool);
  // The kernel writes it when the last who has the metadata closes them.
  if (pool.pf.mode != PoolMode::kFail) pool.pmd->WriteNeedsCheck();
}

// A pool that runs out of space gives up waiting after a minute.
void PoolElapse(DmTarget& ti, int64_t now) {
  Pool& pool = *ti.Private<PoolC>().pool;
  OwnedLock lock(&pool.mu);
  CheckNoSpaceTimeout(pool);
  if (pool.ti == &ti) CommitDueToTime(pool, now);
}

int PoolIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  return fn(*ti.Private<PoolC>().data_dev, sector_t{0}, ti.len);
}

// Discards can be passed down only if the data device takes them, and takes a
// whole block at once.
void DisablePassdown(const DmTarget& ti, const PoolC& pt) {
  if (!pt.adjusted.discard_passdown) return;
  const QueueLimits data = pt.data_dev->bdev->queue().limits();
  const char* reason = nullptr;
  if (data.max_discard_sectors == 0) {
    reason = "discard unsupported";
  } else if (data.max_discard_sectors < pt.pool->sectors_per_block) {
    reason = "max discard sectors smaller than a block";
  }
  if (reason == nullptr) return;
  DmLog(MachineOf(ti), KernLevel::kWarn, "thin",
        absl::StrCat("Data device (", pt.data_dev->bdev->name(), ") ", reason,
                     ": Disabling discard passdown."));
  pt.adjusted.discard_passdown = false;
}

void PoolIoHints(const DmTarget& ti, QueueLimits& limits) {
  const PoolC& pt = ti.Private<PoolC>();
  const auto block = static_cast<uint32_t>(pt.pool->sectors_per_block);
  // The largest request should not be split between blocks unevenly.
  while (limits.max_sectors < block && block % limits.max_sectors != 0) {
    if ((limits.max_sectors & (limits.max_sectors - 1)) == 0) {
      --limits.max_sectors;
    }
    uint32_t power = 1;
    while (power <= limits.max_sectors / 2) power *= 2;
    limits.max_sectors = power;
  }
  const uint32_t io_opt = limits.io_opt >> kSectorShift;
  if (io_opt < block || block % io_opt != 0) {
    const bool divides = block % limits.max_sectors == 0;
    const uint32_t io_min = (divides ? limits.max_sectors : block)
                            << kSectorShift;
    limits.io_min = std::max(
        {io_min, limits.logical_block_size, limits.physical_block_size});
    limits.io_opt = block << kSectorShift;
  }
  if (!pt.adjusted.discard_enabled) {
    limits.discard_granularity = 0;
    return;
  }
  DisablePassdown(ti, pt);
}

const TargetType kPoolTarget = {
    .name = "thin-pool",
    .versions = {{k4_14, 1, 19, 0},
                 {k5_10, 1, 22, 0},
                 {k6_12, 1, 23, 0},
                 {{6, 17}, 1, 24, 0}},
    .features =
        DM_TARGET_SINGLETON | DM_TARGET_ALWAYS_WRITEABLE | DM_TARGET_IMMUTABLE,
    .registered = 15,
    .knows_others = true,
    .ctr = PoolCtr,
    .map = PoolMap,
    .status = PoolStatus,
    .message = PoolMessage,
    .preresume = PoolPreresume,
    .resume = PoolResume,
    .postsuspend = PoolPostsuspend,
    .elapse = PoolElapse,
    .iterate_devices = PoolIterateDevices,
    .io_hints = PoolIoHints,
    .save_state = PoolSaveState,
    .restore_state = PoolRestoreState,
    .messages = PoolMessages,
    .example = {.length = 2048, .params = "/dev/mem0 /dev/mem1 128 0"},
};
DM_REGISTER_TARGET(kPoolTarget);

}  // namespace
}  // namespace dmdax
