// SPDX-License-Identifier: Apache-2.0
//
// Cures of how a volume takes requests: its chunks, and its queue.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/fit_rows.h"
#include "tools/check/group_cure.h"
#include "tools/check/lvm_group.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {

namespace {

// Stripes over one device lie as a linear row does: the table changes, and no
// data.  Nothing: another row has more of them.
std::optional<Cure> CureSingleLeg(const CureRequest& request,
                                  proto::MappedDevice& device) {
  bool single = false;
  for (const proto::Target& row : *EditRows(&device)) {
    if (!row.has_striped()) continue;
    if (row.striped().stripe_size() != 1) return std::nullopt;
    single = true;
  }
  if (!single) return std::nullopt;
  for (proto::Target& row : *EditRows(&device)) {
    if (!row.has_striped()) continue;
    const proto::Linear leg = row.striped().stripe(0);
    *row.mutable_linear() = leg;
  }
  Cure cure{.change = "linear rows in place of stripes over one device",
            .remark = "the data stays where it is, and the volume in use",
            .in_world = true};
  cure.steps.push_back(
      {CureStage::kReload, device.name(),
       DmsetupReloadLine(device.name(), StableTable(request.session, device)),
       "", CureTool::kDmsetup});
  return cure;
}

// The physical volumes of a volume whose group has, for all that is known,
// extents in which lvcreate makes smaller chunks than the volume shall have.
BdevSet WithTooSmallExtents(const CureRequest& request,
                            const proto::MappedDevice& device) {
  BdevSet devices;
  if (request.machine == nullptr || request.stands_on == nullptr ||
      !SegmentsToMake(request.session, device)) {
    return devices;
  }
  const uint64_t extent = MostExtent(*request.machine, *request.stands_on,
                                     nullptr, LvmNameOf(device)->vg);
  if (extent != 0 && extent % kPmdSectors == 0) return devices;
  if (BlockDevice* bdev = request.stands_on->Find(device.name())) {
    for (BlockDevice* below : DevicesBelow(*request.machine, *bdev)) {
      devices.insert(below);
    }
  }
  return devices;
}

}  // namespace

std::optional<Cure> CureChunk(const CureRequest& request, proto::World& world) {
  proto::MappedDevice* device = BlamedVolume(request, world);
  if (device == nullptr) return std::nullopt;
  if (auto cure = CureSingleLeg(request, *device)) return cure;
  const uint64_t before = SectorsOf(device);
  bool striped = false, changed = false;
  for (proto::Target& row : *EditRows(device)) {
    if (!row.has_striped()) continue;
    striped = true;
    if (row.striped().chunk() % kPmdSectors == 0) continue;
    // One that LVM2 takes too.
    row.mutable_striped()->set_chunk(kPmdSectors);
    changed = true;
  }
  if (!striped) {
    return Cure{.remark = absl::StrCat(
                    request.reason.level.target(),
                    " cuts every run at its chunk; only linear and striped "
                    "rows with chunks of 4096 sectors keep 2 MiB together")};
  }
  if (!changed) {
    if (auto cure = CureByVolume(request, world)) return cure;
    return Cure{.remark =
                    "its chunks are whole pages of 2 MiB already: its row in "
                    "the table, or what stands on it, begins at a sector that "
                    "is no multiple of 4096"};
  }
  const BdevSet redo = WithTooSmallExtents(request, *device);
  if (!redo.empty()) {
    return GroupCure("chunks of 2 MiB, in larger extents", request, redo, world,
                     device);
  }
  FitRows(request.session, world);
  return VolumeCure("chunks of 2 MiB", request, *device, before);
}

std::optional<Cure> CureMaxSectors(const CureRequest& request,
                                   proto::World& world) {
  proto::MappedDevice* device = BlamedVolume(request, world);
  if (device == nullptr) return std::nullopt;
  constexpr uint32_t kKb = kPmdSectors / 2;
  device->set_max_sectors_kb(kKb);
  Cure cure{.change = "a queue that takes requests of 2 MiB", .in_world = true};
  cure.steps = MaxSectorsSteps(device->name(), kKb);
  cure.remark = cure.steps.size() > 1
                    ? "now, and by udev's rule whenever the volume is made"
                    : "now; whenever the volume is made again, again";
  return cure;
}

}  // namespace dmdax
