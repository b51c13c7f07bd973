// SPDX-License-Identifier: Apache-2.0
//
// What makes a part of a volume group anew, and where its volumes lie then.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_GROUP_STEPS_H_
#define DMDAX_TOOLS_CHECK_GROUP_STEPS_H_

#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/lvm_group.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// Lays the World's volumes of that part out as LVM2 does: from a boundary of 2
// MiB on, one after the other, in whole extents.  What does not fit is cut off
// the volume `last`.  False: the others do not fit.
bool LayOutGroup(const Session& session, const StandsOn& stands_on,
                 const GroupPart& part, const std::string& last,
                 proto::World& world);

// What makes the part anew, without its volumes.  `session` is of the machine
// with the cures: in it the devices lie where they will.
std::vector<CureStep> GroupSteps(const Session& session, const GroupPart& part);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_GROUP_STEPS_H_
