// SPDX-License-Identifier: Apache-2.0
#include "tools/check/group_steps.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/dev_t.h"
#include "base/one_line.h"
#include "base/round_up.h"
#include "tools/check/cure_lines.h"
#include "tools/check/data_off.h"
#include "tools/check/fit_rows.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/shell_variable.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Where a physical volume's data begins, in sectors: in the session if that has
// it.
uint64_t DataStart(const Session& session, const GroupPart& part,
                   BlockDevice& bdev) {
  BlockDevice* const here = session.machine->FindBdev(bdev.dev());
  const uint64_t off =
      here != nullptr ? DataOff(session, *here) : DataOff(*part.machine, bdev);
  return kPmdSectors + (kPmdSectors - off) % kPmdSectors;
}

// As LVM2 takes it; an odd number of sectors is no whole KiB.
std::string LvmSectors(uint64_t sectors) {
  return sectors % 2 == 0 ? absl::StrCat(sectors / 2, "k")
                          : absl::StrCat(sectors, "s");
}

std::string ExtentWord(uint64_t sectors) {
  return sectors % 2048 == 0 ? absl::StrCat(sectors / 2048, "m")
                             : LvmSectors(sectors);
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
    absl::StrAppend(&pvcreate, pvcreate.empty() ? "" : " && ",
                    "pvcreate -y --dataalignment 2m ",
                    offset == 0 ? ""
                                : absl::StrCat("--dataalignmentoffset ",
                                               LvmSectors(offset), " "),
                    JoinWords(those));
  }
  const std::string all = JoinWords(paths);
  std::string spares;
  for (const std::string& lv : part.spares) {
    absl::StrAppend(&spares, "lvremove -y ",
                    ShellWord(absl::StrCat(part.vg, "/", lv)), " && ");
  }
  // Nothing has happened yet when it ends here.  Devices without volumes are
  // known to LVM2 alone.
  const std::string devices = absl::StrCat("pvs_", VariableOf(part.vg));
  const std::string look = absl::StrCat(
      part.whole ? absl::StrCat(devices, "=$(vgs --noheadings -o pv_name ", vg,
                                ") && ")
                 : "",
      VolumesLook(part.vg, part.names), " || ! echo ",
      ShellWord(absl::StrCat(part.vg,
                             ": it has other volumes than those known here, "
                             "or not all of its devices")),
      " >&2");
  std::vector<CureStep> steps = {
      {CureStage::kLook, part.vg, look},
      {CureStage::kRemoveGroup, part.vg,
       absl::StrCat(spares, part.whole
                                ? absl::StrCat("vgremove ", vg)
                                : absl::StrCat("vgreduce ", vg, " ", all))},
      {CureStage::kPhysicalVolume, part.vg, pvcreate},
      {CureStage::kGroup, part.vg,
       part.whole
           ? absl::StrCat("vgcreate", MakeWords(*part.machine, part.vg, ""),
                          " --physicalextentsize ", ExtentWord(part.extent),
                          " ", vg, " $", devices)
           : absl::StrCat("vgextend ", vg, " ", all)}};
  for (CureStep& step : GroupSettings(part)) steps.push_back(std::move(step));
  return steps;
}

}  // namespace dmdax
