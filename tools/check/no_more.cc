// SPDX-License-Identifier: Apache-2.0
#include "tools/check/no_more.h"

#include <string>
#include <vector>

#include "tools/check/bdev_set.h"
#include "tools/check/dax_depth.h"
#include "tools/check/hidden_volume.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

bool IsPlain(const Session& machine, const proto::MappedDevice* device) {
  return device != nullptr && SegmentsToMake(machine, *device).has_value();
}

}  // namespace

bool IsNoMore(const Session& machine, const StandsOn& stands_on,
              const proto::World& cured, BlockDevice& bdev) {
  // Whatever else stands on one has to be taken off it.
  const proto::MappedDevice* const own =
      stands_on.InWorld(NameOfDevice(machine, bdev));
  if (own == nullptr || !LvmNameOf(*own)) return false;
  BdevSet seen;
  std::vector<BlockDevice*> left = {&bdev};
  while (!left.empty()) {
    BlockDevice* const at = left.back();
    left.pop_back();
    if (!seen.insert(at).second) continue;
    const proto::MappedDevice* const device =
        stands_on.InWorld(NameOfDevice(machine, *at));
    if (device == nullptr) continue;
    // What is plain is made again as it is, whatever it stands on.
    if (IsPlain(machine, FindMapped(cured, device->name()))) continue;
    const std::string owner = HiddenVolumeOf(*device);
    if (!owner.empty()) {
      if (IsPlain(machine, FindMapped(cured, owner)) &&
          !IsPlain(machine, stands_on.InWorld(owner))) {
        return true;
      }
      // The store of a snapshot goes with that.
      if (BlockDevice* const volume = stands_on.Find(owner)) {
        left.push_back(volume);
      }
    }
    for (BlockDevice* below : DevicesBelow(machine, *at)) {
      left.push_back(below);
    }
  }
  return false;
}

}  // namespace dmdax
