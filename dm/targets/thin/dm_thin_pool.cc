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
// Only a pool that would be formatted now is modelled; it then lives in memory.
// Mirrors pool_* of drivers/md/dm-thin.c (4.14 to 7.2).
#include "dm/targets/thin/dm_thin_pool.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/dm_table.h"
#include "dm/targets/fresh_metadata.h"

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
    if (pool != nullptr && pool->metadata == metadata) return pool;
  }
  return nullptr;
}

void AddPool(const MappedDevice* md, const std::shared_ptr<Pool>& pool) {
  absl::MutexLock lock(&pool_table_mu);
  PoolTable()[md] = pool;
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
      pf->read_only = true;
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
                                                       const DmDev& metadata,
                                                       const DmDev& data,
                                                       uint64_t block_size,
                                                       bool may_format) {
  const MappedDevice* md = &ti.table->md();
  if (std::shared_ptr<Pool> pool = FindPoolByMetadata(metadata.bdev)) {
    if (pool->pool_md != md) {
      return ErrnoError(EBUSY, "metadata device already in use by a pool");
    }
    if (pool->data != data.bdev) {
      return ErrnoError(EBUSY, "data device already in use by a pool");
    }
    return pool;
  }
  if (FindPool(md) != nullptr) {
    return DmError("different pool cannot replace a pool");
  }
  absl::Status fresh = RequireFreshMetadata(metadata, sector_t{0});
  if (!fresh.ok()) return fresh;
  if (!may_format) return ErrnoError(EPERM, "Error creating metadata object");
  auto pool = std::make_shared<Pool>();
  pool->pool_md = md;
  pool->metadata = metadata.bdev;
  pool->data = data.bdev;
  pool->sectors_per_block = block_size;
  AddPool(md, pool);
  return pool;
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
  absl::StatusOr<const DmDev*> metadata = DmGetDevice(
      ti, argv[0],
      FMODE_READ | (pt->requested.read_only ? 0u : unsigned{FMODE_WRITE}),
      "Error opening metadata block device");
  if (!metadata.ok()) return metadata.status();
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
  absl::StatusOr<std::shared_ptr<Pool>> pool = FindOrCreatePool(
      ti, **metadata, **data, *block_size, !pt->requested.read_only);
  if (!pool.ok()) return pool.status();
  (*pool)->discard_enabled = pt->requested.discard_enabled;
  pt->pool = *std::move(pool);
  pt->metadata_dev = *metadata;
  pt->data_dev = *data;
  pt->low_water_blocks = *low_water;
  pt->passdown = pt->requested.discard_passdown;
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

int PoolPreresume(DmTarget& ti) {
  Pool& pool = *ti.Private<PoolC>().pool;
  absl::MutexLock lock(&pool.mu);
  pool.data_sectors = ti.len.value();
  return 0;
}

int PoolIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  return fn(*ti.Private<PoolC>().data_dev, sector_t{0}, ti.len);
}

// Discards can be passed down only if the data device takes them, and takes a
// whole block at once.
void DisablePassdown(const DmTarget& ti, const PoolC& pt) {
  if (!pt.passdown) return;
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
  pt.passdown = false;
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
  if (!pt.requested.discard_enabled) {
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
                 {k7_2, 1, 24, 0}},
    .features =
        DM_TARGET_SINGLETON | DM_TARGET_ALWAYS_WRITEABLE | DM_TARGET_IMMUTABLE,
    .registered = 15,
    .knows_others = true,
    .ctr = PoolCtr,
    .map = PoolMap,
    .status = PoolStatus,
    .message = PoolMessage,
    .preresume = PoolPreresume,
    .iterate_devices = PoolIterateDevices,
    .io_hints = PoolIoHints,
    .save_state = PoolSaveState,
    .restore_state = PoolRestoreState,
    .example = {.length = 2048, .params = "/dev/mem0 /dev/mem1 128 0"},
};
DM_REGISTER_TARGET(kPoolTarget);

}  // namespace
}  // namespace dmdax
