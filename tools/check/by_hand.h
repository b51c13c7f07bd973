// SPDX-License-Identifier: Apache-2.0
//
// ByHand: what goes and no list makes again, with all that stands on it.  It
// goes before the list, so to say, and comes behind it: a line about a thing
// that somebody has yet to make would end the list in its middle.
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_BY_HAND_H_
#define DMDAX_TOOLS_CHECK_BY_HAND_H_

#include <map>
#include <set>
#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_steps.h"
#include "tools/check/stands_on.h"

namespace dmdax {

class ByHand {
 public:
  ByHand(const Session& machine, StandsOn& stands_on)
      : machine_(machine), stands_on_(stands_on) {}

  // A device, a mount that no list makes.
  void AddDevice(BlockDevice* bdev) { devices_.insert(bdev); }
  void AddMount(const std::string& at) { mounts_.insert(at); }

  // Adds what stands on them of what goes.  `redo`: by group the physical
  // volumes that are made anew.
  void AddWhatStandsOn(const BdevSet& gone,
                       const std::map<std::string, BdevSet>& redo);

  bool Has(BlockDevice* bdev) const { return devices_.contains(bdev); }
  bool HasMount(const std::string& at) const { return mounts_.contains(at); }

  // Takes away what would make them, and what is in mounts of them.
  void DropFrom(CureSteps* steps);

  // "to be made again by hand, ...: luks, group vg2, vg2-a, /a"; "": nothing.
  std::string Text();

 private:
  bool IsBelow(BlockDevice* bdev) const;
  std::string GroupOf(BlockDevice* bdev) const;
  void AddMountsIn(const CureSteps& steps);

  const Session& machine_;
  StandsOn& stands_on_;
  BdevSet devices_;
  std::set<std::string> groups_;
  std::set<std::string> mounts_;  // with what is mounted in them
  std::set<std::string> made_;    // of those that the list makes, yet unmounted
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_BY_HAND_H_
