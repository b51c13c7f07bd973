// SPDX-License-Identifier: Apache-2.0
//
// What a list of commands does not change: whoever makes a mapped device that
// is not LVM2's when the machine starts.
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_BOOT_REMARK_H_
#define DMDAX_TOOLS_CHECK_BOOT_REMARK_H_

#include <string>
#include <vector>

#include "tools/check/cure_steps.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// "dm-mod.create= of the boot line must have the new table of fast"
std::vector<std::string> BootRemarks(const StandsOn& stands_on,
                                     const CureSteps& steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_BOOT_REMARK_H_
