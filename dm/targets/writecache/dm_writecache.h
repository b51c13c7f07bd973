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

  mutable OwnedMutex mu;
  // Blocks of the origin, by the block of the cache where they are.
  mutable std::map<uint64_t, uint64_t> cached ABSL_GUARDED_BY(mu);
  mutable uint64_t next_block ABSL_GUARDED_BY(mu) = 0;
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

absl::Status WriteCacheCtr(DmTarget& ti, absl::Span<const std::string> argv);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_WRITECACHE_DM_WRITECACHE_H_
