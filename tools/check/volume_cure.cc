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
#include "tools/check/kpartx_map.h"
#include "tools/check/list_refusal.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr char kMadeAnew[] =
    "the layout changes: save the data, make the volume anew, restore it";

// Whether rows have been cut.
bool Fit(const Session& session, const std::map<DevT, uint64_t>& sizes,
         proto::MappedDevice* device) {
  bool cut = false;
  const bool is_partition = KpartxNumber(*device) != 0;
  for (proto::Target& row : *EditRows(device)) {
    uint64_t length = row.length(), last_table = 0;
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      const std::optional<DevT> dev = DevOfWord(session, leg.device());
      if (!dev) return;
      const auto known = sizes.find(*dev);
      const BlockDevice* const bdev = session.machine->FindBdev(*dev);
      if (known == sizes.end() && bdev == nullptr) return;
      const uint64_t size =
          known != sizes.end() ? known->second : bdev->nr_sectors();
      const uint64_t room = size > leg.start() ? size - leg.start() : 0;
      if (length > room && is_partition) last_table = kLastTableSectors;
      length = std::min(length, room * static_cast<uint64_t>(nr_legs));
    });
    length -= std::min(length, last_table);
    const uint64_t legs =
        row.has_striped()
            ? static_cast<uint64_t>(std::max(row.striped().stripe_size(), 1))
            : 1;
    if (row.has_striped()) {
      const uint64_t unit = uint64_t{row.striped().chunk()} * legs;
      length = unit == 0 ? length : RoundDown(length, unit);
    }
    // LVM2's extents, for all that is known.
    if (length != row.length()) {
      const uint64_t unit = LvmNameOf(*device) ? 2 * kPmdSectors : kPmdSectors;
      length = RoundDown(length, unit * legs);
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
  return FindMapped(world, request.reason.level.name());
}

uint64_t SectorsOf(proto::MappedDevice* device) {
  uint64_t sectors = 0;
  for (const proto::Target& row : *EditRows(device)) sectors += row.length();
  return sectors;
}

std::map<DevT, uint64_t> SizesOf(const Session& session,
                                 const proto::World& world) {
  std::map<DevT, uint64_t> sizes;
  const auto add = [&](const std::string& name, uint64_t sectors) {
    const absl::StatusOr<BlockDevice*> bdev =
        FindDevice(session, absl::StrCat("/dev/", name));
    if (bdev.ok()) sizes[(*bdev)->dev()] = sectors;
  };
  for (const proto::Pmem& pmem : world.pmem()) {
    add(pmem.name(), (pmem.size() - pmem.data_offset()) / 512);
  }
  for (const proto::Block& block : world.block()) {
    if (!block.partition_of().empty()) add(block.name(), block.sectors());
  }
  return sizes;
}

namespace {

void AddMapped(const Session& session, const proto::World& world,
               std::map<DevT, uint64_t>* sizes) {
  for (const proto::MappedDevice& device : world.mapped_device()) {
    const absl::StatusOr<BlockDevice*> bdev =
        FindDevice(session, absl::StrCat("/dev/mapper/", device.name()));
    if (!bdev.ok()) continue;
    uint64_t sectors = 0;
    for (const proto::Target& row : device.table().target()) {
      sectors += row.length();
    }
    // Those of a packed table are not there yet, and nobody has cut them.
    (*sizes)[(*bdev)->dev()] = sectors != 0 ? sectors : (*bdev)->nr_sectors();
  }
}

}  // namespace

void FitRows(const Session& session, proto::World& world) {
  // What is cut makes what stands on it shorter; nothing grows.
  std::map<DevT, uint64_t> sizes = SizesOf(session, world);
  for (bool cut = true; cut;) {
    cut = false;
    AddMapped(session, world, &sizes);
    for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
      cut |= Fit(session, sizes, &device);
    }
  }
}

void FitRowsOf(const Session& session, const proto::World& world,
               proto::MappedDevice* device) {
  std::map<DevT, uint64_t> sizes = SizesOf(session, world);
  AddMapped(session, world, &sizes);
  Fit(session, sizes, device);
}

Cure VolumeCure(std::string change, const CureRequest& request,
                const proto::MappedDevice& device, uint64_t sectors_before) {
  Cure cure{.change = std::move(change), .remark = kMadeAnew, .in_world = true};
  cure.steps = VolumeSteps(request.session, device);
  // Nobody types more than these.
  constexpr int kMostRows = 32;
  if (!LvmNameOf(device) && device.table().target_size() > kMostRows) {
    cure.steps.clear();
    absl::StrAppend(&cure.remark, "; its table has ",
                    device.table().target_size(), " rows");
  }
  if (std::string why = PartOfLvm(request.session, device); !why.empty()) {
    cure.steps.clear();
    absl::StrAppend(&cure.remark, "; ", why);
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
