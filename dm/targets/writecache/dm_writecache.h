// SPDX-License-Identifier: Apache-2.0
//
// What the files of the writecache target share.
//
// Mirrors: struct dm_writecache of drivers/md/dm-writecache.c (6.1).
// Threading: what I/O changes has a lock.
#ifndef DMDAX_DM_TARGETS_WRITECACHE_DM_WRITECACHE_H_
#define DMDAX_DM_TARGETS_WRITECACHE_DM_WRITECACHE_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "dm/device_mapper.h"
#include "dm/targets/owned_mutex.h"

namespace dmdax {

struct WriteCache : DmTargetPrivate {
  bool pmem_mode = false;
  const DmDev* dev = nullptr;
  const DmDev* ssd_dev = nullptr;
  uint32_t block_size = 0;  // bytes
  uint64_t n_blocks = 0;
  uint64_t start_sector = 0;
  // The optional arguments as the table repeats them.
  std::vector<std::string> options;

  bool metadata_only = false;
  uint64_t autocommit_blocks = 0;
  int64_t autocommit_msecs = 0, max_age_msecs = -1;  // -1: they do not age
  // Below so many free blocks the oldest go to the origin, until more than
  // `low_watermark` are free.
  uint64_t high_watermark = 0, low_watermark = 0;

  // What a block of the cache holds.
  struct Entry {
    uint64_t slot;
    uint64_t seq;   // committed, if it is below seq_count
    uint64_t born;  // order of the insertions
    int64_t since;  // seconds of the machine's clock
  };
  mutable OwnedMutex mu;
  // By the block of the origin.
  mutable std::map<uint64_t, Entry> cached ABSL_GUARDED_BY(mu);
  // Blocks of the cache that are not free; those that a commit will free too.
  mutable std::set<uint64_t> used ABSL_GUARDED_BY(mu);
  mutable std::set<uint64_t> stale ABSL_GUARDED_BY(mu);
  mutable uint64_t next_free ABSL_GUARDED_BY(mu) = 0;  // n_blocks: none
  mutable uint64_t seq_count ABSL_GUARDED_BY(mu) = 0;
  mutable uint64_t next_born ABSL_GUARDED_BY(mu) = 0;
  mutable uint64_t uncommitted_blocks ABSL_GUARDED_BY(mu) = 0;
  // When the timer of the next commit was set; -1: it is not.
  mutable int64_t autocommit_since ABSL_GUARDED_BY(mu) = -1;
  // Sectors of the metadata that the cache device has otherwise.
  mutable std::set<uint64_t> dirty ABSL_GUARDED_BY(mu);
  bool cleaner ABSL_GUARDED_BY(mu) = false;
  bool flush_on_suspend ABSL_GUARDED_BY(mu) = false;
  // wc->stats, in the order of the status.
  enum Stat {
    kReads,
    kReadHits,
    kWrites,
    kWriteHitsUncommitted,
    kWriteHitsCommitted,
    kWritesAround,
    kWritesAllocate,
    kWritesBlocked,
    kFlushes,
    kDiscards,
    kStats
  };
  mutable std::array<uint64_t, kStats> stats ABSL_GUARDED_BY(mu){};

  uint64_t block_sectors() const { return block_size >> kSectorShift; }
  // Sector of the cache device where its blocks begin: behind a super block
  // and an entry for each.
  uint64_t data_start() const {
    const uint64_t entries = 64 + n_blocks * 16;
    return start_sector +
           (entries + block_size - 1) / block_size * block_sectors();
  }
};

inline uint64_t FreeBlocks(const WriteCache& wc)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu) {
  return wc.n_blocks - wc.used.size();
}

// ->status, ->save_state, ->restore_state.
void WriteCacheStatus(const DmTarget& ti, StatusType type,
                      uint32_t status_flags, std::string* out);
std::string WriteCacheSaveState(const DmTarget& ti);
bool WriteCacheRestoreState(DmTarget& ti, absl::string_view state);

absl::Status WriteCacheCtr(DmTarget& ti, absl::Span<const std::string> argv);

// --- dm_writecache_metadata.cc: a super block and an entry for each block ---

// Reads the super block, or formats a device that begins with zeros.  The words
// of the kernel for one that is another's.
absl::Status OpenWriteCache(WriteCache& wc);
// writecache_resume(): the entries that were committed.
void ReadEntries(WriteCache& wc, int64_t now)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu);
// Writes what is dirty.
void WriteEntries(const WriteCache& wc) ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu);
// Entry `slot` has changed.
void TouchEntry(const WriteCache& wc, uint64_t slot)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu);
// The first free block from `slot` on, in a circle, or n_blocks.
uint64_t NextFree(const WriteCache& wc, uint64_t slot)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(wc.mu);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_WRITECACHE_DM_WRITECACHE_H_
