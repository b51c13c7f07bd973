// SPDX-License-Identifier: Apache-2.0
//
// Devices that no table can name: a blank ends a word of a table, and dmsetup
// lets nobody quote one.
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_BLANK_NAME_H_
#define DMDAX_TOOLS_CHECK_BLANK_NAME_H_

#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_steps.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// Why no list can give tables to these devices, which are made anew, and to
// those of which a step reloads the table; "": it can.
std::string BlankBelow(const Session& machine, const StandsOn& stands_on,
                       const BdevSet& anew, const CureSteps& steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_BLANK_NAME_H_
