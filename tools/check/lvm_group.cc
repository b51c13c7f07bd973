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
#include "tools/check/cure_lines.h"
#include "tools/check/data_off.h"
#include "tools/check/dax_depth.h"
#include "tools/check/hidden_volume.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// LVM2's own default, and the least that is whole pages.
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

  void Find(const std::set<BlockDevice*>& redo) {
    const auto volumes = stands_on_.OfGroup(part_.vg);
    if (volumes.size() > kMostVolumes) {
      part_.devices.assign(redo.begin(), redo.end());
      part_.refused = absl::StrCat("no list makes the ", volumes.size(),
                                   " volumes of group ", OneLine(part_.vg),
                                   " again: pvcreate --dataalignment 2m, and "
                                   "the volumes by hand");
      return;
    }
    std::vector<BlockDevice*> all;
    std::vector<std::vector<BlockDevice*>> legs_of;
    for (BlockDevice* volume : volumes) {
      legs_of.push_back(DevicesOf(*volume));
      for (BlockDevice* leg : legs_of.back()) AddOnce(leg, &all);
      part_.nr_volumes += HiddenVolumeOf(NameOf(*volume)).empty() ? 1 : 0;
      AddSizes(InWorld(NameOf(*volume)));
    }
    const uint64_t factor = sizes_ & (~sizes_ + 1);
    // In extents of less than a chunk lvcreate makes smaller ones.
    part_.whole =
        factor < kExtent ||
        MostExtent(machine_, stands_on_, nullptr, part_.vg) < chunk_ ||
        std::all_of(all.begin(), all.end(),
                    [&](BlockDevice* leg) { return redo.contains(leg); });
    part_.extent =
        part_.whole ? std::max(kExtent, chunk_) : std::min(factor, kMostExtent);
    for (BlockDevice* leg : all) {
      if (part_.whole || redo.contains(leg)) part_.devices.push_back(leg);
    }
    for (size_t i = 0; i < volumes.size(); ++i) {
      if (std::any_of(legs_of[i].begin(), legs_of[i].end(),
                      [&](BlockDevice* leg) {
                        return part_.whole || redo.contains(leg);
                      })) {
        part_.volumes.push_back(NameOf(*volumes[i]));
      }
    }
    Refuse();
    FindHolders();
  }

 private:
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
    part_.refused = absl::StrCat(
        "no list makes ", absl::StrJoin(names, ", "),
        " again, not linear or striped alone, which must go with ",
        absl::StrJoin(part_.devices, ", ",
                      [&](std::string* out, BlockDevice* leg) {
                        absl::StrAppend(out, OneLine(NameOf(*leg)));
                      }),
        ": pvcreate --dataalignment 2m, and the volumes by hand");
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

// Where a physical volume's data begins, in sectors: in the session if that has
// it.
uint64_t DataStart(const Session& session, const GroupPart& part,
                   BlockDevice& bdev) {
  BlockDevice* const here = session.machine->FindBdev(bdev.dev());
  const uint64_t off =
      here != nullptr ? DataOff(session, *here) : DataOff(*part.machine, bdev);
  return kPmdSectors + (kPmdSectors - off) % kPmdSectors;
}

// Whether rows are of one shape, on the same devices.
bool AreOne(const proto::Target& a, const proto::Target& b) {
  if (a.has_linear() && b.has_linear()) {
    return a.linear().device() == b.linear().device();
  }
  if (!a.has_striped() || !b.has_striped() ||
      a.striped().chunk() != b.striped().chunk() ||
      a.striped().stripe_size() != b.striped().stripe_size()) {
    return false;
  }
  for (int i = 0; i < a.striped().stripe_size(); ++i) {
    if (a.striped().stripe(i).device() != b.striped().stripe(i).device()) {
      return false;
    }
  }
  return true;
}

// Places volumes on the devices of a part, one behind the other.
class Layer {
 public:
  Layer(const Session& session, const GroupPart& part,
        const proto::World& world)
      : session_(session), part_(part), sizes_(SizesOf(session, world)) {
    for (BlockDevice* bdev : part.devices) {
      next_[bdev->dev()] = DataStart(session, part, *bdev);
      sizes_.try_emplace(bdev->dev(), bdev->nr_sectors());
    }
  }

  // False: it has to be cut for it.
  bool Place(proto::MappedDevice* device) {
    JoinRows(device, AreOne);
    SettleRows(device);
    bool fits = true;
    for (proto::Target& row : *EditRows(device)) {
      uint64_t legs = 1;
      ForEachLeg(row, [&](proto::Linear&, int nr) {
        legs = static_cast<uint64_t>(nr);
      });
      uint64_t each = RoundUp(row.length() / legs, part_.extent);
      ForEachLeg(row, [&](proto::Linear& leg, int) {
        const auto dev = DevOfWord(session_, leg.device());
        const auto next = dev ? next_.find(*dev) : next_.end();
        if (next == next_.end()) return;  // it stays where it is
        const uint64_t size = sizes_[*dev];
        const uint64_t room = size > next->second ? size - next->second : 0;
        each = std::min(each, RoundDown(room, part_.extent));
      });
      fits &= each * legs >= row.length();
      row.set_length(each * legs);
      ForEachLeg(row, [&](proto::Linear& leg, int) {
        const auto dev = DevOfWord(session_, leg.device());
        const auto next = dev ? next_.find(*dev) : next_.end();
        if (next == next_.end()) return;
        leg.set_start(next->second);
        next->second += each;
      });
    }
    SettleRows(device);
    return fits;
  }

 private:
  const Session& session_;
  const GroupPart& part_;
  std::map<DevT, uint64_t> sizes_, next_;
};

}  // namespace

uint64_t MostExtent(const Session& machine, const StandsOn& stands_on,
                    const proto::World* cured, const std::string& vg) {
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

GroupPart PartOfGroup(const Session& machine, const StandsOn& stands_on,
                      const proto::World& cured, const std::string& vg,
                      const std::set<BlockDevice*>& redo) {
  GroupPart part{.machine = &machine, .vg = vg, .extent = kExtent};
  Finder(machine, stands_on, cured, &part).Find(redo);
  return part;
}

bool LayOutGroup(const Session& session, const StandsOn& stands_on,
                 const GroupPart& part, const std::string& last,
                 proto::World& world) {
  Layer layer(session, part, world);
  proto::MappedDevice* const cut = FindMapped(world, last);
  for (const std::string& name : part.volumes) {
    if (name == last) continue;
    proto::MappedDevice* const device = FindMapped(world, name);
    if (device != nullptr) {
      if (!layer.Place(device)) return false;
    } else if (const proto::MappedDevice* other = stands_on.InWorld(name)) {
      proto::MappedDevice copy = *other;
      if (!layer.Place(&copy)) return false;
    }
  }
  if (cut == nullptr) return true;
  layer.Place(cut);
  return cut->table().target_size() != 0;
}

std::vector<CureStep> GroupSteps(const Session& session,
                                 const GroupPart& part) {
  const std::string vg = ShellWord(part.vg);
  std::vector<std::string> paths;
  std::map<uint64_t, std::vector<std::string>> by_offset;
  for (BlockDevice* bdev : part.devices) {
    paths.push_back(DevicePath(*part.machine, *bdev));
    by_offset[DataStart(session, part, *bdev) - kPmdSectors].push_back(
        paths.back());
  }
  std::string pvcreate;
  for (const auto& [offset, those] : by_offset) {
    absl::StrAppend(
        &pvcreate, pvcreate.empty() ? "" : " && ",
        "pvcreate -y --dataalignment 2m ",
        offset == 0 ? ""
                    : absl::StrCat("--dataalignmentoffset ", offset / 2, "k "),
        JoinWords(those));
  }
  const std::string all = JoinWords(paths);
  // Nothing has happened yet when it ends here.  Devices without volumes are
  // known to LVM2 alone.
  const std::string devices = absl::StrCat("pvs_", VariableOf(part.vg));
  const std::string look = absl::StrCat(
      part.whole ? absl::StrCat(devices, "=$(vgs --noheadings -o pv_name ", vg,
                                ") && ")
                 : "",
      "test \"$(vgs --noheadings -o lv_count ", vg,
      " | tr -d ' ')\" = ", part.nr_volumes, " || ! echo ",
      ShellWord(absl::StrCat(part.vg,
                             ": it has other volumes than those known here")),
      " >&2");
  return {
      {CureStage::kLook, part.vg, look},
      {CureStage::kRemoveGroup, part.vg,
       part.whole ? absl::StrCat("vgremove ", vg)
                  : absl::StrCat("vgreduce ", vg, " ", all)},
      {CureStage::kPhysicalVolume, part.vg, pvcreate},
      {CureStage::kGroup, part.vg,
       part.whole ? absl::StrCat("vgcreate --physicalextentsize ",
                                 part.extent / 2048, "m ", vg, " $", devices)
                  : absl::StrCat("vgextend ", vg, " ", all)}};
}

}  // namespace dmdax
