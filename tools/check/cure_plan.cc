// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_plan.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/cure_lines.h"
#include "tools/check/cure_steps.h"
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
    RemoveWhatGoes();
    MakeGroupsAgain();
    MakePartitionsAgain();
    if (!anew_.empty()) AddFileSystem();
    AddQueues();
    UnmountWhatIsBelow();
    CurePlan plan;
    plan.commands =
        steps_.InOrder(r_.stands_on, Has(CureStage::kMkfs, r_.subject.mount)
                                         ? FilesOfMount::kGo
                                         : FilesOfMount::kStay);
    for (const std::string& name : goes_) plan.goes.push_back(name);
    if (more_) plan.goes.push_back("and others");
    if (!anew_.empty()) plan.afresh = Afresh();
    // What it says while the system runs from there.
    if (NeedsMoreForXfs()) {
      plan.commands.clear();
      plan.goes.clear();
      plan.remark =
          "mkfs.xfs makes no file system under 300 MiB: the volume "
          "must be larger, or its file system ext4";
    } else if (Has(CureStage::kUnmount, "/")) {
      plan.remark =
          "/ is in use as long as the system runs from it: type this "
          "in a rescue system";
    }
    return plan;
  }

 private:
  void Put(const CureStep& step) {
    steps_.Put(step);
    if (MakesAnew(step)) anew_.insert({step.stage, step.about});
  }

  bool Has(CureStage stage, const std::string& about) const {
    return steps_.Has(stage, about);
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
    for (const auto& [key, step] : steps_.all()) {
      const auto& [stage, about] = key;
      // A file system, and a device-dax, which is no block device.
      if (stage == CureStage::kMkfs ||
          (MakesAnew(step) && stage == CureStage::kNamespace)) {
        goes_.insert(about);
      }
    }
    if (anew.empty()) return;
    std::set<BlockDevice*> gone = r_.stands_on.AllAbove(anew, kMostGone);
    more_ = gone.size() > kMostGone;
    for (BlockDevice* bdev : OwnThatGo(anew)) gone.insert(bdev);
    gone_.insert(gone.begin(), gone.end());
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

  // With all the devices that its volumes stand on, and all its volumes; of
  // those that LVM2 does not make of rows alone it is told that they go.
  void MakeGroupsAgain() {
    std::set<std::string> groups;
    for (const auto& [key, step] : steps_.all()) {
      if (key.first == CureStage::kRemoveGroup) groups.insert(key.second);
    }
    for (const std::string& vg : groups) {
      const auto volumes = r_.stands_on.OfGroup(vg);
      if (volumes.size() > kMostGone) continue;
      std::vector<std::string> paths;
      std::vector<CureStep> made;
      for (BlockDevice* bdev : volumes) {
        const std::string name = NameOfDevice(r_.machine, *bdev);
        const proto::MappedDevice& device = *r_.stands_on.InWorld(name);
        const std::vector<CureStep> steps =
            VolumeSteps(r_.machine, device, Remake::kGroup);
        if (steps.size() < 3) continue;  // LVM2 makes no such rows
        Put(steps.front());
        for (std::string& path : LegPaths(r_.machine, device)) {
          if (std::find(paths.begin(), paths.end(), path) == paths.end()) {
            paths.push_back(std::move(path));
          }
        }
        if (!Has(CureStage::kVolume, name)) made.push_back(steps.back());
      }
      if (paths.empty()) continue;
      for (const CureStep& step : GroupSteps(vg, paths)) Put(step);
      for (const CureStep& step : made) Put(step);
    }
  }

  // A mounted subject's file system goes with its volume.
  void AddFileSystem() {
    const std::string& at = r_.subject.mount;
    if (at.empty() || goes_.count(at) == 0) return;
    const proto::Mount* mount = FindWorldMount(world_, at);
    if (mount == nullptr || r_.subject.bdev == nullptr) return;
    const std::string path = DevicePath(r_.machine, *r_.subject.bdev);
    Unmount(at);
    if (!Has(CureStage::kMkfs, at)) {
      Put({CureStage::kMkfs, at, AlignedMkfsLine(WorldFsType(*mount), path)});
    }
    Put({CureStage::kMount, at, WorldMountLine(*mount, path)});
  }

  // What is mounted or stands on a thing keeps it from going; of a volume whose
  // physical volume goes the group is lost.
  void RemoveWhatGoes() {
    for (BlockDevice* bdev : gone_) {
      for (const std::string& at : r_.stands_on.MountsOf(bdev)) Unmount(at);
      const std::string name = NameOfDevice(r_.machine, *bdev);
      const proto::MappedDevice* const device = r_.stands_on.InWorld(name);
      if (device == nullptr) continue;
      bool loses_leg = false;
      for (BlockDevice* below : DevicesBelow(r_.machine, *bdev)) {
        loses_leg |= gone_.count(below) != 0;
      }
      for (const CureStep& step :
           VolumeSteps(r_.machine, *device,
                       loses_leg ? Remake::kGroup : Remake::kVolume)) {
        if (step.stage != CureStage::kVolume && !Has(step.stage, step.about)) {
          Put(step);
        }
      }
    }
    FindWhatGoes();
  }

  void Unmount(const std::string& at) {
    if (!Has(CureStage::kUnmount, at)) Put(UnmountStep(at));
  }

  // A mount keeps the one that it is in; it comes back if it does not go.
  void UnmountWhatIsBelow() {
    std::vector<std::string> paths;
    for (const auto& [key, step] : steps_.all()) {
      if (key.first == CureStage::kUnmount) paths.push_back(key.second);
    }
    for (const std::string& path : paths) {
      for (const proto::Mount* mount : r_.stands_on.MountsBelow(path)) {
        const std::string at = MountPath(mount->path());
        if (Has(CureStage::kUnmount, at)) continue;
        Unmount(at);
        const absl::StatusOr<BlockDevice*> bdev =
            FindDevice(r_.machine, mount->device());
        if (!bdev.ok() || gone_.count(*bdev) != 0) continue;
        Put({CureStage::kMount, at,
             WorldMountLine(*mount, DevicePath(r_.machine, **bdev))});
      }
    }
  }

  // A namespace that is made anew is empty.
  void MakePartitionsAgain() {
    std::set<std::string> disks;
    for (const auto& [key, step] : steps_.all()) {
      if (key.first == CureStage::kNamespace && MakesAnew(step)) {
        disks.insert(key.second);
      }
    }
    for (const std::string& disk : disks) {
      std::vector<std::string> lines;
      for (const proto::Block& part : world_.block()) {
        if (part.partition_of() != disk) continue;
        lines.push_back(PartitionEntry(part));
        steps_.Drop(CureStage::kPartition, part.name());
      }
      if (lines.empty()) continue;
      Put({CureStage::kPartition, disk, MakePartitionsLine(disk, lines)});
    }
  }

  // What a volume's queue was told is forgotten with it.
  void AddQueues() {
    std::vector<CureStep> added;
    for (const auto& [key, step] : steps_.all()) {
      if (key.first != CureStage::kVolume) continue;
      const proto::MappedDevice* const device = FindMapped(world_, key.second);
      if (device == nullptr || device->max_sectors_kb() == 0) continue;
      for (CureStep& line :
           MaxSectorsSteps(device->name(), device->max_sectors_kb())) {
        added.push_back(std::move(line));
      }
    }
    for (const CureStep& step : added) Put(step);
  }

  std::string Afresh() const {
    if (r_.subject.bdev == nullptr) return "";
    int devices = 0;
    std::string line = "dmdax advise";
    for (BlockDevice* at : AllBelow(r_.machine, MachineBdev())) {
      const bool leaf = DevicesBelow(r_.machine, *at).empty();
      const bool disk = r_.machine.machine->FindPmem(at->name()) != nullptr;
      // A partition stands for its disk.
      if (at->is_partition() || (leaf && disk && !HasPartition(*at))) {
        absl::StrAppend(&line, " ", ShellWord(at->name()));
        ++devices;
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
    stripes = std::min(stripes, devices);
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

  bool NeedsMoreForXfs() const {
    const proto::Mount* const mount = FindWorldMount(world_, r_.subject.mount);
    constexpr uint64_t kLeast = uint64_t{300} << 20;
    return mount != nullptr && r_.subject.bdev != nullptr &&
           WorldFsType(*mount) == "xfs" &&
           Has(CureStage::kMkfs, r_.subject.mount) &&
           r_.subject.bdev->nr_sectors() * 512 < kLeast;
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
  CureSteps steps_;
  std::set<std::pair<CureStage, std::string>> anew_;
  std::set<BlockDevice*> gone_;
  std::set<std::string> goes_;  // their names, and their mounts
  bool more_ = false;           // others go too
};

}  // namespace

CurePlan PlanCures(const CurePlanRequest& request) {
  return Planner(request).Run();
}

}  // namespace dmdax
