// SPDX-License-Identifier: Apache-2.0
//
// Cures in a table of device-mapper: chunks, starts, ends, and the queue.
#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "state/find_device.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
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

// What makes the volume as it is in the World now.  The table that was tried is
// told beside LVM2's commands, which may place the rows elsewhere.
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

uint64_t SectorsOf(proto::MappedDevice* device) {
  uint64_t sectors = 0;
  for (const proto::Target& row : *EditRows(device)) sectors += row.length();
  return sectors;
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
                    request.reason.level->target,
                    " cuts every run at its chunk; only linear and striped "
                    "rows with chunks of 4096 sectors keep 2 MiB together")};
  }
  if (!changed) {
    return Cure{.remark =
                    "its chunks are whole pages of 2 MiB already: its row in "
                    "the table, or what stands on it, begins at a sector that "
                    "is no multiple of 4096"};
  }
  FitRows(request.session, device);
  return VolumeCure("chunks of 2 MiB", request, *device, Remake::kVolume,
                    before);
}

std::optional<Cure> CureMaxSectors(const CureRequest& request,
                                   proto::World& world) {
  proto::MappedDevice* device = Blamed(request, world);
  if (device == nullptr) return std::nullopt;
  constexpr uint32_t kKb = kPmdSectors / 2;
  device->set_max_sectors_kb(kKb);
  Cure cure{.change = "a queue that takes requests of 2 MiB",
            .remark = "now, and by udev's rule whenever the volume is made",
            .in_world = true};
  int number = 0;
  for (std::string& line : MaxSectorsLines(device->name(), kKb)) {
    cure.steps.push_back({CureStage::kQueue,
                          absl::StrCat(device->name(), " ", ++number),
                          std::move(line)});
  }
  return cure;
}

namespace {

// How far a row's data lies off a boundary, in sectors.  A stripe's legs begin
// with the row, whatever its place in the table.
uint64_t OffOf(const proto::Target& row, const proto::Linear& leg) {
  const uint64_t begin = row.has_striped() ? 0 : row.start();
  return (begin - leg.start()) % kPmdSectors;
}

// The devices that the words of tables name, each looked up once.
class Words {
 public:
  explicit Words(const Session& session) : session_(session) {}
  std::optional<DevT> operator()(const std::string& word) {
    const auto [at, fresh] = known_.try_emplace(word);
    if (fresh) at->second = DevOfWord(session_, word);
    return at->second;
  }

 private:
  const Session& session_;
  std::map<std::string, std::optional<DevT>> known_;
};

// What rows have of a device below, by its number: first sector and end.
using Areas = std::map<DevT, std::vector<std::pair<uint64_t, uint64_t>>>;
Areas AreasOf(Words& dev_of, proto::World& world) {
  Areas areas;
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    for (proto::Target& row : *EditRows(&device)) {
      ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
        if (const auto dev = dev_of(leg.device())) {
          areas[*dev].push_back(
              {leg.start(),
               leg.start() + row.length() / static_cast<uint64_t>(nr_legs)});
        }
      });
    }
  }
  return areas;
}

// How many pairs of neighbours share a sector.
size_t Overlaps(Areas areas) {
  size_t overlaps = 0;
  for (auto& [dev, list] : areas) {
    std::sort(list.begin(), list.end());
    for (size_t i = 1; i < list.size(); ++i) {
      overlaps += list[i].first < list[i - 1].second ? 1 : 0;
    }
  }
  return overlaps;
}

Cure LiesOverOthers() {
  return {.remark =
              "moved alone, its rows would lie over others on the same "
              "devices: dmdax advise lays the volumes out anew"};
}

// Volumes that are not in the part of the machine that was tried: LVM2 moves
// its own, which go with their group; of others somebody must know.
void AddNeighbours(const CureRequest& request, proto::World& world,
                   const proto::MappedDevice& device, Cure& cure) {
  if (request.machine == nullptr || LvmNameOf(device)) return;
  const Session& all = *request.machine;
  const absl::StatusOr<BlockDevice*> self =
      FindDevice(all, absl::StrCat("/dev/mapper/", device.name()));
  if (!self.ok()) return;
  const std::vector<BlockDevice*> below = DevicesBelow(all, **self);
  // Each of many would have all the others.
  constexpr int kMostNames = 8;
  int number = 0;
  std::string names;
  for (BlockDevice* other : all.machine->BlockDevices()) {
    if (number == kMostNames) {
      names += " and others";
      break;
    }
    if (other == *self || LiveTable(all, *other) == nullptr) continue;
    const std::string name = NameOfDevice(all, *other);
    if (FindMapped(world, name) != nullptr) continue;
    for (BlockDevice* leg : DevicesBelow(all, *other)) {
      if (std::find(below.begin(), below.end(), leg) == below.end()) continue;
      absl::StrAppend(&names, names.empty() ? "" : ", ", OneLine(name));
      ++number;
      break;
    }
  }
  if (names.empty()) return;
  absl::StrAppend(&cure.remark,
                  "; on the same devices, to be moved too: ", names);
}

}  // namespace

// A row is aligned if its data's place on the device below is congruent to its
// place in the table.  All rows of the device that are off move, and what else
// stands as far off on the same devices moves with them, as LVM2's volumes do.
std::optional<Cure> CureTargetStart(const CureRequest& request,
                                    proto::World& world) {
  const Session& session = request.session;
  proto::MappedDevice* device = Blamed(request, world);
  if (device == nullptr) return std::nullopt;
  const uint64_t before = SectorsOf(device);
  Words dev_of(request.session);
  const size_t overlaps = Overlaps(AreasOf(dev_of, world));
  std::set<std::pair<DevT, uint64_t>> off;  // devices below, and how far
  for (proto::Target& row : *EditRows(device)) {
    ForEachLeg(row, [&](proto::Linear& leg, int) {
      const auto dev = dev_of(leg.device());
      if (dev && OffOf(row, leg) != 0) off.insert({*dev, OffOf(row, leg)});
    });
  }
  if (off.empty()) return std::nullopt;
  for (proto::MappedDevice& other : *world.mutable_mapped_device()) {
    bool moved = false;
    for (proto::Target& row : *EditRows(&other)) {
      // All legs of a stripe move, or none would be whole.
      bool moves = false;
      ForEachLeg(row, [&](proto::Linear& leg, int) {
        const auto dev = dev_of(leg.device());
        moves |= dev && off.count({*dev, OffOf(row, leg)}) != 0;
      });
      if (!moves) continue;
      ForEachLeg(row, [&](proto::Linear& leg, int) {
        leg.set_start(leg.start() + OffOf(row, leg));
      });
      moved = true;
    }
    if (moved) FitRows(session, &other);
  }
  if (Overlaps(AreasOf(dev_of, world)) > overlaps) return LiesOverOthers();
  Cure cure = VolumeCure("data from a boundary of 2 MiB on", request, *device,
                         Remake::kGroup, before);
  AddNeighbours(request, world, *device, cure);
  return cure;
}

std::optional<Cure> CureTargetEnd(const CureRequest& request,
                                  proto::World& world) {
  proto::MappedDevice* device = Blamed(request, world);
  if (device == nullptr) return std::nullopt;
  const uint64_t sectors = SectorsOf(device);
  const std::string before_text = TableText(*device);
  Words dev_of(request.session);
  const size_t overlaps = Overlaps(AreasOf(dev_of, world));
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
  if (TableText(*device) == before_text) return std::nullopt;
  if (Overlaps(AreasOf(dev_of, world)) > overlaps) return LiesOverOthers();
  Cure cure = VolumeCure("rows of whole pages of 2 MiB", request, *device,
                         Remake::kGroup, sectors);
  AddNeighbours(request, world, *device, cure);
  return cure;
}

}  // namespace dmdax
