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
// Written blocks stay in the cache, also for the next table, until a message,
// the cleaner, a watermark, their age or a suspend has them written back.
// Mirrors drivers/md/dm-writecache.c (5.10 to 7.3; not in 4.14).
#include "dm/targets/writecache/dm_writecache.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

void Free(const WriteCache& wc, uint64_t slot)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  wc.used.erase(slot);
  TouchEntry(wc, slot);
  if (wc.next_free == wc.n_blocks) wc.next_free = slot;
}

// writecache_flush(): what has been written is committed.
void Commit(const WriteCache& wc) ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  wc.uncommitted_blocks = 0;
  wc.autocommit_since = -1;
  bool any = false;
  for (const auto& [block, entry] : wc.cached) {
    if (entry.seq < wc.seq_count) continue;
    any = true;
    TouchEntry(wc, entry.slot);
  }
  if (any) {
    ++wc.seq_count;
    for (const uint64_t slot : std::exchange(wc.stale, {})) Free(wc, slot);
  }
  WriteEntries(wc);
}

// The oldest `count` blocks of the cache go to the origin.
void WriteBack(const WriteCache& wc, uint64_t count)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  Commit(wc);
  std::vector<std::pair<uint64_t, uint64_t>> by_age;
  for (const auto& [block, entry] : wc.cached) {
    by_age.emplace_back(entry.born, block);
  }
  std::sort(by_age.begin(), by_age.end());
  by_age.resize(std::min<uint64_t>(count, by_age.size()));
  std::vector<char> bytes(wc.block_size);
  for (const auto& [born, block] : by_age) {
    const uint64_t slot = wc.cached[block].slot;
    if (BioRead(*wc.ssd_dev->bdev, ToCache(wc, slot, 0).sector,
                absl::MakeSpan(bytes))
            .ok()) {
      (void)BioWrite(*wc.dev->bdev, sector_t(block * wc.block_sectors()),
                     bytes);
    }
    wc.cached.erase(block);
    Free(wc, slot);
  }
  WriteEntries(wc);
}

// writecache_verify_watermark() and what the writeback thread then does.
void KeepWatermark(const WriteCache& wc) ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  if (wc.cached.empty() || FreeBlocks(wc) > wc.high_watermark) return;
  WriteBack(wc,
            wc.low_watermark + 1 - std::min(FreeBlocks(wc), wc.low_watermark));
}

// Pops a free block for block `block` of the origin.
void Insert(const WriteCache& wc, uint64_t block, int64_t now)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  const uint64_t slot = wc.next_free;
  wc.used.insert(slot);
  wc.next_free = NextFree(wc, slot + 1);
  wc.cached[block] = {slot, wc.seq_count, wc.next_born++, now};
  ++wc.uncommitted_blocks;
}

// A bio, in blocks of the cache.
struct Piece {
  uint64_t block;
  uint64_t within;  // sectors
  uint64_t count;   // at least 1
};

// writecache_map_remap_origin(): up to what is cached.
uint64_t UpToCached(const WriteCache& wc, const Piece& piece)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  const auto next = wc.cached.upper_bound(piece.block);
  return next == wc.cached.end()
             ? piece.count
             : std::min(piece.count, next->first - piece.block);
}

// Blocks of both devices that follow each other.
BioMap Mapped(const WriteCache& wc, BioMap map, const Piece& piece,
              uint64_t blocks) {
  map.sectors = blocks * wc.block_sectors() - piece.within;
  return map;
}

BioMap MapRead(const WriteCache& wc, const Piece& piece, BioMap to_origin)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  const auto found = wc.cached.find(piece.block);
  if (found == wc.cached.end()) {
    const uint64_t blocks = UpToCached(wc, piece);
    wc.stats[WriteCache::kReads] += blocks;
    return Mapped(wc, to_origin, piece, blocks);
  }
  ++wc.stats[WriteCache::kReads];
  ++wc.stats[WriteCache::kReadHits];
  return Mapped(wc, ToCache(wc, found->second.slot, piece.within), piece, 1);
}

// writecache_bio_copy_ssd(): the blocks behind the first, as long as both are
// in a row.
uint64_t Extend(const WriteCache& wc, const Piece& piece, bool hit, int64_t now)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  uint64_t blocks = 1;
  const uint64_t slot = wc.cached[piece.block].slot;
  for (; blocks < piece.count; ++blocks) {
    const auto next = wc.cached.find(piece.block + blocks);
    if (hit ? next == wc.cached.end() || next->second.slot != slot + blocks
            : wc.next_free != slot + blocks) {
      break;
    }
    if (hit) continue;
    // What was there before is another copy.
    if (next != wc.cached.end()) wc.stale.insert(next->second.slot);
    Insert(wc, piece.block + blocks, now);
  }
  return blocks;
}

BioMap MapWrite(const WriteCache& wc, const Piece& piece, BioMap to_origin,
                int64_t now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  const auto found = wc.cached.find(piece.block);
  bool hit = found != wc.cached.end();
  if (hit) {
    const bool committed = found->second.seq < wc.seq_count;
    ++wc.stats[committed ? WriteCache::kWriteHitsCommitted
                         : WriteCache::kWriteHitsUncommitted];
    // Persistent memory keeps what was committed until the next commit.
    if (committed && wc.pmem_mode && wc.next_free < wc.n_blocks) {
      wc.stale.insert(found->second.slot);
      hit = false;
    }
  } else if (wc.cleaner || wc.metadata_only || wc.next_free == wc.n_blocks) {
    const uint64_t blocks = UpToCached(wc, piece);
    wc.stats[WriteCache::kWritesAround] += blocks;
    wc.stats[WriteCache::kWrites] += blocks;
    return Mapped(wc, to_origin, piece, blocks);
  }
  if (!hit) {
    Insert(wc, piece.block, now);
    ++wc.stats[WriteCache::kWritesAllocate];
  }
  // Memory is copied block by block.
  const uint64_t blocks = wc.pmem_mode ? 1 : Extend(wc, piece, hit, now);
  wc.stats[WriteCache::kWrites] += blocks;
  // Those of a hit count as well.
  wc.stats[WriteCache::kWritesAllocate] += blocks - 1;
  if (wc.autocommit_since < 0) wc.autocommit_since = now;
  return Mapped(wc, ToCache(wc, wc.cached[piece.block].slot, piece.within),
                piece, blocks);
}

BioMap WriteCacheMapBio(const DmTarget& ti, sector_t sector, uint64_t sectors,
                        ReqOp op) {
  const WriteCache& wc = ti.Private<WriteCache>();
  const uint64_t offset = ti.Offset(sector);
  const uint64_t size = wc.block_sectors();
  const Piece piece = {offset / size, offset % size,
                       (offset % size + sectors + size - 1) / size};
  const BioMap to_origin = {BioMap::Kind::kRemapped, wc.dev, sector_t(offset),
                            0};
  // The cache stands on itself.
  if (wc.mu.HeldHere()) return {.kind = BioMap::Kind::kError, .err = EIO};
  OwnedLock lock(&wc.mu);
  const int64_t now = MachineOf(ti).NowSeconds();
  switch (op) {
    case ReqOp::kRead:
    case ReqOp::kReadAhead:
      return MapRead(wc, piece, to_origin);
    case ReqOp::kFlush:
      ++wc.stats[WriteCache::kFlushes];
      Commit(wc);
      return to_origin;
    case ReqOp::kDiscard:
    case ReqOp::kWriteZeroes:
      if (const auto found = wc.cached.find(piece.block);
          found != wc.cached.end()) {
        const uint64_t slot = found->second.slot;
        wc.cached.erase(found);
        Free(wc, slot);
      }
      return Mapped(wc, to_origin, piece, 1);
    case ReqOp::kWrite:
      break;
  }
  if (wc.uncommitted_blocks >= wc.autocommit_blocks) Commit(wc);
  KeepWatermark(wc);
  return MapWrite(wc, piece, to_origin, now);
}

BioMap WriteCacheMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  return WriteCacheMapBio(ti, sector, 1, op);
}

void WriteCacheResume(DmTarget& ti) {
  WriteCache& wc = ti.Private<WriteCache>();
  OwnedLock lock(&wc.mu);
  ReadEntries(wc, MachineOf(ti).NowSeconds());
  KeepWatermark(wc);
}

// The timers, and the thread that writes back.
void WriteCacheElapse(DmTarget& ti, int64_t now) {
  const WriteCache& wc = ti.Private<WriteCache>();
  OwnedLock lock(&wc.mu);
  if (wc.uncommitted_blocks >= wc.autocommit_blocks ||
      (wc.autocommit_since >= 0 &&
       (now - wc.autocommit_since) * 1000 >= wc.autocommit_msecs &&
       now > wc.autocommit_since)) {
    Commit(wc);
  }
  uint64_t old = 0;
  for (const auto& [block, entry] : wc.cached) {
    old += wc.max_age_msecs >= 0 && now > entry.since &&
           (now - entry.since) * 1000 >= wc.max_age_msecs;
  }
  if (old > 0) WriteBack(wc, old);
  KeepWatermark(wc);
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
    WriteBack(wc, wc.n_blocks);
  }
  if (is("flush_on_suspend")) wc.flush_on_suspend = true;
  if (is("cleaner")) {
    wc.cleaner = wc.flush_on_suspend = true;
    wc.high_watermark = wc.low_watermark = wc.n_blocks;
    if (!ti.table->md().suspended()) KeepWatermark(wc);
  }
  if (clears) wc.stats.fill(0);
  return "";
}

void WriteCachePostsuspend(DmTarget& ti) {
  WriteCache& wc = ti.Private<WriteCache>();
  OwnedLock lock(&wc.mu);
  Commit(wc);
  if (std::exchange(wc.flush_on_suspend, false)) WriteBack(wc, wc.n_blocks);
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
    .map_bio = WriteCacheMapBio,
    .status = WriteCacheStatus,
    .message = WriteCacheMessage,
    .resume = WriteCacheResume,
    .postsuspend = WriteCachePostsuspend,
    .elapse = WriteCacheElapse,
    .iterate_devices = WriteCacheIterateDevices,
    .io_hints = WriteCacheIoHints,
    .save_state = WriteCacheSaveState,
    .restore_state = WriteCacheRestoreState,
    .example = {.length = 2048, .params = "s /dev/sda /dev/mem0 4096 0"},
};
DM_REGISTER_TARGET(kWriteCacheTarget);

}  // namespace
}  // namespace dmdax
