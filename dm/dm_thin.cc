// SPDX-License-Identifier: Apache-2.0
//
// thin-pool: blocks of a data device, given out as thin devices need them.
// thin: a device of such a pool.
//
//   thin-pool <metadata dev> <data dev> <block size> <low water mark>
//             [<#features> skip_block_zeroing ignore_discard
//              no_discard_passdown read_only error_if_no_space]
//   thin <pool dev> <device id> [<external origin dev>]
//
//   block size      sectors; 128 .. 2097152, a multiple of 128
//   low water mark  blocks
//   device id       0 .. 2^24-1, made by the pool's message `create_thin <id>`
//
// Only a pool that would be formatted now is judged; it then lives in memory.
// Messages: create_thin, delete, set_transaction_id; snapshots are refused.
// How many metadata blocks are in use is not known: the pool's status is
// "Error", as the kernel's is when it can not count them.
// Mirrors drivers/md/dm-thin.c (4.14 to 7.2).
#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/dm_table.h"
#include "dm/fresh_metadata.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

constexpr uint64_t kMaxDevId = (uint64_t{1} << 24) - 1;

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

// dm_thin_pool_table.
absl::Mutex pool_table_mu;
std::map<const MappedDevice*, std::weak_ptr<Pool>>& PoolTable() {
  static auto* pools = new std::map<const MappedDevice*, std::weak_ptr<Pool>>;
  return *pools;
}

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

// --- thin-pool ---

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
  // Passing discards down may turn out impossible.
  mutable bool passdown;
};

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
                                                       uint64_t block_size) {
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
  auto pool = std::make_shared<Pool>();
  pool->pool_md = md;
  pool->metadata = metadata.bdev;
  pool->data = data.bdev;
  pool->sectors_per_block = block_size;
  absl::MutexLock lock(&pool_table_mu);
  PoolTable()[md] = pool;
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
  absl::StatusOr<std::shared_ptr<Pool>> pool =
      FindOrCreatePool(ti, **metadata, **data, *block_size);
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

absl::Status PoolMessageError(const DmTarget& ti, absl::string_view text) {
  DmLog(MachineOf(ti), KernLevel::kWarn, "thin", text);
  return ErrnoError(EINVAL, text);
}

absl::StatusOr<uint64_t> ReadDevId(const DmTarget& ti,
                                   const std::string& word) {
  absl::StatusOr<uint64_t> id = KstrtoU64(word);
  if (id.ok() && *id <= kMaxDevId) return id;
  return PoolMessageError(
      ti, absl::StrCat("Message received with invalid device id: ", word));
}

absl::Status CheckArgCount(const DmTarget& ti, size_t argc, size_t wanted) {
  if (argc == wanted) return absl::OkStatus();
  return PoolMessageError(
      ti, absl::StrCat("Message received with ", argc, " arguments instead of ",
                       wanted, "."));
}

// create_thin and delete.
absl::Status ChangeDevice(const DmTarget& ti, Pool& pool,
                          absl::Span<const std::string> argv, bool create) {
  absl::Status s = CheckArgCount(ti, argv.size(), 2);
  if (!s.ok()) return s;
  absl::StatusOr<uint64_t> id = ReadDevId(ti, argv[1]);
  if (!id.ok()) return id.status();
  absl::MutexLock lock(&pool.mu);
  const bool done = create ? pool.devices.try_emplace(*id).second
                           : pool.devices.erase(*id) > 0;
  if (done) return absl::OkStatus();
  const std::string text =
      create
          ? absl::StrCat("Creation of new thinly-provisioned device with id ",
                         argv[1], " failed.")
          : absl::StrCat("Deletion of thin device ", argv[1], " failed.");
  DmLog(MachineOf(ti), KernLevel::kWarn, "thin", text);
  return ErrnoError(create ? EEXIST : ENODATA, text);
}

absl::Status SetTransactionId(const DmTarget& ti, Pool& pool,
                              absl::Span<const std::string> argv) {
  absl::Status s = CheckArgCount(ti, argv.size(), 3);
  if (!s.ok()) return s;
  absl::StatusOr<uint64_t> old_id = KstrtoU64(argv[1]);
  if (!old_id.ok()) {
    return PoolMessageError(
        ti, absl::StrCat("set_transaction_id message: Unrecognised id ",
                         argv[1], "."));
  }
  absl::StatusOr<uint64_t> new_id = KstrtoU64(argv[2]);
  if (!new_id.ok()) {
    return PoolMessageError(
        ti, absl::StrCat("set_transaction_id message: Unrecognised new id ",
                         argv[2], "."));
  }
  absl::MutexLock lock(&pool.mu);
  if (pool.transaction_id != *old_id) {
    return PoolMessageError(
        ti, absl::StrCat("Failed to change transaction id from ", argv[1],
                         " to ", argv[2], "."));
  }
  pool.transaction_id = *new_id;
  return absl::OkStatus();
}

absl::StatusOr<std::string> PoolMessage(DmTarget& ti,
                                        absl::Span<const std::string> argv) {
  Pool& pool = *ti.Private<PoolC>().pool;
  absl::Status s;
  if (absl::EqualsIgnoreCase(argv[0], "create_thin")) {
    s = ChangeDevice(ti, pool, argv, true);
  } else if (absl::EqualsIgnoreCase(argv[0], "delete")) {
    s = ChangeDevice(ti, pool, argv, false);
  } else if (absl::EqualsIgnoreCase(argv[0], "set_transaction_id")) {
    s = SetTransactionId(ti, pool, argv);
  } else if (absl::EqualsIgnoreCase(argv[0], "create_snap") ||
             absl::EqualsIgnoreCase(argv[0], "reserve_metadata_snap") ||
             absl::EqualsIgnoreCase(argv[0], "release_metadata_snap")) {
    s = PoolMessageError(ti, absl::StrCat("not judged here: ", argv[0]));
  } else {
    s = PoolMessageError(
        ti, absl::StrCat("Unrecognised thin pool target message received: ",
                         argv[0]));
  }
  if (!s.ok()) return s;
  return "";
}

void PoolTableLine(const PoolC& pt, std::string* out) {
  const PoolFeatures& pf = pt.requested;
  absl::StrAppend(out, pt.metadata_dev->name, " ", pt.data_dev->name, " ",
                  pt.pool->sectors_per_block, " ", pt.low_water_blocks);
  std::string words;
  int count = 0;
  auto flag = [&](bool on, absl::string_view name) {
    if (!on) return;
    ++count;
    absl::StrAppend(&words, name, " ");
  };
  flag(!pf.zero_new_blocks, "skip_block_zeroing");
  flag(!pf.discard_enabled, "ignore_discard");
  flag(!pf.discard_passdown, "no_discard_passdown");
  flag(pf.read_only, "read_only");
  flag(pf.error_if_no_space, "error_if_no_space");
  absl::StrAppend(out, " ", count, " ", words);
}

void PoolStatus(const DmTarget& ti, StatusType type, std::string* out) {
  if (type == STATUSTYPE_INFO) absl::StrAppend(out, "Error");
  if (type == STATUSTYPE_TABLE) PoolTableLine(ti.Private<PoolC>(), out);
}

int PoolIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  return fn(*ti.Private<PoolC>().data_dev, sector_t{0}, ti.len);
}

// Passing discards down needs a data device that takes them, a block at once.
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

// "<transaction> <next block> <data sectors> <passdown>", then for each
// device ";<id> block:block ...".
std::string PoolSaveState(const DmTarget& ti) {
  const PoolC& pt = ti.Private<PoolC>();
  Pool& pool = *pt.pool;
  absl::MutexLock lock(&pool.mu);
  std::string state =
      absl::StrCat(pool.transaction_id, " ", pool.next_block, " ",
                   pool.data_sectors, " ", pt.passdown ? 1 : 0);
  for (const auto& [id, mapping] : pool.devices) {
    absl::StrAppend(&state, ";", id);
    for (const auto& [from, to] : mapping) {
      absl::StrAppend(&state, " ", from, ":", to);
    }
  }
  return state;
}

bool RestoreDevice(absl::string_view text, Pool& pool)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool.mu) {
  const std::vector<absl::string_view> words = absl::StrSplit(text, ' ');
  uint64_t id;
  if (!absl::SimpleAtoi(words[0], &id)) return false;
  Mapping& mapping = pool.devices[id];
  for (size_t i = 1; i < words.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(words[i], absl::MaxSplits(':', 1));
    uint64_t from, to;
    if (!absl::SimpleAtoi(pair.first, &from) ||
        !absl::SimpleAtoi(pair.second, &to)) {
      return false;
    }
    mapping[from] = to;
  }
  return true;
}

bool PoolRestoreState(DmTarget& ti, absl::string_view state) {
  const PoolC& pt = ti.Private<PoolC>();
  Pool& pool = *pt.pool;
  absl::MutexLock lock(&pool.mu);
  const std::vector<absl::string_view> parts = absl::StrSplit(state, ';');
  const std::vector<absl::string_view> head = absl::StrSplit(parts[0], ' ');
  if (head.size() != 4) return false;
  pt.passdown = head[3] == "1";
  pool.devices.clear();
  for (size_t i = 1; i < parts.size(); ++i) {
    if (!RestoreDevice(parts[i], pool)) return false;
  }
  return absl::SimpleAtoi(head[0], &pool.transaction_id) &&
         absl::SimpleAtoi(head[1], &pool.next_block) &&
         absl::SimpleAtoi(head[2], &pool.data_sectors);
}

// --- thin ---

struct ThinC : DmTargetPrivate {
  std::shared_ptr<Pool> pool;
  const DmDev* pool_dev;
  const DmDev* origin_dev = nullptr;
  uint64_t dev_id;
};

absl::Status FindThinPool(DmTarget& ti, ThinC* tc) {
  const auto* md =
      dynamic_cast<const MappedDevice*>(tc->pool_dev->bdev->fops());
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

const TargetType kPoolTarget = {
    .name = "thin-pool",
    .versions = {{{1, 19, 0}, {1, 22, 0}, {1, 22, 0}, {1, 23, 0}, {1, 24, 0}}},
    .features =
        DM_TARGET_SINGLETON | DM_TARGET_ALWAYS_WRITEABLE | DM_TARGET_IMMUTABLE,
    .registered = 15,
    .ctr = PoolCtr,
    .map = PoolMap,
    .status = PoolStatus,
    .message = PoolMessage,
    .preresume = PoolPreresume,
    .iterate_devices = PoolIterateDevices,
    .io_hints = PoolIoHints,
    .save_state = PoolSaveState,
    .restore_state = PoolRestoreState,
};
DM_REGISTER_TARGET(kPoolTarget);

const TargetType kThinTarget = {
    .name = "thin",
    .versions = {{{1, 19, 0}, {1, 22, 0}, {1, 22, 0}, {1, 23, 0}, {1, 24, 0}}},
    .registered = 14,
    .ctr = ThinCtr,
    .map = ThinMap,
    .status = ThinStatus,
    .iterate_devices = ThinIterateDevices,
    .io_hints = ThinIoHints,
};
DM_REGISTER_TARGET(kThinTarget);

}  // namespace
}  // namespace dmdax
