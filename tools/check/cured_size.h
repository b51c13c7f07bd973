// SPDX-License-Identifier: Apache-2.0
//
// How large the devices of a machine are with the cures: a file system that is
// made anew has the room that there will be, not that which there was.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_CURED_SIZE_H_
#define DMDAX_TOOLS_CHECK_CURED_SIZE_H_

#include <cstdint>
#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/stands_on.h"

namespace dmdax {

struct CuredMachine {
  const Session& machine;     // as it is
  const Session& after;       // with the cures, of it what they are about
  const proto::World& cured;  // its World
};

// In bytes; `bdev` is of the machine as it is.
uint64_t CuredBytes(const CuredMachine& with, const StandsOn& stands_on,
                    const BlockDevice& bdev);

// "smaller then: vg-a by 4096 KiB", of what goes and is made again; "": nothing
// is.
std::string SmallerRemark(const CuredMachine& with, const StandsOn& stands_on,
                          const BdevSet& gone);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CURED_SIZE_H_
