// SPDX-License-Identifier: Apache-2.0
//
// Queue attributes as /sys/block/<disk>/queue lets root change them.
//
//   QueueMaxSectorsStore(bdev, 4096, profile);   // max_sectors_kb
//
// A new table resets them, as in the kernel: if max_sectors_kb of a striped
// device was raised for 2 MiB pages, it must be raised again after a reload.
// Mirrors: queue_max_sectors_store of block/blk-sysfs.c (6.1, 6.12).
#ifndef DMDAX_BLOCK_QUEUE_SYSFS_H_
#define DMDAX_BLOCK_QUEUE_SYSFS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "block/block_device.h"

namespace dmdax {

// Sets max_sectors_kb.  EINVAL below 4 (a page) or above max_hw_sectors_kb,
// with both bounds in the message.  Since 6.9 0 is the default, and what is
// above max_hw_sectors_kb is cut to it.
absl::Status QueueMaxSectorsStore(BlockDevice& bdev, uint32_t max_sectors_kb,
                                  const KernelProfile& profile);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_QUEUE_SYSFS_H_
