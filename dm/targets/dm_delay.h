// SPDX-License-Identifier: Apache-2.0
//
// How long delay targets hold an I/O.  Programs do not wait for them here, but
// what copies in the background has a clock.
// Threading: as RouteBio().
#ifndef DMDAX_DM_TARGETS_DM_DELAY_H_
#define DMDAX_DM_TARGETS_DM_DELAY_H_

#include <cstdint>

#include "block/block_device.h"
#include "dm/bio/dm_bio.h"

namespace dmdax {

// Milliseconds that an I/O to a sector of `bdev` spends in the delay targets on
// its way, down to the disk that a read of it comes from.
uint64_t DelayBelowMs(BlockDevice& bdev, sector_t sector, ReqOp op);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_DM_DELAY_H_
