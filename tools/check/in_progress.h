// SPDX-License-Identifier: Apache-2.0
//
// What LVM2 is doing to volumes while the machine is looked at, and will end:
// pvmove's mirror, a snapshot that is merged into its origin, a
// copy that is rebuilt.  Until then it
// changes nothing else there, and what comes of it is another stack.
//
// Mirrors: apply_lvname_restrictions of lib/metadata/lv_manip.c, which keeps
// the name "pvmove" (LVM2 2.03.16).
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_IN_PROGRESS_H_
#define DMDAX_TOOLS_CHECK_IN_PROGRESS_H_

#include <string>

#include "state/world.pb.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// What is going on, and how it ends; "": nothing.
std::string InProgress(const proto::MappedDevice& device);

// Of any of a group's volumes that is moved: none of them can be removed.
std::string MoveInProgress(const StandsOn& stands_on, const std::string& vg);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_IN_PROGRESS_H_
