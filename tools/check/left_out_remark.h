// SPDX-License-Identifier: Apache-2.0
//
// What the machine has and an import could not take may lie on what a list
// destroys, and nobody would be told of it.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_LEFT_OUT_REMARK_H_
#define DMDAX_TOOLS_CHECK_LEFT_OUT_REMARK_H_

#include <string>

#include "state/session.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// "my, vg-b and 3 more are left out: ..."; "": there is nothing, or only files
// of mounts that are known, which a list names.
std::string LeftOutMayGo(const Session& machine, const StandsOn& stands_on);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LEFT_OUT_REMARK_H_
