// SPDX-License-Identifier: Apache-2.0
//
// Cures of where the rows of a volume lie: their starts and their ends.
//
// Data is aligned by the sum of all levels, so one row that moves makes up for
// the base of the memory and for a partition too, and what else stands there
// keeps its place.
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
#include "state/find_device.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/data_off.h"
#include "tools/check/dax_depth.h"
#include "tools/check/lvm_group.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/stands_on.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// The devices that the words of tables name, each looked up once.
class Words {
 public:
  explicit Words(const Session& session) : session_(session) {}
  BlockDevice* operator()(const std::string& word) {
    const auto [at, fresh] = known_.try_emplace(word, nullptr);
    if (fresh) {
      const absl::StatusOr<BlockDevice*> bdev = FindDevice(session_, word);
      if (bdev.ok()) at->second = *bdev;
    }
    return at->second;
  }

  // How far a leg is to move up, in sectors below 4096.  A stripe's legs begin
  // with the row, whatever its place in the table.
  uint64_t Off(const proto::Target& row, const proto::Linear& leg) {
    BlockDevice* const bdev = (*this)(leg.device());
    if (bdev == nullptr) return 0;
    const uint64_t begin = row.has_striped() ? 0 : row.start();
    return (begin - leg.start() - DataOff(session_, *bdev)) % kPmdSectors;
  }

  // Whether a leg is off, or its row ends within a page.
  bool IsOff(const proto::Target& row, const proto::Linear& leg, int nr_legs) {
    return Off(row, leg) != 0 ||
           row.length() % (kPmdSectors * static_cast<uint64_t>(nr_legs)) != 0;
  }

 private:
  const Session& session_;
  std::map<std::string, BlockDevice*> known_;
};

// What rows have of a device below: by its number, first sector and end.
using Areas = std::map<DevT, std::vector<std::pair<uint64_t, uint64_t>>>;
void AddAreas(Words& dev_of, proto::MappedDevice& device, Areas* areas) {
  for (proto::Target& row : *EditRows(&device)) {
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      if (const BlockDevice* bdev = dev_of(leg.device())) {
        (*areas)[bdev->dev()].push_back(
            {leg.start(),
             leg.start() + row.length() / static_cast<uint64_t>(nr_legs)});
      }
    });
  }
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

uint64_t SectorsOfAll(proto::World& world) {
  uint64_t sectors = 0;
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    sectors += SectorsOf(&device);
  }
  return sectors;
}

// Where the rows of a volume can lie instead.  The first two leave it as long
// as it is; the last one is within where it was.
enum class Way { kUp, kDown, kWithin };

class Mover {
 public:
  // `volume` is in the World.
  Mover(const CureRequest& request, proto::World& world,
        proto::MappedDevice* volume)
      : r_(request), world_(world), name_(volume->name()), dev_of_(r_.session) {
    AddAreas(dev_of_, *volume, &old_);
  }

  std::optional<Cure> Run(const char* change) {
    const uint64_t before = SectorsOf(Volume());
    for (const Way way : {Way::kUp, Way::kDown, Way::kWithin}) {
      const proto::World kept = world_;
      if (Move(way) && FitsBeside(way, kept)) {
        return VolumeCure(change, r_, *Volume(), before);
      }
      world_ = kept;
    }
    return std::nullopt;
  }

  // Whether any row is off, or ends within a page.
  bool HasWork() {
    for (const proto::Target& given : *EditRows(Volume())) {
      proto::Target row = given;
      bool work = false;
      ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
        work |= dev_of_.IsOff(row, leg, nr_legs);
      });
      if (work) return true;
    }
    return false;
  }

 private:
  proto::MappedDevice* Volume() { return FindMapped(world_, name_); }

  // False: there is no room for it.
  bool Move(Way way) {
    proto::MappedDevice* const device = Volume();
    Join(device);
    bool fits = true;
    uint64_t begin = 0;
    for (proto::Target& row : *EditRows(device)) {
      row.set_start(begin);
      uint64_t legs = 1, shift = 0;
      ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
        legs = static_cast<uint64_t>(nr_legs);
        const uint64_t off = dev_of_.Off(row, leg);
        shift = std::max(shift, off);
        const uint64_t down = off == 0 ? 0 : kPmdSectors - off;
        if (way != Way::kDown) {
          leg.set_start(leg.start() + off);
        } else if (off != 0 && leg.start() < down + kFirst) {
          fits = false;
        } else {
          leg.set_start(leg.start() - down);
        }
      });
      if (way == Way::kWithin) {
        const uint64_t less = shift * legs;
        const uint64_t length = row.length() > less ? row.length() - less : 0;
        row.set_length(RoundDown(length, kPmdSectors * legs));
        fits &= row.length() != 0;
      }
      begin += row.length();
    }
    SettleRows(device);
    return fits;
  }

  // Linear rows that are one piece are one row.
  void Join(proto::MappedDevice* device) {
    JoinRows(device, [&](const proto::Target& before,
                         const proto::Target& row) {
      return before.has_linear() && row.has_linear() &&
             dev_of_(before.linear().device()) ==
                 dev_of_(row.linear().device()) &&
             before.linear().start() + before.length() == row.linear().start();
    });
  }

  // Whether it lies over nobody, and nobody is cut for it who need not be.
  bool FitsBeside(Way way, proto::World kept) {
    FitRows(r_.session, world_);
    if (way != Way::kWithin && SectorsOfAll(world_) != SectorsOfAll(kept)) {
      return false;
    }
    if (Overlaps(dev_of_, world_) > Overlaps(dev_of_, kept)) return false;
    Areas now;
    AddAreas(dev_of_, *Volume(), &now);
    for (auto& [dev, list] : now) {
      for (const auto& [start, end] : Without(list, old_[dev])) {
        if (IsTaken(dev, start, end)) return false;
      }
    }
    return true;
  }

  using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;

  // What of `all` is in none of `taken`.
  static Ranges Without(Ranges all, Ranges taken) {
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

  // By a volume outside of this World.
  bool IsTaken(DevT dev, uint64_t start, uint64_t end) const {
    if (r_.machine == nullptr || r_.stands_on == nullptr) return false;
    const BlockDevice* const below = r_.machine->machine->FindBdev(dev);
    if (below == nullptr) return false;
    for (BlockDevice* by : r_.stands_on->Within(*below, start, end, 1)) {
      if (FindMapped(world_, NameOfDevice(*r_.machine, *by)) == nullptr) {
        return true;
      }
    }
    return false;
  }

  // Sectors in which a device may have labels and tables that nobody named.
  static constexpr uint64_t kFirst = 2048;

  const CureRequest& r_;
  proto::World& world_;
  const std::string name_;
  Words dev_of_;
  Areas old_;
};

constexpr char kNoRoom[] =
    "its rows are too small to be moved within where they are, and above and "
    "below lie others: make the volume of larger pieces";

// LVM2 places rows itself, from where the data of its devices begins.
std::optional<Cure> MoveInGroup(const CureRequest& request, const char* change,
                                proto::World& world,
                                proto::MappedDevice* volume) {
  if (request.machine == nullptr || request.stands_on == nullptr) {
    return std::nullopt;
  }
  const std::string name = volume->name();
  const std::string vg = LvmNameOf(*volume)->vg;
  Words dev_of(request.session);
  std::set<BlockDevice*> redo;
  for (proto::Target& row : *EditRows(volume)) {
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      BlockDevice* const bdev = dev_of(leg.device());
      if (bdev == nullptr || !dev_of.IsOff(row, leg, nr_legs)) return;
      if (BlockDevice* at = request.machine->machine->FindBdev(bdev->dev())) {
        redo.insert(at);
      }
    });
  }
  if (redo.empty()) return std::nullopt;
  const GroupPart part =
      PartOfGroup(*request.machine, *request.stands_on, world, vg, redo);
  const uint64_t before = SectorsOf(volume);
  if (!LayOutGroup(request.session, *request.stands_on, part, name, world)) {
    return Cure{.remark = absl::StrCat(
                    "with aligned data the other volumes of group ",
                    OneLine(vg), " leave no room for it on these devices")};
  }
  FitRows(request.session, world);
  Cure cure = VolumeCure(change, request, *FindMapped(world, name), before);
  if (!part.refused.empty()) {
    cure.steps.clear();
    absl::StrAppend(&cure.remark, "; ", part.refused);
  } else {
    for (CureStep& step : GroupSteps(request.session, part)) {
      cure.steps.push_back(std::move(step));
    }
    std::stable_sort(
        cure.steps.begin(), cure.steps.end(),
        [](const CureStep& a, const CureStep& b) { return a.stage < b.stage; });
  }
  for (const BlockDevice* bdev : part.devices) {
    cure.physical_volumes.push_back(NameOfDevice(*request.machine, *bdev));
  }
  return cure;
}

std::optional<Cure> MoveVolume(const CureRequest& request, const char* change,
                               proto::World& world,
                               proto::MappedDevice* volume) {
  if (SegmentsToMake(request.session, *volume)) {
    return MoveInGroup(request, change, world, volume);
  }
  Mover mover(request, world, volume);
  if (!mover.HasWork()) return std::nullopt;
  std::optional<Cure> cure = mover.Run(change);
  return cure ? cure : Cure{.remark = kNoRoom};
}

}  // namespace

std::optional<Cure> CureTargetStart(const CureRequest& request,
                                    proto::World& world) {
  proto::MappedDevice* const volume = BlamedVolume(request, world);
  if (volume == nullptr) return std::nullopt;
  return MoveVolume(request, "data from a boundary of 2 MiB on", world, volume);
}

std::optional<Cure> CureTargetEnd(const CureRequest& request,
                                  proto::World& world) {
  proto::MappedDevice* const volume = BlamedVolume(request, world);
  if (volume == nullptr) return std::nullopt;
  return MoveVolume(request, "rows of whole pages of 2 MiB", world, volume);
}

std::optional<Cure> CureByVolume(const CureRequest& request,
                                 proto::World& world) {
  if (request.subject.bdev == nullptr) return std::nullopt;
  std::vector<BlockDevice*> stack =
      AllBelow(request.session, request.subject.bdev);
  std::reverse(stack.begin(), stack.end());  // the lowest first
  for (BlockDevice* bdev : stack) {
    proto::MappedDevice* const volume =
        FindMapped(world, NameOfDevice(request.session, *bdev));
    if (volume == nullptr) continue;
    Words dev_of(request.session);
    bool off = false;
    for (proto::Target& row : *EditRows(volume)) {
      ForEachLeg(row, [&](proto::Linear& leg, int) {
        off |= dev_of.Off(row, leg) != 0;
      });
    }
    if (off) {
      return MoveVolume(request, "data from a boundary of 2 MiB on", world,
                        volume);
    }
  }
  return std::nullopt;
}

}  // namespace dmdax
