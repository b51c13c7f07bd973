// SPDX-License-Identifier: Apache-2.0
//
// Who uses the files of a mount without a mount in it: swap in a file, an
// overlay of its directories.  No list ends them, and each keeps the mount
// busy.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_ENDS_FIRST_H_
#define DMDAX_TOOLS_CHECK_ENDS_FIRST_H_

#include <string>

#include "tools/check/cure_steps.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// "end first what is in use there: swap in /db/swap", of what the steps
// unmount;
// "": nothing is, as far as is known.
std::string EndsFirst(const StandsOn& stands_on, const CureSteps& steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_ENDS_FIRST_H_
