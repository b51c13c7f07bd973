// SPDX-License-Identifier: Apache-2.0
#include "tools/check/list_refusal.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "base/units.h"
#include "import/number_name.h"
#include "state/find_device.h"
#include "tools/byte_count.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/group_steps.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

std::string NamesOf(const GroupPart& part) {
  return absl::StrJoin(
      part.devices, ", ", [&](std::string* out, BlockDevice* bdev) {
        absl::StrAppend(out, OneLine(NameOfDevice(*part.machine, *bdev)));
      });
}

}  // namespace

std::string SmallXfs(const CuredMachine& with, const StandsOn& stands_on,
                     const CureSteps& steps) {
  for (const auto& [key, step] : steps.all()) {
    if (key.first != CureStage::kMkfs) continue;
    const proto::Mount* const mount = stands_on.MountAt(key.second);
    if (mount == nullptr || WorldFsType(*mount) != "xfs") continue;
    const absl::StatusOr<BlockDevice*> bdev =
        FindDevice(with.machine, mount->device());
    if (!bdev.ok()) continue;
    const uint64_t bytes = CuredBytes(with, stands_on, **bdev);
    if (bytes >= kLeastXfsBytes) continue;
    const bool shrinks = (*bdev)->nr_sectors() * kSectorSize >= kLeastXfsBytes;
    return absl::StrCat(
        "mkfs.xfs makes no file system under 300 MiB: ",
        OneLine(NameOfDevice(with.machine, **bdev)), ", which is made anew",
        shrinks ? absl::StrCat(" and has ", BytesText(bytes), " then") : "",
        ", must be larger, or its file system ext4");
  }
  return "";
}

std::string UnmodelledOn(const Session& machine, const BdevSet& gone) {
  for (BlockDevice* bdev : gone) {
    const UnmodelledDevice* const device = bdev->unmodelled();
    if (device == nullptr || bdev->dev().major_nr == machine.ctl->major()) {
      continue;
    }
    return absl::StrCat(
        OneLine(NameOfDevice(machine, *bdev)),
        device->driver.empty() ? "" : absl::StrCat(" (", device->driver, ")"),
        " stands on what goes, and no list stops it and makes it again: stop "
        "it, and ask again");
  }
  return "";
}

std::string NamelessBelow(const Session& machine, BlockDevice* bdev) {
  for (const BlockDevice* below : AllBelow(machine, bdev)) {
    if (below->name() != NumberName(below->dev())) continue;
    return absl::StrCat("no input says what ", below->dev().ToString(),
                        " is called: add lsblk -J -b -O, and ask again");
  }
  return "";
}

std::string PartOfLvm(const Session& machine,
                      const proto::MappedDevice& device) {
  if (!LvmNameOf(device) || SegmentsToMake(machine, device)) return "";
  return absl::StrCat("no list makes ", OneLine(device.name()),
                      " again: LVM2 makes its table, as it is a part of a "
                      "volume, or not linear or striped alone");
}

std::string GroupDoesNotFit(const CuredMachine& place, StandsOn& stands_on,
                            const GroupPart& part) {
  if (!part.refused.empty() || part.devices.empty()) return "";
  const int depth = stands_on.Depth(part.devices[0]);
  if (std::any_of(
          part.devices.begin(), part.devices.end(),
          [&](BlockDevice* bdev) { return stands_on.Depth(bdev) != depth; })) {
    return absl::StrCat("no list makes group ", OneLine(part.vg),
                        " again, as some of ", NamesOf(part),
                        " stand on others of them");
  }
  // In the last session the devices lie where they will, those that it has.
  const bool all_there = std::all_of(
      part.devices.begin(), part.devices.end(), [&](BlockDevice* bdev) {
        return place.after.machine->FindBdev(bdev->dev()) != nullptr;
      });
  proto::World laid_out = place.cured;
  if (LayOutGroup(all_there ? place.after : place.machine, stands_on, part, "",
                  laid_out)) {
    return "";
  }
  return absl::StrCat("the volumes of group ", OneLine(part.vg),
                      ", which goes too, do not fit on ", NamesOf(part),
                      " with data from a boundary of 2 MiB on: make them "
                      "smaller, and ask again");
}

}  // namespace dmdax
