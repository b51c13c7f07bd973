// SPDX-License-Identifier: Apache-2.0
//
// What libdevmapper reads of a disk in /sys/dev/block.
#ifndef DMDAX_TOOLS_DMSETUP_SYSFS_H_
#define DMDAX_TOOLS_DMSETUP_SYSFS_H_

#include <cstdint>

#include "base/units.h"
#include "block/block_device.h"

namespace dmdax {

// Sectors of read-ahead: twice bdi/read_ahead_kb.
inline uint32_t ReadAheadSectors(BlockDevice& bdev) {
  return bdev.queue().ra_pages() * kPageSectors;
}

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_SYSFS_H_
