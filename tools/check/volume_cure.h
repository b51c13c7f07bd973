// SPDX-License-Identifier: Apache-2.0
//
// The cure of a volume that is made anew with other rows.
//
// A cure finds the blamed volume and remembers its size, changes rows, fits
// them, and tells what that comes to.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_VOLUME_CURE_H_
#define DMDAX_TOOLS_CHECK_VOLUME_CURE_H_

#include <cstdint>
#include <string>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"

namespace dmdax {

// What it comes to where a volume is moved.
inline constexpr char kFromBoundary[] = "data from a boundary of 2 MiB on";

// The mapped device that the reason blames, in the World; null: none.
proto::MappedDevice* BlamedVolume(const CureRequest& request,
                                  proto::World& world);

uint64_t SectorsOf(proto::MappedDevice* device);

// What makes the volume as it is in the World now.  The table that was tried is
// told beside LVM2's commands, which may place the rows elsewhere.
Cure VolumeCure(std::string change, const CureRequest& request,
                const proto::MappedDevice& device, uint64_t sectors_before);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_VOLUME_CURE_H_
