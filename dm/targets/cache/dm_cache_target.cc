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
// Nothing is ever promoted here: the cache stays empty, and all I/O goes to the
// origin, sector for sector.
// Mirrors drivers/md/dm-cache-target.c (4.14 to 7.2).
#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/cache/dm_cache.h"

namespace dmdax {
namespace {

void WarnIfTooBig(const DmTarget& ti, const DmDev& metadata) {
  constexpr uint64_t kMaxSectors = TransactionManager::kMaxBlocks * 8;
  constexpr uint64_t kWarnSectors = 16 * (1024 * 1024 * 1024 >> kSectorShift);
  if (metadata.bdev->nr_sectors() <= kWarnSectors) return;
  DmLog(MachineOf(ti), KernLevel::kWarn, "cache",
        absl::StrCat("Metadata device ", metadata.bdev->name(),
                     " is larger than ", kMaxSectors,
                     " sectors: excess space will not be used."));
}

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
    if (slot.dev == &cache->metadata_dev) WarnIfTooBig(ti, **dev);
  }
  if (ProfileOf(ti).cache_checks_device_size &&
      ti.len.value() > cache->origin_dev->bdev->nr_sectors()) {
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
    // The last mode wins; more than one is refused once all words are read.
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

struct PolicyArgs {
  std::string name;
  absl::Span<const std::string> args;
};

absl::Status ParsePolicy(DmArgSet& as, PolicyArgs* policy) {
  const std::string* name = as.Shift();
  if (name == nullptr) return DmError("Insufficient args");
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 1024, "Invalid number of policy arguments"});
  if (!count.ok()) return count.status();
  policy->name = *name;
  policy->args = as.rest().subspan(0, *count);
  return absl::OkStatus();
}

// set_cache_size()
void WarnIfManyBlocks(const DmTarget& ti, uint64_t blocks) {
  if (blocks <= 1 << 20) return;
  DmLog(
      MachineOf(ti), KernLevel::kWarn, "cache",
      absl::StrCat(
          "You have created a cache device with a lot of individual cache "
          "blocks (",
          blocks,
          ")\nAll these mappings can consume a lot of kernel memory, and take "
          "some time to read/write.\nPlease consider increasing the cache "
          "block size to reduce the overall cache block count."));
}

// create_cache_policy(), set_config_values().
absl::Status CreatePolicy(const DmTarget& ti, const PolicyArgs& policy,
                          Cache* cache) {
  cache->policy = FindCachePolicy(policy.name);
  if (cache->policy == nullptr) {
    DmLog(MachineOf(ti), KernLevel::kWarn, "cache-policy",
          "unknown policy type");
    return DmError("Error creating cache's policy");
  }
  const absl::Status bad =
      DmError("Error setting cache policy's config values");
  if (policy.args.size() % 2 != 0) {
    DmLog(MachineOf(ti), KernLevel::kWarn, "cache",
          "Odd number of policy arguments given but they should be <key> "
          "<value> pairs.");
    return bad;
  }
  for (size_t i = 0; i < policy.args.size(); i += 2) {
    if (!SetCacheConfig(ti, *cache, policy.args[i], policy.args[i + 1]).ok()) {
      return bad;
    }
  }
  return absl::OkStatus();
}

absl::Status OpenMetadata(const DmTarget& ti, Cache* cache) {
  absl::StatusOr<std::shared_ptr<CacheMetadata>> cmd = CacheMetadata::Open(
      ti, *cache->metadata_dev, cache->sectors_per_block, cache->metadata2);
  if (cmd.ok()) {
    cache->cmd = *std::move(cmd);
    const CacheMetadata::Misses misses = cache->cmd->misses();
    cache->read_misses = misses.reads;
    cache->write_misses = misses.writes;
    if (cache->cmd->fail_io()) {
      CacheSay(ti, kCacheUnreadableFlag);
      CacheSay(ti, "switching cache to fail mode", KernLevel::kInfo);
    } else if (cache->cmd->needs_check()) {
      CacheSay(ti, "unable to switch cache to write mode until repaired.");
      CacheSay(ti, "switching cache to read-only mode", KernLevel::kInfo);
    } else {
      return absl::OkStatus();
    }
    return DmError(
        "Unable to get write access to metadata, please check/repair "
        "metadata.");
  }
  if (IsNotModelled(cmd.status())) return cmd.status();
  return ErrnoError(ErrnoOf(cmd.status()), "Error creating metadata object");
}

absl::Status CacheCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  auto cache = std::make_unique<Cache>();
  PolicyArgs policy;
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::Status s = ParseDevices(ti, as, cache.get());
  if (s.ok()) s = ParseFeatures(as, cache.get());
  if (s.ok()) s = ParsePolicy(as, &policy);
  if (s.ok()) s = DmSetTargetMaxIoLen(ti, cache->sectors_per_block);
  if (!s.ok()) return s;
  cache->cache_blocks =
      cache->cache_dev->bdev->nr_sectors() / cache->sectors_per_block;
  WarnIfManyBlocks(ti, cache->cache_blocks);
  s = CreatePolicy(ti, policy, cache.get());
  // The metadata come last: every bad word is reported before.
  if (s.ok()) s = OpenMetadata(ti, cache.get());
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

// account_bio(): with nothing in the cache, every request misses.
void CacheAccount(const DmTarget& ti, ReqOp op) {
  Cache& cache = ti.Private<Cache>();
  if (IsRead(op)) {
    ++cache.read_misses;
  } else if (op == ReqOp::kWrite) {
    ++cache.write_misses;
  }
}

// The kernel doubles the discard block until at most 2^14 of them cover the
// origin.
uint64_t DiscardBlock(const DmTarget& ti) {
  uint64_t block = ti.Private<Cache>().sectors_per_block;
  while (ti.len.value() / block > 1 << 14) block *= 2;
  return block;
}

int CachePreresume(DmTarget& ti) {
  const Cache& cache = ti.Private<Cache>();
  if (cache.cmd->fail_io() || cache.cmd->needs_check()) return 0;
  const int err = cache.cmd->Resize(ti, cache.cache_blocks);
  if (err == 0) return 0;
  CacheSay(ti, "could not resize cache metadata");
  CacheMetadataOperationFailed(ti, "dm_cache_resize", err);
  return err;
}

// sync_metadata(): what follows the step that failed is refused too.
void CachePostsuspend(DmTarget& ti) {
  using Step = CacheMetadata::Step;
  const Cache& cache = ti.Private<Cache>();
  const uint64_t block = DiscardBlock(ti);
  if (cache.cmd->fail_io()) return;
  // The kernel writes it when the last who has the metadata closes them.
  if (cache.cmd->needs_check()) return cache.cmd->WriteNeedsCheck();
  Step step;
  const int err = cache.cmd->Sync(
      ti, (ti.len.value() + block - 1) / block, cache.policy->has_hints,
      {cache.read_misses.load(), cache.write_misses.load()}, &step);
  if (err == 0) return;
  if (step == Step::kDiscardBits) {
    CacheSay(ti, "could not resize on-disk discard bitset");
  }
  constexpr absl::string_view kOperations[] = {
      "dm_cache_set_dirty_bits", "dm_cache_discard_bitset_resize",
      "dm_cache_write_hints", "dm_cache_commit"};
  CacheMetadataOperationFailed(ti, kOperations[static_cast<size_t>(step)], err);
  constexpr absl::string_view kParts[] = {"dirty bitset", "discard bitset",
                                          "hints", "cache metadata"};
  for (size_t i = static_cast<size_t>(step); i < std::size(kParts); ++i) {
    CacheSay(ti, absl::StrCat("could not write ", kParts[i]));
  }
}

int CacheIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const Cache& cache = ti.Private<Cache>();
  // The cache device is used whole, however long the row is.
  const BlockDevice& bdev = *cache.cache_dev->bdev;
  int ret = fn(*cache.cache_dev, sector_t{0}, sector_t(bdev.nr_sectors()));
  return ret != 0 ? ret : fn(*cache.origin_dev, sector_t{0}, ti.len);
}

void DisablePassdown(const DmTarget& ti, const Cache& cache) {
  if (!cache.discard_passdown) return;
  const QueueLimits origin = cache.origin_dev->bdev->queue().limits();
  const char* reason = nullptr;
  if (origin.max_discard_sectors == 0) {
    reason = "discard unsupported";
  } else if (origin.max_discard_sectors < cache.sectors_per_block) {
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
  // cache_io_hints() keeps hints that fit the blocks already.
  if (io_opt < block || io_opt % block != 0) {
    const auto bytes = static_cast<uint32_t>(block << kSectorShift);
    limits.io_min = std::max(
        {bytes, limits.logical_block_size, limits.physical_block_size});
    limits.io_opt = bytes;
  }
  const uint64_t discard_block = DiscardBlock(ti);
  DisablePassdown(ti, cache);
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

// "<passdown> <migration threshold> <read misses> <write misses>".
std::string CacheSaveState(const DmTarget& ti) {
  const Cache& cache = ti.Private<Cache>();
  return absl::StrCat(cache.discard_passdown ? 1 : 0, " ",
                      cache.migration_threshold, " ", cache.read_misses.load(),
                      " ", cache.write_misses.load());
}

bool CacheRestoreState(DmTarget& ti, absl::string_view state) {
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  Cache& cache = ti.Private<Cache>();
  uint32_t reads, writes;
  if (words.size() != 4 || (words[0] != "0" && words[0] != "1") ||
      !absl::SimpleAtoi(words[1], &cache.migration_threshold) ||
      !absl::SimpleAtoi(words[2], &reads) ||
      !absl::SimpleAtoi(words[3], &writes)) {
    return false;
  }
  cache.discard_passdown = words[0] == "1";
  cache.read_misses = reads;
  cache.write_misses = writes;
  return true;
}

const TargetType kCacheTarget = {
    .name = "cache",
    .versions = {{k4_14, 2, 0, 0}, {k5_10, 2, 3, 0}, {k7_2, 2, 4, 0}},
    .registered = 16,
    .ctr = CacheCtr,
    .map = CacheMap,
    .account = CacheAccount,
    .status = CacheStatus,
    .message = CacheMessage,
    .preresume = CachePreresume,
    .postsuspend = CachePostsuspend,
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
