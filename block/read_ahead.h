// SPDX-License-Identifier: Apache-2.0
//
// Read-ahead: how much of a disk is read before it is asked for.  No DAX access
// reads ahead; the number is here because dmsetup sets it (--readahead) and
// prints it, and because a snapshot keeps it.
#ifndef DMDAX_BLOCK_READ_AHEAD_H_
#define DMDAX_BLOCK_READ_AHEAD_H_

#include <algorithm>
#include <cstdint>

#include "base/kernel_profile.h"
#include "base/units.h"
#include "block/block_device.h"

namespace dmdax {

// ra_pages of a disk with the limits and flags of `queue`, that had `before`.
//
// Mirrors: disk_update_readahead of block/blk-settings.c (5.10, 6.1), and
// blk_apply_bdi_limits (6.12), which never takes any back, and goes by
// max_sectors where a rotational disk says no io_opt (6.17).
inline uint32_t ReadAheadOf(const KernelProfile& profile,
                            const RequestQueue& queue, uint32_t before) {
  constexpr uint32_t kVmReadAheadPages = 32;
  const QueueLimits limits = queue.limits();
  uint64_t twice = limits.io_opt * 2u;  // 32 bits, which may overflow
  switch (profile.read_ahead) {
    case ReadAheadRule::kFixed:
      return before;
    case ReadAheadRule::kTwiceOptimal:
      before = 0;
      break;
    case ReadAheadRule::kNeverLess:
      break;
    case ReadAheadRule::kAsksRotation:
      const bool no_size = limits.io_opt == 0 && !queue.Has(QUEUE_FLAG_NONROT);
      twice = no_size ? uint64_t{limits.max_sectors} << kSectorShift
                      : uint64_t{limits.io_opt};
      twice *= 2;
      break;
  }
  return std::max(
      {before, static_cast<uint32_t>(twice / kPageSize), kVmReadAheadPages});
}

// That of a disk that is new: nobody has written to its read_ahead_kb.
inline uint32_t FreshReadAhead(const KernelProfile& profile,
                               const RequestQueue& queue) {
  return ReadAheadOf(profile, queue, RequestQueue().ra_pages());
}

// Sets ra_pages for the limits that `queue` just got.
inline void UpdateReadAhead(const KernelProfile& profile, RequestQueue& queue) {
  queue.set_ra_pages(ReadAheadOf(profile, queue, queue.ra_pages()));
}

// read_ahead_kb_store() of mm/backing-dev.c: whole pages of it.
inline void SetReadAheadKb(RequestQueue& queue, uint64_t kb) {
  queue.set_ra_pages(static_cast<uint32_t>(kb / (kPageSize / 1024)));
}

}  // namespace dmdax

#endif  // DMDAX_BLOCK_READ_AHEAD_H_
