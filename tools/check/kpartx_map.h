// SPDX-License-Identifier: Apache-2.0
//
// Maps that kpartx makes: a partition of a mapped device is a linear device of
// its own, "home1" on "home".  Where it lies the partition table on "home"
// says, and from there it is made whenever the machine starts. Threading: pure
// functions.
#ifndef DMDAX_TOOLS_CHECK_KPARTX_MAP_H_
#define DMDAX_TOOLS_CHECK_KPARTX_MAP_H_

#include <cstdint>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure.h"

namespace dmdax {

// The 2 of "part2-LVM-...", the uuid that kpartx gives; 0: it is no such map.
// Mirrors: make_prefixed_uuid() of kpartx/devmapper.c.
uint64_t KpartxNumber(const proto::MappedDevice& device);

// Whether it is a partition of a disk that goes, and with it the table to write
// it into.
bool LosesItsTable(const Session& machine, BlockDevice& bdev,
                   const proto::MappedDevice& device, const BdevSet& gone);

// A disk's last sectors, which have the second table of a GPT: no partition is
// made to end there that did not.
inline constexpr uint64_t kLastTableSectors = 2048;

// What moves the partition in the table and makes the map as the World has it;
// empty: it is no such map.
std::vector<CureStep> KpartxSteps(const Session& session,
                                  proto::MappedDevice device);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_KPARTX_MAP_H_
