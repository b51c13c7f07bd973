// SPDX-License-Identifier: Apache-2.0
//
// What libdevmapper reads of a disk in /sys/dev/block.
#ifndef DMDAX_TOOLS_DMSETUP_SYSFS_H_
#define DMDAX_TOOLS_DMSETUP_SYSFS_H_

#include <algorithm>
#include <cstdint>

#include "base/units.h"
#include "block/block_device.h"

namespace dmdax {

// Sectors of read-ahead: twice bdi/read_ahead_kb.
//
// Mirrors: disk_update_readahead of block/blk-settings.c (6.1): twice the
// optimal I/O, at least 128 KiB.
inline uint32_t ReadAheadSectors(BlockDevice& bdev) {
  constexpr uint32_t kMinPages = 32;
  const uint32_t pages = std::max<uint32_t>(
      bdev.queue().limits().io_opt * 2 / kPageSize, kMinPages);
  return pages * kPageSectors;
}

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_SYSFS_H_
