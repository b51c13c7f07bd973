// SPDX-License-Identifier: Apache-2.0
//
// thin: a device whose blocks come from a pool when they are written.
//
//   thin <pool dev> <device id> [<external origin dev>]
//
//   device id  0 .. 2^24-1, made by the pool's message `create_thin <id>`
//
// Mirrors thin_* of drivers/md/dm-thin.c (4.14 to 7.2).
#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/bio/submit_bio.h"
#include "dm/bio_map.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/thin/dm_thin_pool.h"

namespace dmdax {
namespace {

struct ThinC : DmTargetPrivate {
  ~ThinC() override {
    if (!open) return;
    OwnedLock lock(&pool->mu);
    // thin_dtr() lets the pool go before the device.
    if (pool.use_count() == 1) pool->pmd->CloseWhileOpen();
    pool->pmd->CloseDevice(dev_id);
  }
  std::shared_ptr<Pool> pool;
  const DmDev* pool_dev;
  const DmDev* origin_dev = nullptr;
  uint64_t dev_id;
  bool open = false;
};

absl::Status FindThinPool(DmTarget& ti, ThinC* tc) {
  const MappedDevice* md = MappedDevice::Of(*tc->pool_dev->bdev);
  if (md == nullptr) return DmError("Couldn't get pool mapped device");
  tc->pool = FindPool(md);
  if (tc->pool == nullptr) return DmError("Couldn't find pool object");
  Pool& pool = *tc->pool;
  OwnedLock lock(&pool.mu);
  if (pool.pf.mode == PoolMode::kFail) {
    return DmError("Couldn't open thin device, Pool is in fail mode");
  }
  if (int err = pool.pmd->OpenDevice(tc->dev_id)) {
    return ErrnoError(err, "Couldn't open thin internal device");
  }
  tc->open = true;
  absl::Status s = DmSetTargetMaxIoLen(ti, pool.sectors_per_block);
  if (!s.ok()) return s;
  if (pool.pf.discard_enabled) {
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

// dm_kcopyd_copy() of `sectors` at `from`, and of zeros behind them up to
// `whole` sectors; false: one side has failed.
bool CopyComplete(Pool& pool, BlockDevice& from_dev, uint64_t from,
                  uint64_t sectors, uint64_t data_block, uint64_t whole) {
  std::vector<char> bytes(whole << kSectorShift);
  if (sectors > 0 &&
      !BioRead(from_dev, sector_t(from),
               absl::MakeSpan(bytes.data(), sectors << kSectorShift))
           .ok()) {
    return false;
  }
  return BioWrite(*pool.data_dev->bdev,
                  sector_t(data_block * pool.sectors_per_block), bytes)
      .ok();
}

// schedule_external_copy(), schedule_zero(): the new data block gets what the
// thin device showed there before.  False: it did not.
bool Provision(const ThinC& tc, Pool& pool, uint64_t block, uint64_t data_block)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu) {
  const uint64_t sectors = pool.sectors_per_block;
  const uint64_t from = block * sectors;
  const uint64_t size =
      tc.origin_dev == nullptr ? 0 : tc.origin_dev->bdev->nr_sectors();
  const uint64_t there = from >= size ? 0 : std::min(sectors, size - from);
  const uint64_t whole = pool.pf.zero_new_blocks ? sectors : there;
  if (whole == 0) return true;
  BlockDevice& bdev = *(there > 0 ? tc.origin_dev : pool.data_dev)->bdev;
  return CopyComplete(pool, bdev, from, there, data_block, whole);
}

// break_sharing(): the snapshots keep the old block.
bool CopyBlock(Pool& pool, uint64_t from, uint64_t to) {
  const uint64_t sectors = pool.sectors_per_block;
  return CopyComplete(pool, *pool.data_dev->bdev, from * sectors, sectors, to,
                      sectors);
}

// The data block that a write to `block` goes to; nothing: there is none left,
// or it could not be filled, and is nobody's from then on.
std::optional<uint64_t> BlockToWrite(const ThinC& tc, Pool& pool,
                                     uint64_t block)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu) {
  const std::optional<PoolMetadata::Found> found =
      pool.pmd->FindBlock(tc.dev_id, block);
  if (found && !found->shared) return found->block;
  const std::optional<uint64_t> fresh = AllocDataBlock(pool);
  if (!fresh) return std::nullopt;
  const bool filled = found ? CopyBlock(pool, found->block, *fresh)
                            : Provision(tc, pool, block, *fresh);
  if (!filled) return std::nullopt;
  pool.pmd->Insert(tc.dev_id, block, *fresh);
  if (pool.pmd->failed()) {
    MetadataOperationFailed(pool, "dm_thin_insert_block");
    return std::nullopt;
  }
  return fresh;
}

// handle_unserviceable_bio(): it waits until the pool has grown, or has been
// full for too long.
BioMap Unserviceable(Pool& pool) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu) {
  if (pool.pf.mode != PoolMode::kOutOfDataSpace) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  CheckNoSpaceTimeout(pool);
  if (!pool.pf.error_if_no_space) return {.kind = BioMap::Kind::kWaits};
  return {.kind = BioMap::Kind::kError, .err = ENOSPC};
}

// The pool's own device takes the I/O.
BioMap ThinMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const ThinC& tc = ti.Private<ThinC>();
  Pool& pool = *tc.pool;
  // pool_suspend_active_thins(): while the pool sleeps its devices do, too,
  // though nobody is told of that.
  const MappedDevice* pool_md = MappedDevice::Of(*tc.pool_dev->bdev);
  if (pool_md != nullptr && pool_md->suspended()) {
    return {.kind = BioMap::Kind::kWaits};
  }
  const uint64_t offset = ti.Offset(sector);
  const uint64_t block = offset / pool.sectors_per_block;
  const uint64_t within = offset % pool.sectors_per_block;
  const bool reads = IsRead(op);
  if (op == ReqOp::kFlush) {
    return {BioMap::Kind::kRemapped, tc.pool_dev, sector_t{0}, 0};
  }
  // The pool stands on its own device.
  if (pool.mu.HeldHere()) return {.kind = BioMap::Kind::kError, .err = EIO};
  OwnedLock lock(&pool.mu);
  if (pool.pf.mode == PoolMode::kFail) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  std::optional<uint64_t> data_block;
  // Whole blocks are unmapped when it is known how many it covers.
  if (op == ReqOp::kDiscard) return {.kind = BioMap::Kind::kDropped};
  if (reads) {
    if (const auto found = pool.pmd->FindBlock(tc.dev_id, block)) {
      data_block = found->block;
    } else if (tc.origin_dev != nullptr &&
               offset < tc.origin_dev->bdev->nr_sectors()) {
      return {BioMap::Kind::kRemapped, tc.origin_dev, sector_t(offset), 0};
    } else {
      return {.kind = BioMap::Kind::kZeroes};
    }
  } else {
    data_block = BlockToWrite(tc, pool, block);
    if (!data_block) return Unserviceable(pool);
  }
  return {BioMap::Kind::kRemapped, tc.pool_dev,
          sector_t(*data_block * pool.sectors_per_block + within), 0};
}

// process_discard_cell(): a block that is covered whole is unmapped, and the
// discard passed down if nobody else has the block.
void DiscardBlock(const ThinC& tc, Pool& pool, uint64_t block)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu) {
  const auto found = pool.pmd->FindBlock(tc.dev_id, block);
  if (!found || pool.pf.mode >= PoolMode::kReadOnly) return;
  pool.pmd->Remove(tc.dev_id, block);
  if (pool.pmd->failed()) {
    return MetadataOperationFailed(pool, "dm_thin_remove_range");
  }
  if (pool.pf.discard_passdown && !found->shared) {
    (void)BioSubmitter().Submit(ReqOp::kDiscard, *pool.data_dev->bdev,
                                sector_t(found->block * pool.sectors_per_block),
                                pool.sectors_per_block);
  }
  if (pool.pf.mode == PoolMode::kOutOfDataSpace) CommitPool(pool);
}

int ThinEndIo(const DmTarget& ti, const DmBio& bio) {
  const ThinC& tc = ti.Private<ThinC>();
  Pool& pool = *tc.pool;
  if (bio.op != ReqOp::kDiscard && bio.op != ReqOp::kFlush) return 0;
  if (pool.mu.HeldHere()) return EIO;
  OwnedLock lock(&pool.mu);
  if (bio.op == ReqOp::kFlush) {
    // What was mapped before a flush is there after a crash.
    if (pool.ti != nullptr) CommitPool(pool);
    return 0;
  }
  if (!pool.pf.discard_enabled) return EOPNOTSUPP;
  const uint64_t from = ti.Offset(bio.sector);
  const uint64_t size = pool.sectors_per_block;
  const uint64_t last = (from + bio.sectors) / size;
  for (uint64_t block = (from + size - 1) / size; block < last; ++block) {
    DiscardBlock(tc, pool, block);
  }
  return 0;
}

void ThinStatus(const DmTarget& ti, StatusType type, uint32_t /*status_flags*/,
                std::string* out) {
  const ThinC& tc = ti.Private<ThinC>();
  OwnedLock lock(&tc.pool->mu);
  if (tc.pool->pf.mode == PoolMode::kFail) {
    absl::StrAppend(out, "Fail");
    return;
  }
  if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, tc.pool_dev->name, " ", tc.dev_id);
    if (tc.origin_dev != nullptr) {
      absl::StrAppend(out, " ", tc.origin_dev->name);
    }
  } else if (type == STATUSTYPE_INFO) {
    Pool& pool = *tc.pool;
    absl::StrAppend(
        out, pool.pmd->MappedBlocks(tc.dev_id) * pool.sectors_per_block, " ");
    if (const auto highest = pool.pmd->HighestBlock(tc.dev_id)) {
      absl::StrAppend(out, (*highest + 1) * pool.sectors_per_block - 1);
    } else {
      absl::StrAppend(out, "-");
    }
  }
}

int ThinIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const ThinC& tc = ti.Private<ThinC>();
  uint64_t sectors;
  {
    OwnedLock lock(&tc.pool->mu);
    // Before the pool is resumed nothing is known.
    sectors = tc.pool->ti == nullptr ? 0 : tc.pool->ti->len.value();
  }
  sectors -= sectors % tc.pool->sectors_per_block;
  return sectors == 0 ? 0 : fn(*tc.pool_dev, sector_t{0}, sector_t(sectors));
}

void ThinIoHints(const DmTarget& ti, QueueLimits& limits) {
  Pool& pool = *ti.Private<ThinC>().pool;
  OwnedLock lock(&pool.mu);
  if (!pool.pf.discard_enabled) return;
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
                 {{6, 17}, 1, 24, 0}},
    .registered = 14,
    .knows_others = true,
    .ctr = ThinCtr,
    .map = ThinMap,
    .end_io = ThinEndIo,
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
