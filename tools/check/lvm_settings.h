// SPDX-License-Identifier: Apache-2.0
//
// What LVM2's metadata says of a group, its devices and volumes besides where
// they lie (World::volume_group): who makes them anew gives it to them again.
//
// Tags, and which host has the group, come with what makes the thing.  What
// could keep LVM2 from making the volumes, as a policy or a limit does, comes
// behind them.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_LVM_SETTINGS_H_
#define DMDAX_TOOLS_CHECK_LVM_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure.h"
#include "tools/check/lvm_group.h"
#include "tools/check/world_rows.h"

namespace dmdax {

// " --addtag db": what a volume is made with, or for "" the group.
std::string MakeWords(const Session& session, const std::string& vg,
                      const std::string& lv);

// What a volume is given when it is made again, named `name`; no steps: the
// metadata has nothing.
std::vector<CureStep> VolumeSettings(const Session& session, const LvmName& lvm,
                                     const std::string& name);

// How large the group's extents are, in sectors; 0: no input says it.
uint64_t ExtentSectors(const Session& session, const std::string& vg);

// That settings of a group and its volumes are lost where no input has the
// group's metadata; "": one has it.
std::string UnsaidSettings(const Session& session, const std::string& vg);

// What of the group and of its devices that are made anew becomes otherwise, or
// may, as no input says how it is; or "".
std::string GroupChanges(const GroupPart& part);

// What the devices of a part are given, and its group, if that is made anew.
std::vector<CureStep> GroupSettings(const GroupPart& part);

// Each is "" if it stands in no list's way.

// A group that LVM2 changes nothing of.
std::string LockedGroup(const Session& session, const std::string& vg);

// A volume with a minor of its own, which another that is made before it would
// get: of those that `gone` leaves free a new device has the lowest.
std::string MinorMayBeTaken(const Session& session, const LvmName& lvm,
                            const BdevSet& gone);

// What LVM2 keeps on a device besides the group's data, of which no list knows
// how much of it the volumes lose: a bootloader area, and copies of the
// metadata.
std::string MoreOnDevices(const GroupPart& part);

// One that keeps its devices, of which a part would be made anew.
std::string GroupKeepsDevices(const Session& session, const GroupPart& part);

// A device that stays, of `devices`, and gets no volumes.
std::string NotAllocatable(const Session& session, const std::string& vg,
                           const BdevSet& devices, const BdevSet& made_anew);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LVM_SETTINGS_H_
