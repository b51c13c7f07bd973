// SPDX-License-Identifier: Apache-2.0
//
// What a list looks at before anything has gone, and where it ends therefore:
// what nobody knows of a volume group but LVM2.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_LOOK_REMARK_H_
#define DMDAX_TOOLS_CHECK_LOOK_REMARK_H_

#include <string>
#include <vector>

#include "block/block_device.h"
#include "state/session.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_steps.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// Drops those at the extents of groups of which `machine` knows them.
void DropChunkLooks(const Session& machine, CureSteps* steps);

std::vector<std::string> LookRemarks(const CureSteps& steps);

// Of what goes that is taken for LVM2's by its name alone; "": nothing is.
std::string GuessRemark(const Session& machine, const StandsOn& stands_on,
                        const BdevSet& gone, const CureSteps& steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LOOK_REMARK_H_
