// SPDX-License-Identifier: Apache-2.0
#include "block/queue_limits.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/round_up.h"

namespace dmdax {
namespace {

constexpr uint32_t kUintMax = std::numeric_limits<uint32_t>::max();

// min_not_zero(): 0 means "no limit", not "nothing".
uint32_t MinNotZero(uint32_t a, uint32_t b) {
  if (a == 0) return b;
  if (b == 0) return a;
  return std::min(a, b);
}

// lcm_not_zero(): 0 means "no preference".  Computed in unsigned long and
// stored in unsigned int, as the kernel does.
uint32_t LcmNotZero(uint32_t a, uint32_t b) {
  if (a == 0) return b;
  if (b == 0) return a;
  const uint64_t lcm = uint64_t{a} / std::gcd(a, b) * b;
  return static_cast<uint32_t>(lcm);
}

// How many bytes `start` is before the next boundary of the device `lim`.
uint32_t AlignmentOffset(const QueueLimits& lim, sector_t start) {
  const uint32_t granularity = std::max(lim.physical_block_size, lim.io_min);
  const uint32_t alignment = static_cast<uint32_t>(
      start.value() % (granularity >> kSectorShift) << kSectorShift);
  return (granularity + lim.alignment_offset - alignment) % granularity;
}

uint32_t DiscardAlignment(const QueueLimits& lim, sector_t start) {
  if (lim.max_discard_sectors == 0) return 0;
  const uint32_t alignment = lim.discard_alignment >> kSectorShift;
  const uint32_t granularity = lim.discard_granularity >> kSectorShift;
  if (granularity == 0) return 0;
  const uint32_t offset = static_cast<uint32_t>(start.value() % granularity);
  return (granularity + alignment - offset) % granularity << kSectorShift;
}

// Whole logical blocks, but never less than a page.
uint32_t RoundDownSectors(uint32_t sectors, uint32_t lbs) {
  return std::max<uint32_t>(RoundDown(sectors, lbs >> kSectorShift),
                            kPageSectors);
}

// Two grids with different offsets fit if the coarser's period plus offset is
// a multiple of the finer's.
bool GridsLineUp(uint32_t top, uint32_t bottom) {
  return std::max(top, bottom) % std::min(top, bottom) == 0;
}

void StackMaxima(QueueLimits& t, const QueueLimits& b) {
  t.max_sectors = MinNotZero(t.max_sectors, b.max_sectors);
  t.max_user_sectors = MinNotZero(t.max_user_sectors, b.max_user_sectors);
  t.max_hw_sectors = MinNotZero(t.max_hw_sectors, b.max_hw_sectors);
  t.max_dev_sectors = MinNotZero(t.max_dev_sectors, b.max_dev_sectors);
  t.max_write_zeroes_sectors =
      std::min(t.max_write_zeroes_sectors, b.max_write_zeroes_sectors);
  t.max_segments = MinNotZero(t.max_segments, b.max_segments);
  t.max_secure_erase_sectors =
      MinNotZero(t.max_secure_erase_sectors, b.max_secure_erase_sectors);
  t.misaligned |= b.misaligned;
}

// Block sizes and I/O hints must be multiples of each other; a hint that is not
// is dropped.  False when something was dropped.
bool ReconcileSizes(QueueLimits& t) {
  bool fits = true;
  if (t.physical_block_size & (t.logical_block_size - 1)) {
    t.physical_block_size = t.logical_block_size;
    fits = false;
  }
  if (t.io_min & (t.physical_block_size - 1)) {
    t.io_min = t.physical_block_size;
    fits = false;
  }
  if (t.io_opt & (t.physical_block_size - 1)) {
    t.io_opt = 0;
    fits = false;
  }
  if (t.chunk_sectors % (t.physical_block_size >> kSectorShift)) {
    t.chunk_sectors = 0;
    fits = false;
  }
  return fits;
}

void StackDiscard(QueueLimits& t, const QueueLimits& b, sector_t start) {
  if (b.discard_granularity == 0) return;
  const uint32_t alignment = DiscardAlignment(b, start);
  if (t.discard_granularity != 0 && t.discard_alignment != alignment &&
      !GridsLineUp(t.discard_granularity + t.discard_alignment,
                   b.discard_granularity + alignment)) {
    t.discard_misaligned = true;
  }
  t.max_discard_sectors =
      MinNotZero(t.max_discard_sectors, b.max_discard_sectors);
  t.max_hw_discard_sectors =
      MinNotZero(t.max_hw_discard_sectors, b.max_hw_discard_sectors);
  t.discard_granularity =
      std::max(t.discard_granularity, b.discard_granularity);
  t.discard_alignment =
      LcmNotZero(t.discard_alignment, alignment) % t.discard_granularity;
}

}  // namespace

QueueLimits BlkSetStackingLimits(const KernelProfile& profile) {
  QueueLimits lim;
  lim.max_segments = std::numeric_limits<uint16_t>::max();
  lim.max_sectors = kUintMax;
  lim.max_hw_sectors = kUintMax;
  lim.max_dev_sectors = kUintMax;
  lim.max_write_zeroes_sectors = kUintMax;
  if (profile.max_sectors_rule == MaxSectorsRule::kValidated) {
    lim.discard_granularity = kSectorSize;
  }
  return lim;
}

int BlkStackLimits(QueueLimits& t, const QueueLimits& b, sector_t start) {
  StackMaxima(t, b);
  bool fits = true;
  const uint32_t alignment = AlignmentOffset(b, start);
  if (t.alignment_offset != alignment) {
    fits = GridsLineUp(
        std::max(t.physical_block_size, t.io_min) + t.alignment_offset,
        std::max(b.physical_block_size, b.io_min) + alignment);
  }
  t.logical_block_size = std::max(t.logical_block_size, b.logical_block_size);
  t.physical_block_size =
      std::max(t.physical_block_size, b.physical_block_size);
  t.io_min = std::max(t.io_min, b.io_min);
  t.io_opt = LcmNotZero(t.io_opt, b.io_opt);
  t.dma_alignment = std::max(t.dma_alignment, b.dma_alignment);
  if (b.chunk_sectors != 0) {
    t.chunk_sectors = std::gcd(t.chunk_sectors, b.chunk_sectors);
  }
  fits &= ReconcileSizes(t);
  t.alignment_offset = LcmNotZero(t.alignment_offset, alignment) %
                       std::max(t.physical_block_size, t.io_min);
  if (t.alignment_offset & (t.logical_block_size - 1)) fits = false;
  t.max_sectors = RoundDownSectors(t.max_sectors, t.logical_block_size);
  t.max_hw_sectors = RoundDownSectors(t.max_hw_sectors, t.logical_block_size);
  t.max_dev_sectors = RoundDownSectors(t.max_dev_sectors, t.logical_block_size);
  StackDiscard(t, b, start);
  if (!fits) t.misaligned = true;
  return fits ? 0 : -1;
}

bool QueueLimitsStackIntegrity(QueueLimits& t, const QueueLimits& b,
                               bool* stacked) {
  const bool differs = t.integrity_metadata_size != b.integrity_metadata_size ||
                       t.integrity_interval_exp != b.integrity_interval_exp;
  if (*stacked && differs) {
    t.integrity_metadata_size = t.integrity_interval_exp = 0;
    *stacked = false;
    return false;
  }
  t.integrity_metadata_size = b.integrity_metadata_size;
  t.integrity_interval_exp = b.integrity_interval_exp;
  *stacked = true;
  return true;
}

void BlkValidateLimits(const KernelProfile& profile, QueueLimits& limits) {
  if (profile.max_sectors_rule != MaxSectorsRule::kValidated) return;
  const uint32_t def = profile.blk_def_max_sectors;
  const uint32_t hw = MinNotZero(limits.max_hw_sectors, limits.max_dev_sectors);
  limits.physical_block_size =
      std::max(limits.physical_block_size, limits.logical_block_size);
  limits.io_min = std::max(limits.io_min, limits.physical_block_size);
  limits.io_opt = RoundDown(limits.io_opt, limits.physical_block_size);
  // What root wrote to max_sectors_kb wins, then hints above the default, then
  // the default.
  if (limits.max_user_sectors != 0) {
    limits.max_sectors = std::min(hw, limits.max_user_sectors);
  } else if (limits.io_opt > def << kSectorShift) {
    limits.max_sectors = std::min(hw, limits.io_opt >> kSectorShift);
  } else if (limits.io_min > def << kSectorShift) {
    limits.max_sectors = std::min(hw, limits.io_min >> kSectorShift);
  } else {
    limits.max_sectors = std::min(hw, def);
  }
  limits.max_sectors =
      RoundDown(limits.max_sectors, limits.logical_block_size >> kSectorShift);
  limits.max_discard_sectors = limits.max_hw_discard_sectors;
  limits.discard_granularity =
      limits.max_discard_sectors == 0
          ? 0
          : std::max(limits.discard_granularity, limits.physical_block_size);
  if (limits.alignment_offset != 0) {
    limits.alignment_offset &= limits.physical_block_size - 1;
    limits.misaligned = false;
  }
  if (profile.blk_integrity_limits_io && limits.integrity_metadata_size != 0) {
    // The metadata of one request is one segment, whose size is the default.
    constexpr uint64_t kMaxSegment = 65536, kMaxMetadata = 2 << 20;
    const uint64_t bytes =
        std::min(kMaxSegment, kMaxMetadata / limits.integrity_metadata_size
                                  << limits.integrity_interval_exp);
    limits.max_sectors = static_cast<uint32_t>(
        std::min<uint64_t>(limits.max_sectors, bytes >> kSectorShift));
  }
}

}  // namespace dmdax
