// SPDX-License-Identifier: Apache-2.0
//
// Cures of where the rows of a volume lie: their starts and their ends.
//
// Rows that move may meet those of other volumes on the same devices.  Those
// that are as far off move along, as LVM2's volumes do with their group; over
// the others nothing is laid.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/stands_on.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
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

// What rows have of a device below: by its number, first sector and end.
using Areas = std::map<DevT, std::vector<std::pair<uint64_t, uint64_t>>>;
void AddAreas(Words& dev_of, proto::MappedDevice& device, Areas* areas) {
  for (proto::Target& row : *EditRows(&device)) {
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      if (const auto dev = dev_of(leg.device())) {
        (*areas)[*dev].push_back(
            {leg.start(),
             leg.start() + row.length() / static_cast<uint64_t>(nr_legs)});
      }
    });
  }
}

using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;

// What of `all` is in none of `taken`.
Ranges Without(Ranges all, Ranges taken) {
  std::sort(all.begin(), all.end());
  std::sort(taken.begin(), taken.end());
  Ranges left;
  size_t from = 0;
  for (auto [start, end] : all) {
    while (from < taken.size() && taken[from].second <= start) ++from;
    for (size_t i = from; i < taken.size() && taken[i].first < end; ++i) {
      if (taken[i].first > start) left.push_back({start, taken[i].first});
      start = std::max(start, taken[i].second);
    }
    if (start < end) left.push_back({start, end});
  }
  return left;
}

// How many pairs of neighbours in the World share a sector.
size_t Overlaps(Words& dev_of, proto::World& world) {
  Areas areas;
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    AddAreas(dev_of, device, &areas);
  }
  size_t overlaps = 0;
  for (auto& [dev, list] : areas) {
    std::sort(list.begin(), list.end());
    for (size_t i = 1; i < list.size(); ++i) {
      overlaps += list[i].first < list[i - 1].second ? 1 : 0;
    }
  }
  return overlaps;
}

Cure LiesOverOthers(const std::set<std::string>& names) {
  return {.remark = absl::StrCat(
              "moved alone, its rows would lie over ",
              names.empty()
                  ? "others"
                  : absl::StrCat("those of ", absl::StrJoin(names, ", ")),
              " on the same devices: dmdax advise lays the volumes out anew")};
}

// Changes the rows of the World; the names of the devices that it changed, or
// nothing: it can not.
using MoveFn = std::optional<std::set<std::string>>(const CureRequest& request,
                                                    proto::World& world);

class Mover {
 public:
  Mover(const CureRequest& request, proto::World& world)
      : r_(request), world_(world), dev_of_(request.session) {}

  // Moves, and once more with those that are in the way, until none is.
  std::optional<Cure> Run(const char* change, MoveFn* move) {
    for (;;) {
      const proto::World before = world_;
      const size_t overlaps = Overlaps(dev_of_, world_);
      const auto moved = move(r_, world_);
      if (!moved || moved->empty()) return std::nullopt;
      FitRows(r_.session, world_);
      if (Overlaps(dev_of_, world_) > overlaps) return LiesOverOthers(brought_);
      const std::set<std::string> met = Meets(before, *moved);
      if (met.empty()) return Told(change, before, *moved);
      world_ = before;
      if (!Bring(met)) return LiesOverOthers(met);
      // Which move along, or else are what it would lie over.
      brought_.insert(met.begin(), met.end());
    }
  }

 private:
  // The volumes outside of this World in the sectors that the rows have now and
  // had not before.  LVM2 places its own itself.
  std::set<std::string> Meets(proto::World before,
                              const std::set<std::string>& moved) {
    std::set<std::string> met;
    if (r_.machine == nullptr || r_.stands_on == nullptr) return met;
    for (const std::string& name : moved) {
      proto::MappedDevice* const device = FindMapped(world_, name);
      if (LvmNameOf(*device)) continue;
      Areas old, now;
      AddAreas(dev_of_, *FindMapped(before, name), &old);
      AddAreas(dev_of_, *device, &now);
      for (auto& [dev, list] : now) {
        for (const auto& [start, end] : Without(list, old[dev])) {
          AddWithin(dev, start, end, &met);
        }
      }
    }
    return met;
  }

  void AddWithin(DevT dev, uint64_t start, uint64_t end,
                 std::set<std::string>* met) {
    const BlockDevice* const below = r_.machine->machine->FindBdev(dev);
    if (below == nullptr) return;
    for (BlockDevice* by :
         r_.stands_on->Within(*below, start, end, kMostBrought)) {
      std::string name = NameOfDevice(*r_.machine, *by);
      if (FindMapped(world_, name) == nullptr) met->insert(std::move(name));
    }
  }

  // Takes them into this World.  False: they are too many to be moved by hand,
  // or stand on what is not in it.
  bool Bring(const std::set<std::string>& names) {
    for (const std::string& name : names) {
      const proto::MappedDevice* const device = r_.stands_on->InWorld(name);
      if (device == nullptr || LvmNameOf(*device) ||
          brought_.size() + names.size() > kMostBrought) {
        return false;
      }
      proto::MappedDevice* const added = world_.add_mapped_device();
      *added = *device;
      for (proto::Target& row : *EditRows(added)) {
        bool all = false;
        ForEachLeg(row, [&](proto::Linear& leg, int) {
          const auto dev = dev_of_(leg.device());
          all = dev && r_.session.machine->FindBdev(*dev) != nullptr;
        });
        if (!all) return false;
      }
    }
    return true;
  }

  Cure Told(const char* change, proto::World before,
            const std::set<std::string>& moved) {
    proto::MappedDevice* const device = BlamedVolume(r_, world_);
    const auto sectors_before = [&](const std::string& name) {
      return SectorsOf(FindMapped(before, name));
    };
    Cure cure = VolumeCure(change, r_, *device, Remake::kGroup,
                           sectors_before(device->name()));
    for (const std::string& name : moved) {
      if (name == device->name()) continue;
      proto::MappedDevice* const other = FindMapped(world_, name);
      Cure with = VolumeCure("", r_, *other, Remake::kGroup, 0);
      cure.steps.insert(cure.steps.end(), with.steps.begin(), with.steps.end());
      absl::StrAppend(&cure.remark, "; ", OneLine(name), " moves too");
      const uint64_t now = SectorsOf(other);
      if (now < sectors_before(name)) {
        absl::StrAppend(&cure.remark, " and becomes ",
                        (sectors_before(name) - now) / 2, " KiB smaller");
      }
    }
    return cure;
  }

  static constexpr size_t kMostBrought = 8;

  const CureRequest& r_;
  proto::World& world_;
  Words dev_of_;
  std::set<std::string> brought_;
};

// A row is aligned if its data's place on the device below is congruent to its
// place in the table.  All rows of the device that are off move, and what else
// in this World stands as far off on the same devices.
std::optional<std::set<std::string>> MoveStarts(const CureRequest& request,
                                                proto::World& world) {
  std::set<std::string> moved;
  Words dev_of(request.session);
  std::set<std::pair<DevT, uint64_t>> off;  // devices below, and how far
  for (proto::Target& row : *EditRows(BlamedVolume(request, world))) {
    ForEachLeg(row, [&](proto::Linear& leg, int) {
      const auto dev = dev_of(leg.device());
      if (dev && OffOf(row, leg) != 0) off.insert({*dev, OffOf(row, leg)});
    });
  }
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    for (proto::Target& row : *EditRows(&device)) {
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
      moved.insert(device.name());
    }
  }
  return moved;
}

// Rows of whole pages; nothing: one has no room for any.
std::optional<std::set<std::string>> MoveEnds(const CureRequest& request,
                                              proto::World& world) {
  proto::MappedDevice* const device = BlamedVolume(request, world);
  const std::string before_text = TableText(*device);
  auto* rows = EditRows(device);
  const int before = rows->size();
  for (proto::Target& row : *rows) {
    const uint64_t legs =
        row.has_striped() ? static_cast<uint64_t>(row.striped().stripe_size())
                          : 1;
    row.set_length(RoundDown(row.length(), kPmdSectors * legs));
  }
  SettleRows(device);
  for (proto::Target& row : *rows) {
    ForEachLeg(row, [](proto::Linear& leg, int) {
      leg.set_start(RoundUp(leg.start(), kPmdSectors));
    });
  }
  FitRows(request.session, world);
  if (rows->size() != before || before == 0) return std::nullopt;
  if (TableText(*device) == before_text) return std::set<std::string>();
  return std::set<std::string>{device->name()};
}

}  // namespace

std::optional<Cure> CureTargetStart(const CureRequest& request,
                                    proto::World& world) {
  if (BlamedVolume(request, world) == nullptr) return std::nullopt;
  return Mover(request, world)
      .Run("data from a boundary of 2 MiB on", MoveStarts);
}

std::optional<Cure> CureTargetEnd(const CureRequest& request,
                                  proto::World& world) {
  if (BlamedVolume(request, world) == nullptr) return std::nullopt;
  proto::World trial = world;
  if (!MoveEnds(request, trial)) {
    return Cure{.remark =
                    "rows shorter than 2 MiB have no room for a 2 MiB page: "
                    "make the volume of larger pieces"};
  }
  return Mover(request, world).Run("rows of whole pages of 2 MiB", MoveEnds);
}

}  // namespace dmdax
