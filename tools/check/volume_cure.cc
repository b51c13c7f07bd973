// SPDX-License-Identifier: Apache-2.0
#include "tools/check/volume_cure.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "state/find_device.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr char kMadeAnew[] =
    "the layout changes: save the data, make the volume anew, restore it";

// Whether rows have been cut.
bool FitRows(const Session& session, const std::map<DevT, uint64_t>& sizes,
             proto::MappedDevice* device) {
  bool cut = false;
  for (proto::Target& row : *EditRows(device)) {
    uint64_t length = row.length();
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      const std::optional<DevT> dev = DevOfWord(session, leg.device());
      if (!dev) return;
      const auto known = sizes.find(*dev);
      const BlockDevice* const bdev = session.machine->FindBdev(*dev);
      if (known == sizes.end() && bdev == nullptr) return;
      const uint64_t size =
          known != sizes.end() ? known->second : bdev->nr_sectors();
      const uint64_t room = size > leg.start() ? size - leg.start() : 0;
      length = std::min(length, room * static_cast<uint64_t>(nr_legs));
    });
    if (row.has_striped()) {
      const uint64_t unit = uint64_t{row.striped().chunk()} *
                            static_cast<uint64_t>(row.striped().stripe_size());
      length = unit == 0 ? length : RoundDown(length, unit);
    } else if (length != row.length()) {
      length = RoundDown(length, kPmdSectors);
    }
    cut |= length != row.length();
    row.set_length(length);
  }
  if (cut) SettleRows(device);
  return cut;
}

}  // namespace

proto::MappedDevice* BlamedVolume(const CureRequest& request,
                                  proto::World& world) {
  if (!request.reason.level.has_value()) return nullptr;
  return FindMapped(world, request.reason.level->name);
}

uint64_t SectorsOf(proto::MappedDevice* device) {
  uint64_t sectors = 0;
  for (const proto::Target& row : *EditRows(device)) sectors += row.length();
  return sectors;
}

void FitRows(const Session& session, proto::World& world) {
  // What is cut makes what stands on it shorter; nothing grows.
  for (bool cut = true; cut;) {
    cut = false;
    std::map<DevT, uint64_t> sizes;
    for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
      const absl::StatusOr<BlockDevice*> bdev =
          FindDevice(session, absl::StrCat("/dev/mapper/", device.name()));
      if (bdev.ok()) sizes[(*bdev)->dev()] = SectorsOf(&device);
    }
    for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
      cut |= FitRows(session, sizes, &device);
    }
  }
}

Cure VolumeCure(std::string change, const CureRequest& request,
                const proto::MappedDevice& device, Remake remake,
                uint64_t sectors_before) {
  Cure cure{.change = std::move(change), .remark = kMadeAnew, .in_world = true};
  cure.steps = VolumeSteps(request.session, device, remake);
  // Nobody types more than these.
  constexpr int kMostRows = 32;
  if (!LvmNameOf(device) && device.table().target_size() > kMostRows) {
    cure.steps.clear();
    absl::StrAppend(&cure.remark, "; its table has ",
                    device.table().target_size(), " rows");
  }
  constexpr int kFewRows = 4;
  if (LvmNameOf(device) && device.table().target_size() <= kFewRows) {
    absl::StrAppend(&cure.remark, "; tried as ",
                    OneLine(absl::StrReplaceAll(
                        StableTable(request.session, device), {{"\n", "; "}})));
  }
  uint64_t sectors = 0;
  for (const proto::Target& row : device.table().target()) {
    sectors += row.length();
  }
  if (sectors < sectors_before) {
    absl::StrAppend(&cure.remark, "; it becomes ",
                    (sectors_before - sectors) / 2, " KiB smaller");
  }
  return cure;
}

}  // namespace dmdax
