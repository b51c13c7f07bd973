// SPDX-License-Identifier: Apache-2.0
//
// The part of a volume group that is made anew with some of its devices.
//
// Where the data of a physical volume begins is decided by pvcreate, and it
// wants a device that no group has.  So the volumes there are removed and made
// again; with other devices left the group itself stays.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_LVM_GROUP_H_
#define DMDAX_TOOLS_CHECK_LVM_GROUP_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure.h"
#include "tools/check/stands_on.h"

namespace dmdax {

struct GroupPart {
  const Session* machine;  // whose devices these are
  std::string vg;
  std::vector<BlockDevice*> devices;  // physical volumes that are made anew
  std::vector<std::string> volumes;   // the names of what goes with them
  bool whole = false;                 // all devices that are known, and volumes
  uint64_t extent = 0;                // sectors, of those that are made
  uint64_t old_extent = 0;            // of those that are; 0: nobody says
  // The names of all volumes of the group, as far as they are known: a list
  // ends before it begins where there are others.
  std::set<std::string> names;
  // Of those on the devices the spares of pools' metadata, which have no data.
  std::vector<std::string> spares;
  std::string refused;  // why no list makes the volumes again, or ""
  // What else is on the devices, which pvcreate must have for itself; or "".
  std::string held;
};

// More volumes nobody types.
inline constexpr size_t kMostVolumes = 32;

// How large the extents of a group are, or, where no input says it, more than
// they can be as far as its volumes show: all of them are whole extents, and as
// many extents apart.  0: they show nothing.  `cured` has the places of some
// with cures; null: all are as they are.
uint64_t MostExtent(const Session& machine, const StandsOn& stands_on,
                    const proto::World* cured, const std::string& vg);

// The group that loses a physical volume with the device; "": none.  A part of
// a volume is no physical volume of its group.
std::string GroupLostWith(const Session& machine, const StandsOn& stands_on,
                          BlockDevice* bdev);

// `redo` are physical volumes of the group; `cured` has volumes as they will
// be, those that it has.
GroupPart PartOfGroup(const Session& machine, const StandsOn& stands_on,
                      const proto::World& cured, const std::string& vg,
                      const BdevSet& redo);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LVM_GROUP_H_
