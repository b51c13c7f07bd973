// SPDX-License-Identifier: Apache-2.0
//
// What a list looks at before anything has gone, and where it ends therefore:
// what nobody knows of a volume group but LVM2.
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_LOOK_REMARK_H_
#define DMDAX_TOOLS_CHECK_LOOK_REMARK_H_

#include <string>
#include <vector>

#include "tools/check/cure_steps.h"

namespace dmdax {

std::vector<std::string> LookRemarks(const CureSteps& steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LOOK_REMARK_H_
