// SPDX-License-Identifier: Apache-2.0
//
// BlkRequestModule: a number that no disk has is shown to the driver of its
// major.
//
//   BlockDevice* bdev = BlkRequestModule(machine, DevT{7, 9});   // loop9
//
// loop_probe() and brd_probe() make a disk of it, where the machine has disks
// of theirs; null: no driver does.
// Mirrors: blk_request_module of block/genhd.c, blkdev_get_no_open of
// block/bdev.c (4.14 to 7.3).
// Threading: as Machine.
#ifndef DMDAX_BLOCK_BLK_REQUEST_MODULE_H_
#define DMDAX_BLOCK_BLK_REQUEST_MODULE_H_

#include "base/dev_t.h"
#include "block/machine.h"

namespace dmdax {

BlockDevice* BlkRequestModule(Machine& machine, DevT dev);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_BLK_REQUEST_MODULE_H_
