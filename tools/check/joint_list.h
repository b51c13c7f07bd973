// SPDX-License-Identifier: Apache-2.0
//
// Lists of several subjects that make the same thing anew: typed one after the
// other, each would undo what the one before has made.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_JOINT_LIST_H_
#define DMDAX_TOOLS_CHECK_JOINT_LIST_H_

#include <cstddef>
#include <vector>

#include "tools/check/cure_plan.h"
#include "tools/check/subject.h"

namespace dmdax {

// The numbers of those that belong together, two or more of each group, in
// their order.  A plan belongs to another if what goes with it goes with that
// too, or is what the other's subject is or is on, or if both change the same
// volume with its data in it.
std::vector<std::vector<size_t>> PlansThatMeet(
    const std::vector<const CurePlan*>& plans,
    const std::vector<const Subject*>& subjects);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_JOINT_LIST_H_
