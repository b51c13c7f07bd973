// SPDX-License-Identifier: Apache-2.0
//
// What LVM2 makes of rows, and the commands that make a volume again.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_LVM_VOLUME_H_
#define DMDAX_TOOLS_CHECK_LVM_VOLUME_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/world_rows.h"

namespace dmdax {

// What one lvcreate or lvextend makes: rows of one shape in a row, on the same
// devices.
struct SegmentToMake {
  int stripes = 1;
  uint64_t chunk = 0;  // sectors, of more than one stripe
  uint64_t sectors = 0;
  std::vector<std::string> paths;
};

// Nothing: lvcreate makes no such device.  Its rows are not linear or striped
// alone, two legs are on one device, or it is a part of another volume, as
// vg-r_rimage_0 is of vg-r.
std::optional<std::vector<SegmentToMake>> SegmentsToMake(
    const Session& session, const proto::MappedDevice& device);

// "lvcreate -y -L 4096k -n home vg /dev/pmem0"; `more`: options besides.
std::string LvmCreateLine(const LvmName& lvm,
                          const std::vector<SegmentToMake>& segments,
                          const std::string& more);

// What ends a list where a group has other volumes than these, hidden ones
// included: names are compared, as one more and one less make the same count.
// Of one that misses a device there are none: lvremove would take its volumes
// away, and vgremove refuse then.
std::string VolumesLook(const std::string& vg,
                        const std::set<std::string>& names);

// Paths as words of a shell.
std::string JoinWords(const std::vector<std::string>& paths);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_LVM_VOLUME_H_
