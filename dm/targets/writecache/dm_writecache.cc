// SPDX-License-Identifier: Apache-2.0
//
// writecache: writes go to a fast device first.
//
//   writecache <p|s> <origin> <cache dev> <block size> <#optional args>
//              [<name> [<value>] ...]
//
//   p           persistent memory (synchronous DAX); s: a disk
//   block size  bytes; a power of two, 512 .. 4096, not below a logical block
//
// Messages: flush | flush_on_suspend | cleaner | clear_stats
//
// Written blocks stay in the cache until a message, the cleaner or a suspend
// flushes them: the watermarks and the age of blocks play no part here.  Only a
// cache that would be formatted now is modelled.
// Mirrors drivers/md/dm-writecache.c (5.10 to 7.2; not in 4.14).
#include "dm/targets/writecache/dm_writecache.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

BioMap ToCache(const WriteCache& wc, uint64_t block, uint64_t within) {
  return {BioMap::Kind::kRemapped, wc.ssd_dev,
          sector_t(wc.data_start() + block * wc.block_sectors() + within), 0};
}

BioMap WriteCacheMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const WriteCache& wc = ti.Private<WriteCache>();
  const uint64_t offset = ti.Offset(sector);
  const uint64_t block = offset / wc.block_sectors();
  const uint64_t within = offset % wc.block_sectors();
  const BioMap to_origin = {BioMap::Kind::kRemapped, wc.dev, sector_t(offset),
                            0};
  // The cache stands on itself.
  if (wc.mu.HeldHere()) return {.kind = BioMap::Kind::kError, .err = EIO};
  OwnedLock lock(&wc.mu);
  // Requests are counted in blocks.
  auto count = [&](WriteCache::Stat stat) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (within == 0) ++wc.stats[stat];
  };
  auto found = wc.cached.find(block);
  if (op == ReqOp::kRead || op == ReqOp::kReadAhead) {
    count(WriteCache::kReads);
    if (found == wc.cached.end()) return to_origin;
    count(WriteCache::kReadHits);
    return ToCache(wc, found->second, within);
  }
  if (op == ReqOp::kFlush) return to_origin;
  if (op == ReqOp::kDiscard) {
    if (found != wc.cached.end()) wc.cached.erase(found);
    return to_origin;
  }
  count(WriteCache::kWrites);
  if (found != wc.cached.end()) {
    count(WriteCache::kWriteHitsUncommitted);
    return ToCache(wc, found->second, within);
  }
  if (wc.cleaner || wc.cached.size() == wc.n_blocks) {
    count(WriteCache::kWritesAround);
    return to_origin;
  }
  count(WriteCache::kWritesAllocate);
  const uint64_t slot = wc.next_block++ % wc.n_blocks;
  wc.cached[block] = slot;
  return ToCache(wc, slot, within);
}

// Writes all that is in the cache back to the origin.
void WriteBack(const WriteCache& wc) ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  std::vector<char> bytes(wc.block_size);
  for (const auto& [block, slot] : wc.cached) {
    if (BioRead(*wc.ssd_dev->bdev, ToCache(wc, slot, 0).sector,
                absl::MakeSpan(bytes))
            .ok()) {
      (void)BioWrite(*wc.dev->bdev, sector_t(block * wc.block_sectors()),
                     bytes);
    }
  }
  wc.cached.clear();
}

absl::StatusOr<std::string> WriteCacheMessage(
    DmTarget& ti, absl::Span<const std::string> argv) {
  WriteCache& wc = ti.Private<WriteCache>();
  auto is = [&](absl::string_view name) {
    return absl::EqualsIgnoreCase(argv[0], name);
  };
  const bool clears =
      is("clear_stats") && ProfileOf(ti).writecache_has_counters;
  if (!is("flush") && !is("flush_on_suspend") && !is("cleaner") && !clears) {
    DmLog(MachineOf(ti), KernLevel::kErr, "writecache",
          absl::StrCat("unrecognised message received: ", argv[0]));
    return ErrnoError(EINVAL, "unrecognised message");
  }
  if (argv.size() != 1) return ErrnoError(EINVAL, "one word");
  OwnedLock lock(&wc.mu);
  if (is("flush")) {
    if (ti.table->md().suspended()) return ErrnoError(EBUSY, "suspended");
    WriteBack(wc);
  }
  if (is("flush_on_suspend")) wc.flush_on_suspend = true;
  if (is("cleaner")) {
    wc.cleaner = wc.flush_on_suspend = true;
    if (!ti.table->md().suspended()) WriteBack(wc);
  }
  if (clears) wc.stats.fill(0);
  return "";
}

void WriteCachePostsuspend(DmTarget& ti) {
  const WriteCache& wc = ti.Private<WriteCache>();
  OwnedLock lock(&wc.mu);
  if (wc.flush_on_suspend) WriteBack(wc);
}

void WriteCacheStatus(const DmTarget& ti, StatusType type, std::string* out) {
  const WriteCache& wc = ti.Private<WriteCache>();
  if (type == STATUSTYPE_INFO) {
    // No error, blocks, free ones, none in writeback; then the counters.
    OwnedLock lock(&wc.mu);
    absl::StrAppend(out, "0 ", wc.n_blocks, " ", wc.n_blocks - wc.cached.size(),
                    " 0");
    if (ProfileOf(ti).writecache_has_counters) {
      for (uint64_t stat : wc.stats) absl::StrAppend(out, " ", stat);
    }
  } else if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, wc.pmem_mode ? "p " : "s ", wc.dev->name, " ",
                    wc.ssd_dev->name, " ", wc.block_size);
    absl::StrAppend(out, " ", wc.options.size());
    for (const std::string& word : wc.options) absl::StrAppend(out, " ", word);
  }
}

// "<cleaner> <flush on suspend> <next block>", the counters, and
// "<block>:<block of the cache>" for each that is cached.
std::string WriteCacheSaveState(const DmTarget& ti) {
  const WriteCache& wc = ti.Private<WriteCache>();
  OwnedLock lock(&wc.mu);
  std::string state = absl::StrCat(
      wc.cleaner ? 1 : 0, " ", wc.flush_on_suspend ? 1 : 0, " ", wc.next_block);
  for (uint64_t stat : wc.stats) absl::StrAppend(&state, " ", stat);
  for (const auto& [block, slot] : wc.cached) {
    absl::StrAppend(&state, " ", block, ":", slot);
  }
  return state;
}

bool WriteCacheRestoreState(DmTarget& ti, absl::string_view state) {
  constexpr size_t kHead = 3;
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  if (words.size() < kHead + WriteCache::kStats) return false;
  WriteCache& wc = ti.Private<WriteCache>();
  OwnedLock lock(&wc.mu);
  wc.cleaner = words[0] == "1";
  wc.flush_on_suspend = words[1] == "1";
  if (!absl::SimpleAtoi(words[2], &wc.next_block)) return false;
  for (size_t i = 0; i < WriteCache::kStats; ++i) {
    if (!absl::SimpleAtoi(words[kHead + i], &wc.stats[i])) return false;
  }
  for (size_t i = kHead + WriteCache::kStats; i < words.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(words[i], absl::MaxSplits(':', 1));
    uint64_t block, slot;
    if (!absl::SimpleAtoi(pair.first, &block) ||
        !absl::SimpleAtoi(pair.second, &slot) || slot >= wc.n_blocks) {
      return false;
    }
    wc.cached[block] = slot;
  }
  return true;
}

int WriteCacheIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  return fn(*ti.Private<WriteCache>().dev, sector_t{0}, ti.len);
}

void WriteCacheIoHints(const DmTarget& ti, QueueLimits& limits) {
  const uint32_t size = ti.Private<WriteCache>().block_size;
  limits.logical_block_size = std::max(limits.logical_block_size, size);
  limits.physical_block_size = std::max(limits.physical_block_size, size);
  limits.io_min = std::max(limits.io_min, size);
}

const TargetType kWriteCacheTarget = {
    .name = "writecache",
    .versions = {{k5_10, 1, 4, 0}, {k6_1, 1, 6, 0}},
    .registered = 17,
    .ctr = WriteCacheCtr,
    .map = WriteCacheMap,
    .status = WriteCacheStatus,
    .message = WriteCacheMessage,
    .postsuspend = WriteCachePostsuspend,
    .map_counts = true,
    .iterate_devices = WriteCacheIterateDevices,
    .io_hints = WriteCacheIoHints,
    .save_state = WriteCacheSaveState,
    .restore_state = WriteCacheRestoreState,
    .example = {.length = 2048, .params = "s /dev/sda /dev/mem0 4096 0"},
};
DM_REGISTER_TARGET(kWriteCacheTarget);

}  // namespace
}  // namespace dmdax
