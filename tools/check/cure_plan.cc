// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Whether what stands on the thing is lost with such a step.
bool MakesAnew(const CureStep& step) {
  return step.stage >= CureStage::kRemoveVolume &&
         step.stage <= CureStage::kVolume &&
         step.command.rfind("ndctl clear-errors", 0) != 0;
}

// Of what goes so much is told: each of many has this list.
constexpr size_t kMostGone = 32;

class Planner {
 public:
  explicit Planner(const CurePlanRequest& request)
      : r_(request), world_(request.cured) {}

  CurePlan Run() {
    for (const auto& cure : r_.cures) {
      for (const CureStep& step : cure->steps) Put(step);
    }
    FindWhatGoes();
    MakeVolumesAgain();
    if (!anew_.empty()) AddFileSystem();
    DropWhatGroupsRemove();
    CurePlan plan;
    for (const auto& [key, command] : steps_) plan.commands.push_back(command);
    for (const std::string& name : goes_) plan.goes.push_back(name);
    if (more_) plan.goes.push_back("and others");
    if (!anew_.empty()) plan.afresh = Afresh();
    return plan;
  }

 private:
  void Put(const CureStep& step) {
    steps_[{step.stage, step.about}] = step.command;
    if (MakesAnew(step)) anew_.insert({step.stage, step.about});
  }

  bool Has(CureStage stage, const std::string& about) const {
    return steps_.count({stage, about}) != 0;
  }

  // All that stands on what is made anew, and the mounts there; of very many
  // the first, the subject's own among them.
  void FindWhatGoes() {
    std::set<BlockDevice*> anew;
    for (const auto& [stage, about] : anew_) {
      if (BlockDevice* bdev = r_.stands_on.Find(about)) anew.insert(bdev);
      if (stage != CureStage::kRemoveGroup) continue;
      for (BlockDevice* bdev : r_.stands_on.OfGroup(about)) {
        if (anew.size() > kMostGone) break;
        anew.insert(bdev);
      }
    }
    if (anew.empty()) return;
    std::set<BlockDevice*> gone = r_.stands_on.AllAbove(anew, kMostGone);
    more_ = gone.size() > kMostGone;
    for (BlockDevice* bdev : OwnThatGo(anew)) gone.insert(bdev);
    for (BlockDevice* bdev : gone) {
      goes_.insert(NameOfDevice(r_.machine, *bdev));
      for (const std::string& at : r_.stands_on.MountsOf(bdev)) {
        goes_.insert(at);
      }
    }
  }

  // What the subject stands on, as far as it goes.
  std::set<BlockDevice*> OwnThatGo(const std::set<BlockDevice*>& anew) const {
    std::set<BlockDevice*> gone;
    if (r_.subject.bdev == nullptr) return gone;
    std::vector<BlockDevice*> own = AllBelow(r_.machine, MachineBdev());
    std::reverse(own.begin(), own.end());  // the lowest first
    for (BlockDevice* bdev : own) {
      bool goes = anew.count(bdev) != 0 || IsOfRemovedGroup(*bdev);
      for (BlockDevice* below : DevicesBelow(r_.machine, *bdev)) {
        goes |= gone.count(below) != 0;
      }
      if (goes) gone.insert(bdev);
    }
    return gone;
  }

  bool IsOfRemovedGroup(const BlockDevice& bdev) const {
    const proto::MappedDevice* device =
        FindMapped(world_, NameOfDevice(r_.machine, bdev));
    if (device == nullptr) return false;
    const auto lvm = LvmNameOf(*device);
    return lvm && Has(CureStage::kRemoveGroup, lvm->vg);
  }

  // The subject's volumes go with the partition or namespace below them.
  void MakeVolumesAgain() {
    if (anew_.empty() || r_.subject.bdev == nullptr) return;
    for (BlockDevice* at : AllBelow(r_.machine, MachineBdev())) {
      const std::string name = NameOfDevice(r_.machine, *at);
      const proto::MappedDevice* device = FindMapped(world_, name);
      if (device == nullptr || goes_.count(name) == 0 ||
          Has(CureStage::kVolume, name)) {
        continue;
      }
      for (const CureStep& step :
           VolumeSteps(r_.machine, *device, Remake::kGroup)) {
        Put(step);
      }
    }
    FindWhatGoes();
  }

  // A mounted subject's file system goes with its volume.
  void AddFileSystem() {
    const std::string& at = r_.subject.mount;
    if (at.empty() || goes_.count(at) == 0) return;
    const proto::Mount* mount = FindWorldMount(world_, at);
    if (mount == nullptr || r_.subject.bdev == nullptr) return;
    const std::string path = DevicePath(r_.machine, *r_.subject.bdev);
    if (!Has(CureStage::kUnmount, at)) {
      Put({CureStage::kUnmount, at, absl::StrCat("umount ", ShellWord(at))});
    }
    if (!Has(CureStage::kMkfs, at)) {
      Put({CureStage::kMkfs, at, AlignedMkfsLine(WorldFsType(*mount), path)});
    }
    Put({CureStage::kMount, at, WorldMountLine(*mount, path)});
  }

  // vgremove takes the volumes of the group.
  void DropWhatGroupsRemove() {
    for (auto it = steps_.begin(); it != steps_.end();) {
      bool dropped = false;
      if (it->first.first == CureStage::kRemoveVolume) {
        const proto::MappedDevice* d = FindMapped(world_, it->first.second);
        const auto lvm = d == nullptr ? std::nullopt : LvmNameOf(*d);
        dropped = lvm && Has(CureStage::kRemoveGroup, lvm->vg);
      }
      it = dropped ? steps_.erase(it) : std::next(it);
    }
  }

  std::string Afresh() const {
    if (r_.subject.bdev == nullptr) return "";
    std::string line = "dmdax advise";
    for (BlockDevice* at : AllBelow(r_.machine, MachineBdev())) {
      const bool leaf = DevicesBelow(r_.machine, *at).empty();
      const bool disk = r_.machine.machine->FindPmem(at->name()) != nullptr;
      // A partition stands for its disk.
      if (at->is_partition() || (leaf && disk && !HasPartition(*at))) {
        absl::StrAppend(&line, " ", at->name());
      } else if (leaf && !disk) {
        return "";
      }
    }
    const proto::MappedDevice* volume =
        FindMapped(world_, NameOfDevice(r_.machine, *MachineBdev()));
    if (volume == nullptr) return "";
    int stripes = 1;
    for (const proto::Target& row : volume->table().target()) {
      stripes = std::max(stripes, row.striped().stripe_size());
    }
    if (stripes > 1) absl::StrAppend(&line, " --stripes ", stripes);
    const proto::Mount* mount = FindWorldMount(world_, r_.subject.mount);
    const std::string fs = mount == nullptr ? "none" : WorldFsType(*mount);
    if (fs == "ext2") return "";
    absl::StrAppend(&line, " --fs ", fs);
    if (const auto lvm = LvmNameOf(*volume)) {
      absl::StrAppend(&line, " --name ",
                      ShellWord(absl::StrCat(lvm->vg, "/", lvm->lv)));
    }
    return line;
  }

  bool HasPartition(const BlockDevice& disk) const {
    for (BlockDevice* at : AllBelow(r_.machine, MachineBdev())) {
      if (at->is_partition() && &at->whole() == &disk) return true;
    }
    return false;
  }

  // The subject's device on the whole machine.
  BlockDevice* MachineBdev() const {
    BlockDevice* found = r_.machine.machine->FindBdev(r_.subject.bdev->dev());
    return found != nullptr ? found : r_.subject.bdev;
  }

  const CurePlanRequest& r_;
  const proto::World& world_;
  std::map<std::pair<CureStage, std::string>, std::string> steps_;
  std::set<std::pair<CureStage, std::string>> anew_;
  std::set<std::string> goes_;
  bool more_ = false;  // others go too
};

}  // namespace

StandsOn::StandsOn(const proto::World& world, const Session& session) {
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    by_name_[NameOfDevice(session, *bdev)] = bdev;
    for (BlockDevice* below : DevicesBelow(session, *bdev)) {
      above_[below].push_back(bdev);
    }
  }
  for (const auto& [at, mount] : session.user->mounts()) {
    mounts_[&mount->bdev()].push_back(at);
  }
  for (const proto::MappedDevice& device : world.mapped_device()) {
    const auto lvm = LvmNameOf(device);
    BlockDevice* bdev = Find(device.name());
    if (lvm && bdev != nullptr) groups_[lvm->vg].push_back(bdev);
  }
}

absl::Span<const std::string> StandsOn::MountsOf(BlockDevice* bdev) const {
  const auto at = mounts_.find(bdev);
  if (at == mounts_.end()) return {};
  return at->second;
}

BlockDevice* StandsOn::Find(const std::string& name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

absl::Span<BlockDevice* const> StandsOn::OfGroup(const std::string& vg) const {
  const auto at = groups_.find(vg);
  if (at == groups_.end()) return {};
  return at->second;
}

std::set<BlockDevice*> StandsOn::AllAbove(const std::set<BlockDevice*>& devices,
                                          size_t most) const {
  std::set<BlockDevice*> all = devices;
  std::vector<BlockDevice*> left(devices.begin(), devices.end());
  while (!left.empty() && all.size() <= most) {
    const auto above = above_.find(left.back());
    left.pop_back();
    if (above == above_.end()) continue;
    for (BlockDevice* bdev : above->second) {
      if (all.size() > most) break;
      if (all.insert(bdev).second) left.push_back(bdev);
    }
  }
  return all;
}

CurePlan PlanCures(const CurePlanRequest& request) {
  return Planner(request).Run();
}

}  // namespace dmdax
