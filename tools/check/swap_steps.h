// SPDX-License-Identifier: Apache-2.0
//
// Swap on what goes: it is taken out of use before anything is removed, and
// made again with the UUID and label that it has; what was in use is again,
// with the priority that it was given.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_SWAP_STEPS_H_
#define DMDAX_TOOLS_CHECK_SWAP_STEPS_H_

#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "tools/check/bdev_set.h"
#include "tools/check/by_hand.h"
#include "tools/check/cure_steps.h"
#include "tools/check/device_use.h"

namespace dmdax {

std::string SwapOffLine(const Session& machine, const BlockDevice& bdev);

// Behind all that turns steps into those of a rescue system, in which no swap
// of this machine is in use.
void AddSwapSteps(const Session& machine, const DeviceUses& uses,
                  const BdevSet& gone, const ByHand& by_hand, CureSteps* steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_SWAP_STEPS_H_
