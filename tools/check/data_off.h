// SPDX-License-Identifier: Apache-2.0
//
// How far the data of a device lies off a 2 MiB boundary of memory.
//
// A page is huge if its address is a multiple of 2 MiB, whatever of the levels
// below is to blame for it: base, partition and row make one sum.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_DATA_OFF_H_
#define DMDAX_TOOLS_CHECK_DATA_OFF_H_

#include <cstdint>

#include "block/block_device.h"
#include "state/session.h"

namespace dmdax {

// Of the first sector, in sectors below 4096.  A mapped device counts as a
// device of its own: 0.
uint64_t DataOff(const Session& session, BlockDevice& bdev);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_DATA_OFF_H_
