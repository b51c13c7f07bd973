// SPDX-License-Identifier: Apache-2.0
//
// QueueLimits: what a block device can take in one request, and how the
// limits of a stacked device follow from those below it.
//
//   QueueLimits t = BlkSetStackingLimits(profile);
//   if (BlkStackLimits(t, leg.queue().limits(), start) < 0) {
//     // the legs do not line up; t.misaligned is set, t is usable
//   }
//
// Field names, units (bytes for *_size, io_*, alignment_offset and
// discard_granularity; 512-byte sectors for max_*_sectors and chunk_sectors)
// and ranges (u32) are the kernel's.
//
// Mirrors: struct queue_limits, blk_set_default_limits,
// blk_set_stacking_limits, blk_stack_limits, blk_validate_limits of
// block/blk-settings.c (6.1; validation 6.12).  Threading: plain values.
#ifndef DMDAX_BLOCK_QUEUE_LIMITS_H_
#define DMDAX_BLOCK_QUEUE_LIMITS_H_

#include <cstdint>

#include "base/kernel_profile.h"
#include "base/units.h"

namespace dmdax {

struct QueueLimits {
  uint32_t max_sectors = 255;  // BLK_SAFE_MAX_SECTORS
  uint32_t max_hw_sectors = 255;
  uint32_t max_dev_sectors = 0;   // 0: no limit
  uint32_t max_user_sectors = 0;  // sysfs max_sectors_kb, 6.12; 0: not set
  uint32_t chunk_sectors = 0;
  uint32_t logical_block_size = 512;
  uint32_t physical_block_size = 512;
  uint32_t io_min = 512;
  uint32_t io_opt = 0;
  uint32_t alignment_offset = 0;
  uint32_t max_segments = 128;
  uint32_t max_discard_sectors = 0;
  uint32_t max_hw_discard_sectors = 0;
  uint32_t max_write_zeroes_sectors = 0;
  uint32_t max_secure_erase_sectors = 0;
  uint32_t discard_granularity = 0;
  uint32_t discard_alignment = 0;
  uint32_t dma_alignment = 511;
  // struct blk_integrity: how many bytes the device keeps beside each
  // 2^interval_exp bytes of data; 0: none.
  uint32_t integrity_metadata_size = 0;
  uint32_t integrity_interval_exp = 0;
  bool misaligned = false;
  bool discard_misaligned = false;

  friend bool operator==(const QueueLimits&, const QueueLimits&) = default;
};

// The neutral element of stacking: every maximum at its largest.
QueueLimits BlkSetStackingLimits(const KernelProfile& profile);

// Combines the limits `b` of a device, used from sector `start` on, into
// those of the device on top, `t`.  0, or -1 when the two do not line up:
// `t` is then marked misaligned but still combined.
int BlkStackLimits(QueueLimits& t, const QueueLimits& b, sector_t start);

// queue_limits_stack_integrity(): gives `t` the integrity profile of `b`, or
// compares them if `*stacked`: one has been stacked before.  False: they
// differ, and `t` has none.
bool QueueLimitsStackIntegrity(QueueLimits& t, const QueueLimits& b,
                               bool* stacked);

// What the block layer makes of limits when they are put on a queue: nothing
// until 6.10; since 6.11 it derives max_sectors and discard_granularity.
void BlkValidateLimits(const KernelProfile& profile, QueueLimits& limits);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_QUEUE_LIMITS_H_
