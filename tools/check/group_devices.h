// SPDX-License-Identifier: Apache-2.0
//
// The devices on which a group of LVM2 has volumes, and where these end.
// Threading: pure function of a machine.
#ifndef DMDAX_TOOLS_CHECK_GROUP_DEVICES_H_
#define DMDAX_TOOLS_CHECK_GROUP_DEVICES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "block/block_device.h"
#include "state/session.h"

namespace dmdax {

class StandsOn;

// A device on which a group has volumes.
struct GroupDevice {
  BlockDevice* bdev;
  // The sector behind the last that a volume of the group has there.
  uint64_t end = 0;
  // A volume begins there at a multiple of 2 MiB of memory, and so do extents.
  bool has_aligned = false;
};

// Those of a group, by their numbers; takes as long as it has rows.
std::vector<GroupDevice> FindGroupDevices(const StandsOn& stands_on,
                                          const Session& machine,
                                          const std::string& vg);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_GROUP_DEVICES_H_
