// SPDX-License-Identifier: Apache-2.0
//
// The extended partition of a DOS partition table, of which the kernel shows
// the first sectors as a partition of their own.
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_EXTENDED_PARTITION_H_
#define DMDAX_TOOLS_CHECK_EXTENDED_PARTITION_H_

#include "block/block_device.h"
#include "block/machine.h"

namespace dmdax {

// By its size: no kernel says which one it is.
// Mirrors: msdos_partition() of block/partitions/msdos.c, which shows 1 KiB of
// it, or a sector.
bool IsExtendedPartition(const Machine& machine, BlockDevice& bdev);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_EXTENDED_PARTITION_H_
