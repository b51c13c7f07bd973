// SPDX-License-Identifier: Apache-2.0
//
// Why there is no list for what goes: a line of it would fail, or make
// something else than there was.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_LIST_REFUSAL_H_
#define DMDAX_TOOLS_CHECK_LIST_REFUSAL_H_

#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_steps.h"
#include "tools/check/cured_size.h"
#include "tools/check/lvm_group.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// Each is "" if it stands in no list's way.

// An xfs that is smaller, with the cures, than mkfs.xfs makes them.
std::string SmallXfs(const CuredMachine& with, const StandsOn& stands_on,
                     const CureSteps& steps);

// A driver's array on what goes.
std::string UnmodelledOn(const Session& machine, const BdevSet& gone);

// A device below this one, which may be null, of which only the number is
// known.
std::string NamelessBelow(const Session& machine, BlockDevice* bdev);

// A part of LVM2's volumes, of which LVM2 alone makes the table.
std::string PartOfLvm(const Session& machine,
                      const proto::MappedDevice& device);

// A group of volumes that are made anew on physical volumes that lie on
// different levels, or have no room for them.
std::string GroupDoesNotFit(const CuredMachine& place, StandsOn& stands_on,
                            const GroupPart& part);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LIST_REFUSAL_H_
