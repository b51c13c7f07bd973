// SPDX-License-Identifier: Apache-2.0
//
// thin: a device whose blocks come from a pool when they are written.
//
//   thin <pool dev> <device id> [<external origin dev>]
//
//   device id  0 .. 2^24-1, made by the pool's message `create_thin <id>`
//
// Mirrors thin_* of drivers/md/dm-thin.c (4.14 to 7.2).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/thin/dm_thin_pool.h"

namespace dmdax {
namespace {

struct ThinC : DmTargetPrivate {
  std::shared_ptr<Pool> pool;
  const DmDev* pool_dev;
  const DmDev* origin_dev = nullptr;
  uint64_t dev_id;
};

absl::Status FindThinPool(DmTarget& ti, ThinC* tc) {
  const MappedDevice* md = MappedDevice::Of(*tc->pool_dev->bdev);
  if (md == nullptr) return DmError("Couldn't get pool mapped device");
  tc->pool = FindPool(md);
  if (tc->pool == nullptr) return DmError("Couldn't find pool object");
  Pool& pool = *tc->pool;
  absl::MutexLock lock(&pool.mu);
  if (!pool.devices.contains(tc->dev_id)) {
    return ErrnoError(ENODATA, "Couldn't open thin internal device");
  }
  absl::Status s = DmSetTargetMaxIoLen(ti, pool.sectors_per_block);
  if (!s.ok()) return s;
  if (pool.discard_enabled) {
    ti.discards_supported = true;
    ti.num_discard_bios = 1;
  }
  // A restored pool may have been suspended after this device was made.
  if (md->suspended() && !ti.table->restoring()) {
    return DmError("Unable to activate thin device while pool is suspended");
  }
  return absl::OkStatus();
}

absl::Status ThinCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() != 2 && argv.size() != 3) {
    return DmError("Invalid argument count");
  }
  auto tc = std::make_unique<ThinC>();
  if (argv.size() == 3) {
    if (argv[0] == argv[2]) return DmError("Error setting origin device");
    absl::StatusOr<const DmDev*> origin =
        DmGetDevice(ti, argv[2], FMODE_READ, "Error opening origin device");
    if (!origin.ok()) return origin.status();
    tc->origin_dev = *origin;
  }
  absl::StatusOr<const DmDev*> pool_dev =
      DmGetDevice(ti, argv[0], "Error opening pool device");
  if (!pool_dev.ok()) return pool_dev.status();
  tc->pool_dev = *pool_dev;
  absl::StatusOr<uint64_t> id = KstrtoU64(argv[1]);
  if (!id.ok() || *id > kMaxDevId) return DmError("Invalid device id");
  tc->dev_id = *id;
  if (absl::Status s = FindThinPool(ti, tc.get()); !s.ok()) return s;
  ti.num_flush_bios = 1;
  ti.flush_supported = true;
  ti.private_data = std::move(tc);
  return absl::OkStatus();
}

// The pool's own device takes the I/O; a new block is the next free one.
BioMap ThinMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const ThinC& tc = ti.Private<ThinC>();
  Pool& pool = *tc.pool;
  const uint64_t offset = ti.Offset(sector);
  const uint64_t block = offset / pool.sectors_per_block;
  const uint64_t within = offset % pool.sectors_per_block;
  const bool reads = op == ReqOp::kRead || op == ReqOp::kReadAhead;
  absl::MutexLock lock(&pool.mu);
  auto device = pool.devices.find(tc.dev_id);
  if (device == pool.devices.end()) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  Mapping& mapping = device->second;
  auto found = mapping.find(block);
  if (found == mapping.end()) {
    if (reads && tc.origin_dev != nullptr &&
        offset < tc.origin_dev->bdev->nr_sectors()) {
      return {BioMap::Kind::kRemapped, tc.origin_dev, sector_t(offset), 0};
    }
    if (reads) return {.kind = BioMap::Kind::kZeroes};
    if (op == ReqOp::kDiscard) return {.kind = BioMap::Kind::kDropped};
    if ((pool.next_block + 1) * pool.sectors_per_block > pool.data_sectors) {
      return {.kind = BioMap::Kind::kError, .err = ENOSPC};
    }
    found = mapping.emplace(block, pool.next_block++).first;
  }
  return {BioMap::Kind::kRemapped, tc.pool_dev,
          sector_t(found->second * pool.sectors_per_block + within), 0};
}

void ThinStatus(const DmTarget& ti, StatusType type, std::string* out) {
  const ThinC& tc = ti.Private<ThinC>();
  if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, tc.pool_dev->name, " ", tc.dev_id);
    if (tc.origin_dev != nullptr) {
      absl::StrAppend(out, " ", tc.origin_dev->name);
    }
  } else if (type == STATUSTYPE_INFO) {
    Pool& pool = *tc.pool;
    absl::MutexLock lock(&pool.mu);
    const Mapping& mapping = pool.devices[tc.dev_id];
    absl::StrAppend(out, mapping.size() * pool.sectors_per_block, " ");
    if (mapping.empty()) {
      absl::StrAppend(out, "-");
    } else {
      absl::StrAppend(
          out, (mapping.rbegin()->first + 1) * pool.sectors_per_block - 1);
    }
  }
}

int ThinIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const ThinC& tc = ti.Private<ThinC>();
  uint64_t sectors;
  {
    absl::MutexLock lock(&tc.pool->mu);
    sectors = tc.pool->data_sectors;
  }
  sectors -= sectors % tc.pool->sectors_per_block;
  return sectors == 0 ? 0 : fn(*tc.pool_dev, sector_t{0}, sector_t(sectors));
}

void ThinIoHints(const DmTarget& ti, QueueLimits& limits) {
  const Pool& pool = *ti.Private<ThinC>().pool;
  if (!pool.discard_enabled) return;
  constexpr uint32_t k16GiB = 2048 * 1024 * 16;
  const auto block = static_cast<uint32_t>(pool.sectors_per_block);
  limits.discard_granularity = block << kSectorShift;
  limits.max_discard_sectors =
      ProfileOf(ti).thin_discards_1024_blocks ? block * 1024 : k16GiB;
  limits.max_hw_discard_sectors = limits.max_discard_sectors;
}

const TargetType kThinTarget = {
    .name = "thin",
    .versions = {{k4_14, 1, 19, 0},
                 {k5_10, 1, 22, 0},
                 {k6_12, 1, 23, 0},
                 {k7_2, 1, 24, 0}},
    .registered = 14,
    .knows_others = true,
    .ctr = ThinCtr,
    .map = ThinMap,
    .status = ThinStatus,
    .iterate_devices = ThinIterateDevices,
    .io_hints = ThinIoHints,
    .example = {.length = 2048,
                .params = "/dev/mapper/below 7",
                .below = {"thin-pool", "/dev/mem0 /dev/mem1 128 0",
                          "create_thin 7"}},
};
DM_REGISTER_TARGET(kThinTarget);

}  // namespace
}  // namespace dmdax
