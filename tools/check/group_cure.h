// SPDX-License-Identifier: Apache-2.0
//
// The cure of a volume of LVM2 with which a part of its group is made anew.
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_GROUP_CURE_H_
#define DMDAX_TOOLS_CHECK_GROUP_CURE_H_

#include <string>

#include "block/block_device.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure.h"

namespace dmdax {

// Lays the volume, which is in the World with its last rows, and all that goes
// with the physical volumes `redo` out as LVM2 will.  The request has a machine
// and what stands on what there.
Cure GroupCure(std::string change, const CureRequest& request,
               const BdevSet& redo, proto::World& world,
               proto::MappedDevice* volume);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_GROUP_CURE_H_
