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
#include <set>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"

namespace dmdax {

struct CurePlan {
  std::vector<std::string> commands;
  // What goes with the things that are made anew: save its data first.
  std::vector<std::string> goes;
  // What lays all of it out anew, from the wish on: "dmdax advise pmem0 ...".
  std::string afresh;
};

// What stands on what in a machine, made once for many plans.
class StandsOn {
 public:
  // `session` is that of the World.
  StandsOn(const proto::World& world, const Session& session);

  // By name; null: there is none.
  BlockDevice* Find(const std::string& name) const;
  // LVM2's volumes of a group.
  absl::Span<BlockDevice* const> OfGroup(const std::string& vg) const;
  // Where a device is mounted.
  absl::Span<const std::string> MountsOf(BlockDevice* bdev) const;
  // These and all that stands on them; more than `most` are not looked for.
  std::set<BlockDevice*> AllAbove(const std::set<BlockDevice*>& devices,
                                  size_t most) const;

 private:
  absl::flat_hash_map<std::string, BlockDevice*> by_name_;
  absl::flat_hash_map<std::string, std::vector<BlockDevice*>> groups_;
  absl::flat_hash_map<BlockDevice*, std::vector<BlockDevice*>> above_;
  absl::flat_hash_map<BlockDevice*, std::vector<std::string>> mounts_;
};

struct CurePlanRequest {
  const Session& machine;                          // all of it, as it is
  const StandsOn& stands_on;                       // of the machine
  const proto::World& cured;                       // with the cures
  const Subject& subject;                          // of a session of either
  std::vector<std::shared_ptr<const Cure>> cures;  // in the order found
};

CurePlan PlanCures(const CurePlanRequest& request);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CURE_PLAN_H_
