// SPDX-License-Identifier: Apache-2.0
//
// What the steps of a plan need besides where they make file systems anew: the
// places of mounts in them, and another system to type it in if one of them is
// what the machine runs from.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_FS_STEPS_H_
#define DMDAX_TOOLS_CHECK_FS_STEPS_H_

#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure_steps.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// Whether / is unmounted by the steps, which no running system can do.
bool InRescue(const CureSteps& steps);

// If so: nothing is mounted in a rescue system, and what is made anew is
// mounted below /mnt.  `cured` is the World with the cures.  Why there can be
// no such list, or "".
std::string TypeInRescue(const proto::World& cured, const StandsOn& stands_on,
                         const Session& machine, CureSteps* steps);

// A mount in a file system that is made anew wants its directory.  Comes after
// the other.
void MakeMountPoints(const StandsOn& stands_on, CureSteps* steps);

// What is to be known of file systems that the steps make anew.
std::vector<std::string> FreshRemarks(StandsOn& stands_on,
                                      const CureSteps& steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FS_STEPS_H_
