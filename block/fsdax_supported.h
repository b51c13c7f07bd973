// SPDX-License-Identifier: Apache-2.0
//
// WhyNotFsdax: the DAX check of kernels 5.3 to 5.16, which looked at the
// range that would be used and probed both its ends.
//
// Mirrors: dax_supported, generic_fsdax_supported of drivers/dax/super.c
// (5.10).  Threading: thread-safe.
#ifndef DMDAX_BLOCK_FSDAX_SUPPORTED_H_
#define DMDAX_BLOCK_FSDAX_SUPPORTED_H_

#include <cstdint>
#include <string>

#include "base/kernel_log.h"
#include "block/block_device.h"

namespace dmdax {

// Why sectors [start, start + sectors) of `bdev` can not be used for DAX with
// blocks of `blocksize` bytes, or "" when they can.  The kernel's own line
// ("pmem0: error: unaligned partition for dax") goes to the log.
std::string WhyNotFsdax(DaxDevice* dax_dev, BlockDevice& bdev, sector_t start,
                        uint64_t sectors, uint64_t blocksize, KernelLog& log);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_FSDAX_SUPPORTED_H_
