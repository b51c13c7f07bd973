// SPDX-License-Identifier: Apache-2.0
#include "tools/check/group_devices.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/units.h"
#include "tools/check/data_off.h"
#include "tools/check/dax_depth.h"
#include "tools/check/stands_on.h"
#include "tools/check/world_rows.h"

namespace dmdax {

std::vector<GroupDevice> FindGroupDevices(const StandsOn& stands_on,
                                          const Session& machine,
                                          const std::string& vg) {
  std::map<DevT, GroupDevice> found;
  for (BlockDevice* volume : stands_on.OfGroup(vg)) {
    for (BlockDevice* below : DevicesBelow(machine, *volume)) {
      found.try_emplace(below->dev(), GroupDevice{below});
    }
    proto::MappedDevice device =
        *stands_on.InWorld(NameOfDevice(machine, *volume));
    for (proto::Target& row : *EditRows(&device)) {
      ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
        const std::optional<DevT> dev = DevOfWord(machine, leg.device());
        const auto at = dev ? found.find(*dev) : found.end();
        if (at == found.end()) return;
        GroupDevice& on = at->second;
        const uint64_t off = DataOff(machine, *on.bdev);
        on.has_aligned |= (leg.start() + off) % kPmdSectors == 0;
        on.end =
            std::max(on.end, leg.start() +
                                 row.length() / static_cast<uint64_t>(nr_legs));
      });
    }
  }
  std::vector<GroupDevice> devices;
  for (const auto& [dev, device] : found) devices.push_back(device);
  return devices;
}

}  // namespace dmdax
