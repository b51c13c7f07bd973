// SPDX-License-Identifier: Apache-2.0
//
// Cures in a table of device-mapper: chunks, starts, ends, and the queue.
#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "tools/check/cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr char kMadeAnew[] =
    "the layout changes: save the data, make the volume anew, restore it";

// The mapped device that a reason blames, in the World.
proto::MappedDevice* Blamed(const CureRequest& request, proto::World& world) {
  if (!request.reason.level.has_value()) return nullptr;
  return FindMapped(world, request.reason.level->name);
}

// dmsetup's command for a table, one line.
std::string DmsetupLine(const proto::MappedDevice& device) {
  const std::string rows = TableText(device);
  return absl::StrCat("dmsetup create ", ShellWord(device.name()), " --table ",
                      ShellWord(absl::StrReplaceAll(rows, {{"\n", "\\n"}})));
}

// A table line that is worth showing: few rows.
void AddTableLine(const proto::MappedDevice& device, Cure& cure) {
  constexpr int kFewRows = 4;
  if (device.table().target_size() <= kFewRows) {
    cure.commands.push_back(DmsetupLine(device));
  }
}

// Cuts rows that reach over the end of a device, and makes the lengths of
// striped ones what the kernel takes.
void FitRows(const Session& session, proto::MappedDevice* device) {
  for (proto::Target& row : *EditRows(device)) {
    uint64_t length = row.length();
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      const std::optional<DevT> dev = DevOfWord(session, leg.device());
      if (!dev) return;
      const uint64_t size = session.machine->FindBdev(*dev)->nr_sectors();
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
    row.set_length(length);
  }
  SettleRows(device);
}

}  // namespace

std::optional<Cure> CureChunk(const CureRequest& request, proto::World& world) {
  proto::MappedDevice* device = Blamed(request, world);
  if (device == nullptr) return std::nullopt;
  int legs = 0;
  for (proto::Target& row : *EditRows(device)) {
    if (!row.has_striped()) continue;
    proto::Striped* striped = row.mutable_striped();
    legs = std::max(legs, striped->stripe_size());
    striped->set_chunk(static_cast<uint32_t>(
        RoundUp(std::max<uint64_t>(striped->chunk(), 1), kPmdSectors)));
  }
  if (legs == 0) {
    return Cure{.remark = absl::StrCat(
                    request.reason.level->target,
                    " cuts every run at its chunk; only linear and striped "
                    "rows with chunks of 4096 sectors keep 2 MiB together")};
  }
  FitRows(request.session, device);
  Cure cure{.remark = kMadeAnew, .in_world = true};
  if (const auto lvm = LvmNameOf(*device)) {
    uint64_t sectors = 0;
    for (const proto::Target& row : device->table().target()) {
      sectors += row.length();
    }
    cure.commands.push_back(
        absl::StrCat("lvcreate -i ", legs, " -I 2m -L ", sectors / 2, "k -n ",
                     ShellWord(lvm->lv), " ", ShellWord(lvm->vg)));
  }
  AddTableLine(*device, cure);
  return cure;
}

std::optional<Cure> CureMaxSectors(const CureRequest& request,
                                   proto::World& world) {
  proto::MappedDevice* device = Blamed(request, world);
  if (device == nullptr) return std::nullopt;
  constexpr uint32_t kKb = kPmdSectors / 2;
  device->set_max_sectors_kb(kKb);
  Cure cure{.remark = "until the device is made again: a udev rule keeps it",
            .in_world = true};
  cure.commands.push_back(absl::StrCat("echo ", kKb, " > /sys/block/",
                                       request.reason.level->device,
                                       "/queue/max_sectors_kb"));
  return cure;
}

// A row is aligned if its data's place on the device below is congruent to its
// place in the table.  What else stands on that device as far off moves with
// it, as LVM2's volumes do, so that nothing overlaps.
std::optional<Cure> CureTargetStart(const CureRequest& request,
                                    proto::World& world) {
  proto::MappedDevice* device = Blamed(request, world);
  if (device == nullptr || request.reason.level->lower.empty()) {
    return std::nullopt;
  }
  const std::optional<DevT> lower = ScanMajorMinor(request.reason.level->lower);
  if (!lower) return std::nullopt;
  const auto off = [](const proto::Target& row, const proto::Linear& leg) {
    // A stripe's legs begin with the row, whatever its place in the table.
    const uint64_t begin = row.has_striped() ? 0 : row.start();
    return (begin - leg.start()) % kPmdSectors;
  };
  uint64_t shift = 0;
  for (proto::Target& row : *EditRows(device)) {
    if (row.start() != request.reason.level->begin.value()) continue;
    ForEachLeg(row, [&](proto::Linear& leg, int) {
      if (DevOfWord(request.session, leg.device()) == lower && shift == 0) {
        shift = off(row, leg);
      }
    });
  }
  if (shift == 0) return std::nullopt;
  std::optional<LvmName> lvm = LvmNameOf(*device);
  bool striped = false;
  for (proto::MappedDevice& other : *world.mutable_mapped_device()) {
    bool moved = false;
    for (proto::Target& row : *EditRows(&other)) {
      ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
        if (off(row, leg) != shift) return;
        // All legs of a stripe move, or none would be whole.
        if (nr_legs == 1 && DevOfWord(request.session, leg.device()) != lower) {
          return;
        }
        striped |= nr_legs > 1;
        leg.set_start(leg.start() + shift);
        moved = true;
      });
    }
    if (moved) FitRows(request.session, &other);
  }
  Cure cure{.remark = kMadeAnew, .in_world = true};
  if (lvm) {
    const BlockDevice* below = request.session.machine->FindBdev(*lower);
    cure.commands.push_back(absl::StrCat("pvcreate --dataalignment 2m /dev/",
                                         below->name(),
                                         striped ? "  (and the others)" : ""));
  }
  AddTableLine(*device, cure);
  return cure;
}

std::optional<Cure> CureTargetEnd(const CureRequest& request,
                                  proto::World& world) {
  proto::MappedDevice* device = Blamed(request, world);
  if (device == nullptr) return std::nullopt;
  auto* rows = EditRows(device);
  const int before = rows->size();
  for (proto::Target& row : *rows) {
    const uint64_t legs =
        row.has_striped() ? static_cast<uint64_t>(row.striped().stripe_size())
                          : 1;
    row.set_length(row.length() / (kPmdSectors * legs) * kPmdSectors * legs);
  }
  SettleRows(device);
  for (proto::Target& row : *rows) {
    ForEachLeg(row, [](proto::Linear& leg, int) {
      leg.set_start(RoundUp(leg.start(), kPmdSectors));
    });
  }
  FitRows(request.session, device);
  if (rows->size() != before || before == 0) {
    return Cure{.remark =
                    "rows shorter than 2 MiB have no room for a 2 MiB page: "
                    "make the volume of larger pieces"};
  }
  Cure cure{.remark = kMadeAnew, .in_world = true};
  if (LvmNameOf(*device)) {
    cure.commands.push_back(
        "vgcreate --physicalextentsize 4m --dataalignment "
        "2m VG DEVICE...");
  }
  AddTableLine(*device, cure);
  return cure;
}

}  // namespace dmdax
