// SPDX-License-Identifier: Apache-2.0
//
// What is to be known before a list is typed, in the order of what it costs
// not to know it.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_PLAN_REMARK_H_
#define DMDAX_TOOLS_CHECK_PLAN_REMARK_H_

#include <cstddef>
#include <string>
#include <vector>

#include "tools/check/bdev_set.h"
#include "tools/check/by_hand.h"
#include "tools/check/cure_steps.h"
#include "tools/check/cured_size.h"
#include "tools/check/stands_on.h"

namespace dmdax {

struct PlanRemarkRequest {
  CuredMachine with;
  StandsOn& stands_on;
  const BdevSet& gone;
  const CureSteps& steps;
  ByHand& by_hand;
  bool something_goes = false;
  std::string files_left;  // which of those made anew have no lines, or ""
};

// `said`: what the cures say of themselves.  "": nothing.
std::string PlanRemark(const PlanRemarkRequest& request,
                       std::vector<std::string> said);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_PLAN_REMARK_H_
