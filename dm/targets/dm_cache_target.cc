// SPDX-License-Identifier: Apache-2.0
//
// cache: often used blocks of a slow device on a fast one.
//
//   cache <metadata dev> <cache dev> <origin dev> <block size>
//         <#features> [writeback|writethrough|passthrough] [metadata2]
//                     [no_discard_passdown]
//         <policy> <#policy args> [<key> <value> ...]
//
//   block size  sectors; 64 .. 2097152, a multiple of 64, not above the cache
//   policy      default, smq, mq, cleaner
//
// Only a cache that would be formatted now is judged: it is empty, so all I/O
// goes to the origin, sector for sector.
// Mirrors drivers/md/dm-cache-target.c (4.14 to 7.2).
#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/targets/fresh_metadata.h"

namespace dmdax {
namespace {

struct Cache : DmTargetPrivate {
  const DmDev* metadata_dev = nullptr;
  const DmDev* cache_dev = nullptr;
  const DmDev* origin_dev = nullptr;
  uint64_t sectors_per_block = 0;
  std::string io_mode = "writeback";
  bool metadata2 = false;
  mutable bool discard_passdown = true;
  bool cleaner = false;
  uint64_t migration_threshold = 2048;
  std::string ctr_args;  // from the block size on, as given
};

absl::Status ParseDevices(DmTarget& ti, DmArgSet& as, Cache* cache) {
  const absl::Status insufficient = DmError("Insufficient args");
  struct Slot {
    const DmDev** dev;
    const char* error;
  };
  const Slot slots[] = {
      {&cache->metadata_dev, "Error opening metadata device"},
      {&cache->cache_dev, "Error opening cache device"},
      {&cache->origin_dev, "Error opening origin device"},
  };
  for (const Slot& slot : slots) {
    const std::string* path = as.Shift();
    if (path == nullptr) return insufficient;
    absl::StatusOr<const DmDev*> dev =
        slot.dev == &cache->cache_dev
            ? DmGetDevice(ti, *path, slot.error)
            : DmGetDevice(ti, *path, FMODE_READ | FMODE_WRITE, slot.error);
    if (!dev.ok()) return dev.status();
    *slot.dev = *dev;
  }
  if (ti.len.value() > cache->origin_dev->bdev->nr_sectors()) {
    return DmError("Device size larger than cached device");
  }
  const std::string* word = as.Shift();
  if (word == nullptr) return insufficient;
  absl::StatusOr<uint64_t> size = KstrtoU64(*word);
  if (!size.ok() || *size < 64 || *size > 2097152 || *size % 64 != 0) {
    return DmError("Invalid data block size");
  }
  if (*size > cache->cache_dev->bdev->nr_sectors()) {
    return DmError("Data block size is larger than the cache device");
  }
  cache->sectors_per_block = *size;
  return absl::OkStatus();
}

absl::Status ParseFeatures(DmArgSet& as, Cache* cache) {
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 3, "Invalid number of cache feature arguments"});
  if (!count.ok()) return count.status();
  int modes = 0;
  for (uint32_t i = 0; i < *count; ++i) {
    const std::string& word = *as.Shift();
    bool known = false;
    for (const char* mode : {"writeback", "writethrough", "passthrough"}) {
      if (!absl::EqualsIgnoreCase(word, mode)) continue;
      cache->io_mode = mode;
      ++modes;
      known = true;
    }
    if (absl::EqualsIgnoreCase(word, "metadata2")) {
      cache->metadata2 = known = true;
    } else if (absl::EqualsIgnoreCase(word, "no_discard_passdown")) {
      cache->discard_passdown = false;
      known = true;
    }
    if (!known) return DmError("Unrecognised cache feature requested");
  }
  if (modes > 1) return DmError("Duplicate cache io_mode features requested");
  return absl::OkStatus();
}

// Policy and its settings; of these, migration_threshold is the target's own.
absl::Status ParsePolicy(const DmTarget& ti, DmArgSet& as, Cache* cache) {
  const std::string* name = as.Shift();
  if (name == nullptr) return DmError("Insufficient args");
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 1024, "Invalid number of policy arguments"});
  if (!count.ok()) return count.status();
  cache->cleaner = *name == "cleaner";
  if (!cache->cleaner && *name != "default" && *name != "smq" &&
      *name != "mq") {
    DmLog(MachineOf(ti), KernLevel::kWarn, "cache-policy",
          "unknown policy type");
    return DmError("Error creating cache's policy");
  }
  if (*count % 2 != 0) {
    DmLog(MachineOf(ti), KernLevel::kWarn, "cache",
          "Odd number of policy arguments given but they should be <key> "
          "<value> pairs.");
    return DmError("Error setting cache policy's config values");
  }
  for (uint32_t i = 0; i < *count; i += 2) {
    const std::string& key = *as.Shift();
    absl::StatusOr<uint64_t> value = KstrtoU64(*as.Shift());
    if (absl::EqualsIgnoreCase(key, "migration_threshold") && value.ok()) {
      cache->migration_threshold = *value;
      continue;
    }
    DmLog(MachineOf(ti), KernLevel::kWarn, "cache",
          absl::StrCat("bad config value for ", key));
    return DmError("Error setting cache policy's config values");
  }
  return absl::OkStatus();
}

absl::Status CacheCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  auto cache = std::make_unique<Cache>();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::Status s = ParseDevices(ti, as, cache.get());
  if (s.ok()) s = ParseFeatures(as, cache.get());
  if (s.ok()) s = ParsePolicy(ti, as, cache.get());
  if (s.ok()) s = RequireFreshMetadata(*cache->metadata_dev, sector_t{0});
  if (s.ok()) s = DmSetTargetMaxIoLen(ti, cache->sectors_per_block);
  if (!s.ok()) return s;
  cache->ctr_args = absl::StrJoin(argv.subspan(3), " ");
  ti.num_flush_bios = 2;
  ti.flush_supported = true;
  ti.num_discard_bios = 1;
  ti.discards_supported = true;
  ti.private_data = std::move(cache);
  return absl::OkStatus();
}

BioMap CacheMap(const DmTarget& ti, sector_t sector, ReqOp) {
  return {BioMap::Kind::kRemapped, ti.Private<Cache>().origin_dev, sector, 0};
}

uint64_t DivUp(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

// Blocks that fresh metadata take: super block, the space map's index, its
// reference counts' root and bitmaps; the mapping array's root and blocks;
// the root of the discard bitset.
uint64_t FreshMetadataBlocks(uint64_t metadata_blocks, uint64_t cache_blocks) {
  constexpr uint64_t kPerBitmap = (kPageSize - 16) * 4;
  constexpr uint64_t kPerArrayBlock = (kPageSize - 24) / 8;
  return 5 + DivUp(metadata_blocks, kPerBitmap) +
         DivUp(cache_blocks, kPerArrayBlock);
}

void CacheInfo(const Cache& cache, std::string* out) {
  constexpr uint64_t kMaxMetadataBlocks = 255 * ((1 << 14) - 64);
  const uint64_t blocks =
      std::min(cache.metadata_dev->bdev->nr_sectors() / kPageSectors,
               kMaxMetadataBlocks);
  const uint64_t cache_blocks =
      cache.cache_dev->bdev->nr_sectors() / cache.sectors_per_block;
  absl::StrAppend(out, kPageSectors, " ",
                  FreshMetadataBlocks(blocks, cache_blocks), "/", blocks, " ",
                  cache.sectors_per_block);
  absl::StrAppend(out, " 0/", cache_blocks, " 0 0 0 0 0 0 0 ");
  absl::StrAppend(
      out, 1 + (cache.metadata2 ? 1 : 0) + (cache.discard_passdown ? 0 : 1),
      cache.metadata2 ? " metadata2 " : " ", cache.io_mode,
      cache.discard_passdown ? " " : " no_discard_passdown ");
  absl::StrAppend(out, "2 migration_threshold ", cache.migration_threshold,
                  cache.cleaner ? " cleaner 0 rw - " : " smq 0 rw - ");
}

void CacheStatus(const DmTarget& ti, StatusType type, std::string* out) {
  const Cache& cache = ti.Private<Cache>();
  if (type == STATUSTYPE_INFO) {
    CacheInfo(cache, out);
  } else if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, cache.metadata_dev->name, " ", cache.cache_dev->name,
                    " ", cache.origin_dev->name, " ", cache.ctr_args);
  }
}

int CacheIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const Cache& cache = ti.Private<Cache>();
  const BlockDevice& bdev = *cache.cache_dev->bdev;
  int ret = fn(*cache.cache_dev, sector_t{0}, sector_t(bdev.nr_sectors()));
  return ret != 0 ? ret : fn(*cache.origin_dev, sector_t{0}, ti.len);
}

void DisablePassdown(const DmTarget& ti, const Cache& cache,
                     uint64_t discard_block) {
  if (!cache.discard_passdown) return;
  const QueueLimits origin = cache.origin_dev->bdev->queue().limits();
  const char* reason = nullptr;
  if (origin.max_discard_sectors == 0) {
    reason = "discard unsupported";
  } else if (origin.max_discard_sectors < discard_block) {
    reason = "max discard sectors smaller than a block";
  }
  if (reason == nullptr) return;
  DmLog(MachineOf(ti), KernLevel::kWarn, "cache",
        absl::StrCat("Origin device (", cache.origin_dev->bdev->name(), ") ",
                     reason, ": Disabling discard passdown."));
  cache.discard_passdown = false;
}

void CacheIoHints(const DmTarget& ti, QueueLimits& limits) {
  const Cache& cache = ti.Private<Cache>();
  const uint64_t block = cache.sectors_per_block;
  const uint64_t io_opt = limits.io_opt >> kSectorShift;
  if (io_opt < block || io_opt % block != 0) {
    const auto bytes = static_cast<uint32_t>(block << kSectorShift);
    limits.io_min = std::max(
        {bytes, limits.logical_block_size, limits.physical_block_size});
    limits.io_opt = bytes;
  }
  // At most 2^14 discard blocks cover the origin.
  uint64_t discard_block = block;
  while (DivUp(ti.len.value(), discard_block) > (1 << 14)) discard_block *= 2;
  DisablePassdown(ti, cache, discard_block);
  if (cache.discard_passdown) {
    const QueueLimits origin = cache.origin_dev->bdev->queue().limits();
    limits.max_discard_sectors = origin.max_discard_sectors;
    limits.max_hw_discard_sectors = origin.max_hw_discard_sectors;
    limits.discard_granularity = origin.discard_granularity;
    limits.discard_alignment = origin.discard_alignment;
    limits.discard_misaligned = origin.discard_misaligned;
    return;
  }
  limits.max_discard_sectors = static_cast<uint32_t>(
      std::min<uint64_t>(discard_block * 1024, ti.len.value()));
  limits.max_hw_discard_sectors = limits.max_discard_sectors;
  limits.discard_granularity =
      static_cast<uint32_t>(discard_block << kSectorShift);
}

std::string CacheSaveState(const DmTarget& ti) {
  return ti.Private<Cache>().discard_passdown ? "1" : "0";
}

bool CacheRestoreState(DmTarget& ti, absl::string_view state) {
  ti.Private<Cache>().discard_passdown = state == "1";
  return state == "0" || state == "1";
}

const TargetType kCacheTarget = {
    .name = "cache",
    .versions = {{k4_14, 2, 0, 0}, {k5_10, 2, 3, 0}, {k7_2, 2, 4, 0}},
    .registered = 16,
    .ctr = CacheCtr,
    .map = CacheMap,
    .status = CacheStatus,
    .iterate_devices = CacheIterateDevices,
    .io_hints = CacheIoHints,
    .save_state = CacheSaveState,
    .restore_state = CacheRestoreState,
    .example = {.length = 2048,
                .params = "/dev/mem0 /dev/mem1 /dev/sda 128 0 smq 0"},
};
DM_REGISTER_TARGET(kCacheTarget);

}  // namespace
}  // namespace dmdax
