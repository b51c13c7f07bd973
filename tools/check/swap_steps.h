// SPDX-License-Identifier: Apache-2.0
//
// Swap on what goes: it is taken out of use before anything is removed, and
// made again.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_SWAP_STEPS_H_
#define DMDAX_TOOLS_CHECK_SWAP_STEPS_H_

#include "block/block_device.h"
#include "state/session.h"
#include "tools/check/bdev_set.h"
#include "tools/check/by_hand.h"
#include "tools/check/cure_steps.h"

namespace dmdax {

// Those of the devices on which an import saw swap (World::use).
BdevSet SwapOf(const Session& machine, const BdevSet& devices);

// Whether an import saw it in use.
bool IsSwapInUse(const Session& machine, const BlockDevice* swap);

// For such devices.  Behind all that turns steps into those of a rescue system,
// in which no swap of this machine is in use.
void AddSwapSteps(const Session& machine, const BdevSet& swap,
                  const ByHand& by_hand, CureSteps* steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_SWAP_STEPS_H_
