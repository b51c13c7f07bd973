// SPDX-License-Identifier: Apache-2.0
#include "tools/check/lvm_group.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/dev_t.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "state/find_device.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/data_off.h"
#include "tools/check/dax_depth.h"
#include "tools/check/hidden_volume.h"
#include "tools/check/in_progress.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/no_more.h"
#include "tools/check/undo_target.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// LVM2's own default.
constexpr uint64_t kExtent = 8192;
// Of a group that stays nobody knows the extents: its volumes have at least the
// factors of two that those have, up to this.
constexpr uint64_t kMostExtent = 65536;
// So many of those that hold a device are named.
constexpr size_t kMostHolders = 4;

bool IsOfGroup(const StandsOn& stands_on, const Session& machine,
               BlockDevice& bdev, const std::string& vg) {
  const proto::MappedDevice* const device =
      stands_on.InWorld(NameOfDevice(machine, bdev));
  const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
  return lvm && lvm->vg == vg;
}

// Or-s what of a volume is whole extents, for all that is known: the lengths of
// its legs, and how far apart those on one device begin.
void AddExtents(const Session& machine, proto::MappedDevice device,
                std::map<DevT, uint64_t>* first, uint64_t* bits) {
  for (proto::Target& row : *EditRows(&device)) {
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      *bits |= row.length() / static_cast<uint64_t>(nr_legs);
      const std::optional<DevT> dev = DevOfWord(machine, leg.device());
      if (!dev) return;
      const auto [at, fresh] = first->try_emplace(*dev, leg.start());
      if (!fresh) *bits |= leg.start() - at->second;
    });
  }
}

void AddOnce(BlockDevice* bdev, std::vector<BlockDevice*>* list) {
  if (std::find(list->begin(), list->end(), bdev) == list->end()) {
    list->push_back(bdev);
  }
}

class Finder {
 public:
  Finder(const Session& machine, const StandsOn& stands_on,
         const proto::World& cured, GroupPart* part)
      : machine_(machine), stands_on_(stands_on), cured_(cured), part_(*part) {}

  void Find(const BdevSet& redo) {
    const auto volumes = stands_on_.OfGroup(part_.vg);
    if (volumes.size() > kMostVolumes) {
      part_.devices.assign(redo.begin(), redo.end());
      part_.refused = absl::StrCat("no list makes the ", volumes.size(),
                                   " volumes of group ", OneLine(part_.vg),
                                   " again: pvcreate --dataalignment 2m, and "
                                   "the volumes by hand");
      return;
    }
    part_.names = stands_on_.LvmNamesOf(part_.vg);
    // Some have no volume on them.
    std::vector<BlockDevice*> known = stands_on_.KnownDevicesOf(part_.vg);
    std::vector<BlockDevice*> all;
    std::vector<std::vector<BlockDevice*>> legs_of;
    for (BlockDevice* volume : volumes) {
      legs_of.push_back(DevicesOf(*volume));
      for (BlockDevice* leg : legs_of.back()) AddOnce(leg, &all);
      AddSizes(InWorld(NameOf(*volume)));
    }
    for (BlockDevice* bdev : known) {
      if (redo.contains(bdev)) AddOnce(bdev, &all);
    }
    FindExtents(AreAllIn(redo, all) && AreAllIn(redo, known));
    for (BlockDevice* leg : all) {
      if (part_.whole || redo.contains(leg)) part_.devices.push_back(leg);
    }
    for (size_t i = 0; i < volumes.size(); ++i) {
      if (!part_.whole &&
          std::none_of(legs_of[i].begin(), legs_of[i].end(),
                       [&](BlockDevice* leg) { return redo.contains(leg); })) {
        continue;
      }
      if (IsNoMore(machine_, stands_on_, cured_, *volumes[i])) continue;
      const proto::MappedDevice& device = InWorld(NameOf(*volumes[i]));
      if (const std::string lv = LvmNameOf(device)->lv; IsPoolSpare(lv)) {
        part_.spares.push_back(lv);
      } else {
        part_.volumes.push_back(device.name());
      }
    }
    Refuse();
    if (std::string why = MoreOnDevices(part_); !why.empty()) {
      part_.refused = std::move(why);
    }
    if (std::string why = GroupKeepsDevices(machine_, part_); !why.empty()) {
      part_.refused = std::move(why);
    }
    FindIdle(redo);
    // Of a group that LVM2 changes nothing of, nothing else helps.
    std::string why = LockedGroup(machine_, part_.vg);
    if (why.empty()) why = MoveInProgress(stands_on_, part_.vg);
    if (!why.empty()) part_.refused = std::move(why);
    FindHolders();
  }

 private:
  static bool AreAllIn(const BdevSet& redo,
                       const std::vector<BlockDevice*>& devices) {
    return std::all_of(devices.begin(), devices.end(),
                       [&](BlockDevice* bdev) { return redo.contains(bdev); });
  }

  // Whether all of the group is made anew, and in which extents.
  void FindExtents(bool all_devices) {
    const uint64_t factor = sizes_ & (~sizes_ + 1);
    part_.old_extent = ExtentSectors(machine_, part_.vg);
    if (const uint64_t known = part_.old_extent; known != 0) {
      // What lies behind one of another size would begin between two pages; and
      // in extents of less than a chunk lvcreate makes smaller ones.
      const bool small =
          sizes_ % kPmdSectors != 0 || (chunk_ != 0 && known % chunk_ != 0);
      const bool change = small && known % std::max(chunk_, kPmdSectors) != 0;
      part_.whole = change || all_devices;
      part_.extent = change ? std::max(chunk_, kPmdSectors) : known;
      return;
    }
    part_.whole =
        factor < kExtent ||
        MostExtent(machine_, stands_on_, nullptr, part_.vg) < chunk_ ||
        all_devices;
    // Volumes of smaller extents are rounded up by as little as may be.
    part_.extent =
        !part_.whole
            ? std::min(factor, kMostExtent)
            : std::max(factor != 0 && factor < kExtent ? kPmdSectors : kExtent,
                       chunk_);
  }

  std::string NameOf(BlockDevice& bdev) const {
    return NameOfDevice(machine_, bdev);
  }

  // The physical volumes below, those of its sub-volumes included.
  std::vector<BlockDevice*> DevicesOf(BlockDevice& volume) const {
    std::vector<BlockDevice*> devices;
    std::vector<BlockDevice*> left = {&volume};
    while (!left.empty()) {
      BlockDevice* const at = left.back();
      left.pop_back();
      std::vector<BlockDevice*> legs = DevicesBelow(machine_, *at);
      std::reverse(legs.begin(), legs.end());  // the kernel's list is backward
      for (BlockDevice* below : legs) {
        if (IsOfGroup(stands_on_, machine_, *below, part_.vg)) {
          left.push_back(below);
        } else {
          AddOnce(below, &devices);
        }
      }
    }
    return devices;
  }

  void AddSizes(proto::MappedDevice device) {
    for (proto::Target& row : *EditRows(&device)) {
      uint64_t legs = 1;
      if (row.has_striped()) {
        legs = std::max(row.striped().stripe_size(), 1);
        chunk_ = std::max<uint64_t>(chunk_, row.striped().chunk());
      }
      sizes_ |= row.length() / legs;
    }
  }

  void Refuse() {
    std::vector<std::string> names;
    for (const std::string& name : part_.volumes) {
      if (!SegmentsToMake(machine_, InWorld(name))) {
        names.push_back(OneLine(name));
      }
    }
    if (names.empty()) return;
    if (std::string plain = MadePlain(); !plain.empty()) {
      part_.refused = std::move(plain);
      return;
    }
    part_.refused =
        absl::StrCat("no list makes ", absl::StrJoin(names, ", "),
                     " again, not linear or striped alone, which must go with ",
                     DeviceNames(),
                     ": pvcreate --dataalignment 2m, and the volumes by hand");
  }

  // Where all that no list makes again can be made plain first.
  std::string MadePlain() const {
    std::vector<std::string> names, commands;
    std::vector<BlockDevice*> parts;
    BdevSet made;
    for (const std::string& name : part_.volumes) {
      const proto::MappedDevice& device = InWorld(name);
      if (SegmentsToMake(machine_, device)) continue;
      BlockDevice* const bdev = stands_on_.Find(name);
      const std::string command = PlainCommand(device);
      if (IsHiddenVolume(device)) {
        parts.push_back(bdev);
      } else if (command.empty()) {
        return "";
      } else {
        made.insert(bdev);
        names.push_back(OneLine(name));
        commands.push_back(command);
      }
    }
    // A part goes with its volume.
    for (BlockDevice* part : parts) {
      const BdevSet above = stands_on_.AllAbove({part}, 2 * kMostVolumes);
      if (std::none_of(above.begin(), above.end(),
                       [&](BlockDevice* on) { return made.contains(on); })) {
        return "";
      }
    }
    if (names.empty()) return "";
    return absl::StrCat("no list makes ", absl::StrJoin(names, ", "),
                        " again, which must go with ", DeviceNames(), ": ",
                        absl::StrJoin(commands, " && "),
                        ", which leaves the data, and ask again");
  }

  // Volumes that only the metadata has: of a table that nobody knows no list
  // makes them again.
  void FindIdle(const BdevSet& redo) {
    const proto::VolumeGroup* const group = stands_on_.GroupInWorld(part_.vg);
    if (group == nullptr) return;
    std::vector<std::string> shown, hidden;
    for (const auto& volume : group->idle()) {
      const bool goes =
          part_.whole || volume.device().empty() ||
          std::any_of(volume.device().begin(), volume.device().end(),
                      [&](const std::string& device) {
                        const auto bdev = FindDevice(machine_, device);
                        return bdev.ok() && redo.contains(*bdev);
                      });
      if (!goes) continue;
      if (IsPoolSpare(volume.name())) {
        part_.spares.push_back(volume.name());
      } else {
        (volume.hidden() ? hidden : shown)
            .push_back(OneLine(absl::StrCat(part_.vg, "/", volume.name())));
      }
    }
    const std::vector<std::string>& named = shown.empty() ? hidden : shown;
    if (named.empty()) return;
    const std::string names = absl::StrJoin(named, ", ");
    part_.refused = absl::StrCat(
        names, named.size() == 1 ? " is" : " are",
        " not active, so that no table of it is known, and would go with ",
        DeviceNames(), ": ",
        // Without them LVM2 activates nothing that lies on them.
        group->missing().empty()
            ? ""
            : absl::StrCat("when no device of ", OneLine(part_.vg),
                           " is missing (vgextend --restoremissing), "),
        "lvchange -ay -K ", absl::StrJoin(named, " "),
        ", and ask again with what dmsetup table prints then");
  }

  std::string DeviceNames() const {
    return absl::StrJoin(part_.devices, ", ",
                         [&](std::string* out, BlockDevice* leg) {
                           absl::StrAppend(out, OneLine(NameOf(*leg)));
                         });
  }

  // What keeps the devices busy when the group has gone, and would be laid
  // over.
  void FindHolders() {
    std::vector<std::string> held;
    for (BlockDevice* device : part_.devices) {
      std::vector<std::string> by;
      for (BlockDevice* on : stands_on_.On(device)) {
        if (!IsOfGroup(stands_on_, machine_, *on, part_.vg)) {
          by.push_back(NameOf(*on));
        }
      }
      for (const std::string& at : stands_on_.MountsOf(device)) {
        by.push_back(at);
      }
      if (std::string use = stands_on_.uses().Of(*device); !use.empty()) {
        by.push_back(std::move(use));
      }
      if (by.empty()) continue;
      std::sort(by.begin(), by.end());
      if (by.size() > kMostHolders) {
        by.resize(kMostHolders);
        by.push_back("others");
      }
      held.push_back(OneLine(
          absl::StrCat(NameOf(*device), " has ", absl::StrJoin(by, ", "))));
    }
    if (held.empty()) return;
    part_.held =
        absl::StrCat("pvcreate must have the devices of group ",
                     OneLine(part_.vg), " for itself, and besides the group ",
                     absl::StrJoin(held, "; "), ": that must go first");
  }

  const proto::MappedDevice& InWorld(const std::string& name) const {
    const proto::MappedDevice* const cured = FindMapped(cured_, name);
    return cured != nullptr ? *cured : *stands_on_.InWorld(name);
  }

  const Session& machine_;
  const StandsOn& stands_on_;
  const proto::World& cured_;
  GroupPart& part_;
  uint64_t sizes_ = 0;  // of all legs, or-ed
  uint64_t chunk_ = 0;
};

}  // namespace

uint64_t MostExtent(const Session& machine, const StandsOn& stands_on,
                    const proto::World* cured, const std::string& vg) {
  if (const uint64_t known = ExtentSectors(machine, vg); known != 0) {
    return known;
  }
  uint64_t bits = 0;
  std::map<DevT, uint64_t> first;
  for (BlockDevice* bdev : stands_on.OfGroup(vg)) {
    const std::string name = NameOfDevice(machine, *bdev);
    const proto::MappedDevice* const here =
        cured == nullptr ? nullptr : FindMapped(*cured, name);
    AddExtents(machine, here != nullptr ? *here : *stands_on.InWorld(name),
               &first, &bits);
  }
  return bits & (~bits + 1);
}

std::string GroupLostWith(const Session& machine, const StandsOn& stands_on,
                          BlockDevice* bdev) {
  std::string vg = stands_on.GroupOn(bdev);
  return IsOfGroup(stands_on, machine, *bdev, vg) ? "" : vg;
}

GroupPart PartOfGroup(const Session& machine, const StandsOn& stands_on,
                      const proto::World& cured, const std::string& vg,
                      const BdevSet& redo) {
  GroupPart part{.machine = &machine, .vg = vg, .extent = kExtent};
  Finder(machine, stands_on, cured, &part).Find(redo);
  return part;
}

}  // namespace dmdax
