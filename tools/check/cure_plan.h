// SPDX-License-Identifier: Apache-2.0
//
// CurePlan: the cures of one check as one sequence that can be typed as it is.
//
// Cures were found one after the other, each as if it were the last.  Here
// their steps stand in the order in which they can be carried out, each thing
// is made once, in its last form, and what stands on a thing that is made anew
// is made anew too: its file system, its mount.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_CURE_PLAN_H_
#define DMDAX_TOOLS_CHECK_CURE_PLAN_H_

#include <memory>
#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/neighbours.h"
#include "tools/check/stands_on.h"
#include "tools/check/subject.h"

namespace dmdax {

struct CurePlan {
  std::vector<std::string> commands;
  // What goes with the things that are made anew: save its data first.
  std::vector<std::string> goes;
  // The volumes that the list changes with their data in them.
  std::vector<std::string> keeps;
  std::string on;      // the device of the subject, or ""
  std::string remark;  // what is to be known before, or ""
  // What lays all of it out anew, from the wish on: "dmdax advise pmem0 ...".
  std::string afresh;
  // The subjects that have this list in common, by their names: it makes anew
  // what all of them stand on.  The first has it printed.
  std::vector<std::string> joint;
};

struct CurePlanRequest {
  const Session& machine;                          // all of it, as it is
  StandsOn& stands_on;                             // of the machine
  Neighbours& neighbours;                          // of the machine
  const proto::World& cured;                       // with the cures
  const Session& after;                            // that World, loaded
  const Subject& subject;                          // of a session of either
  std::vector<const Subject*> with = {};           // others of one joint list
  std::vector<std::shared_ptr<const Cure>> cures;  // in the order found
};

CurePlan PlanCures(const CurePlanRequest& request);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CURE_PLAN_H_
