// SPDX-License-Identifier: Apache-2.0
//
// The mounts of what goes, and those that keep it busy though what is done
// there is not about them: mounts in a mount, and others of its device.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_MOUNTS_AROUND_H_
#define DMDAX_TOOLS_CHECK_MOUNTS_AROUND_H_

#include <set>
#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/by_hand.h"
#include "tools/check/cure_steps.h"
#include "tools/check/cured_size.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// File systems go with their devices, and are made and mounted again.  Those of
// types that no list makes go to `by_hand`.
void MakeFileSystemsAgain(const CuredMachine& with, const StandsOn& stands_on,
                          const BdevSet& gone, ByHand* by_hand,
                          CureSteps* steps);

// What is around those that are unmounted is unmounted too, and comes back
// where its device does, or goes to `by_hand`.  Returns those whose data goes,
// as that of a tmpfs.
std::set<std::string> UnmountThoseAround(const Session& machine,
                                         const StandsOn& stands_on,
                                         const BdevSet& gone, ByHand* by_hand,
                                         CureSteps* steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_MOUNTS_AROUND_H_
