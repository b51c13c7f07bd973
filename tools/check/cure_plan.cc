// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/afresh_line.h"
#include "tools/check/bdev_set.h"
#include "tools/check/blank_name.h"
#include "tools/check/by_hand.h"
#include "tools/check/closed_look.h"
#include "tools/check/cure_lines.h"
#include "tools/check/cure_steps.h"
#include "tools/check/cured_size.h"
#include "tools/check/dax_depth.h"
#include "tools/check/device_use.h"
#include "tools/check/fit_rows.h"
#include "tools/check/fresh_files.h"
#include "tools/check/fs_anew.h"
#include "tools/check/fs_steps.h"
#include "tools/check/group_steps.h"
#include "tools/check/in_progress.h"
#include "tools/check/kpartx_map.h"
#include "tools/check/list_refusal.h"
#include "tools/check/look_remark.h"
#include "tools/check/lvm_group.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/made_again.h"
#include "tools/check/mount_in_part.h"
#include "tools/check/mounts_around.h"
#include "tools/check/no_more.h"
#include "tools/check/plan_remark.h"
#include "tools/check/swap_steps.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_mount.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// Of what goes so much is told: each of many has this list.
constexpr size_t kMostGone = kMostVolumes;

class Planner {
 public:
  explicit Planner(const CurePlanRequest& request)
      : r_(request),
        world_(request.cured),
        by_hand_(request.machine, request.stands_on) {}

  CurePlan Run() {
    for (const auto& cure : r_.cures) {
      for (const CureStep& step : cure->steps) Put(step);
      if (!cure->before.empty()) before_.insert(cure->before);
      if (!cure->placed.empty()) placed_.insert(cure->placed);
      goes_.insert(cure->goes.begin(), cure->goes.end());
      for (const std::string& name : cure->physical_volumes) {
        BlockDevice* const bdev = r_.stands_on.Find(name);
        if (bdev == nullptr) continue;
        RedoDevice(bdev);
        laid_out_.insert(r_.stands_on.GroupOn(bdev));
      }
    }
    FindWhatGoes();
    RemoveWhatGoes();
    // What goes with a group may have others on it, and their groups.
    for (size_t before = 0; before != CountOfGone();) {
      before = CountOfGone();
      MakeGroupsAgain();
      RemoveWhatGoes();
    }
    SettleNeighbours();
    MakeVolumesAgain();
    MakePartitionsAgain(r_.stands_on, world_, &steps_);
    AddFileSystems();
    TellQueuesAgain(world_, &steps_);
    steps_.DropNeedless();
    goes_.merge(UnmountThoseAround(r_.machine, r_.stands_on, gone_, &by_hand_,
                                   &steps_));
    Refuse(MountInPart(r_.machine, r_.stands_on, gone_, steps_));
    Refuse(HiddenMount(r_.machine, r_.stands_on, gone_, steps_));
    Refuse(TypeInRescue(world_, r_.stands_on, r_.machine, &steps_));
    MakeMountPoints(r_.stands_on, &steps_);
    by_hand_.DropFrom(&steps_);
    AddSwapSteps(r_.machine, r_.stands_on.uses(), gone_, by_hand_, &steps_);
    return Told();
  }

 private:
  CuredMachine With() const { return {r_.machine, r_.after, world_}; }

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
    BdevSet anew;
    for (const auto& [stage, about] : anew_) {
      // The name of a group is no device's.
      const bool of_group = stage == CureStage::kRemoveGroup ||
                            stage == CureStage::kPhysicalVolume ||
                            stage == CureStage::kGroup;
      BlockDevice* const bdev = of_group ? nullptr : r_.stands_on.Find(about);
      if (bdev != nullptr) anew.insert(bdev);
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
    BdevSet gone = r_.stands_on.AllAbove(anew, kMostGone);
    more_ = gone.size() > kMostGone;
    for (BlockDevice* bdev : OwnThatGo(anew)) gone.insert(bdev);
    std::erase_if(gone, [&](BlockDevice* bdev) {
      return IsNoMore(r_.machine, r_.stands_on, world_, *bdev);
    });
    gone_.insert(gone.begin(), gone.end());
    for (BlockDevice* bdev : gone) {
      goes_.insert(NameOfDevice(r_.machine, *bdev));
      for (const std::string& at : r_.stands_on.MountsOf(bdev)) {
        goes_.insert(at);
      }
    }
  }

  // What the subject stands on, as far as it goes.
  BdevSet OwnThatGo(const BdevSet& anew) const {
    BdevSet gone;
    for (const Subject* subject : Subjects()) {
      std::vector<BlockDevice*> own =
          AllBelow(r_.machine, MachineBdev(*subject));
      std::reverse(own.begin(), own.end());  // the lowest first
      for (BlockDevice* bdev : own) {
        bool goes = anew.contains(bdev);
        for (BlockDevice* below : DevicesBelow(r_.machine, *bdev)) {
          goes |= gone.contains(below);
        }
        if (goes) gone.insert(bdev);
      }
    }
    return gone;
  }

  // As it is with the cures, or else as it is now, cut to what is below.
  proto::MappedDevice AsItWillBe(const proto::MappedDevice& device) const {
    if (const auto at = moved_.find(device.name()); at != moved_.end()) {
      return at->second;
    }
    if (const proto::MappedDevice* cured = FindMapped(world_, device.name())) {
      return *cured;
    }
    proto::MappedDevice now = device;
    FitRowsOf(r_.machine, world_, &now);
    return now;
  }

  // The group's volumes on a physical volume are made anew with it.
  void RedoDevice(BlockDevice* bdev) {
    std::string vg = GroupLostWith(r_.machine, r_.stands_on, bdev);
    if (!vg.empty()) redo_[std::move(vg)].insert(bdev);
  }

  size_t CountOfGone() const {
    size_t count = gone_.size();
    for (const auto& [vg, devices] : redo_) count += devices.size();
    return count;
  }

  // What is mounted or stands on a thing keeps it from going; of a volume whose
  // physical volume goes the group is lost.
  void RemoveWhatGoes() {
    for (BlockDevice* bdev : gone_) {
      for (const std::string& at : r_.stands_on.MountsOf(bdev)) Unmount(at);
      RedoDevice(bdev);
      const proto::MappedDevice* const device =
          r_.stands_on.InWorld(NameOfDevice(r_.machine, *bdev));
      if (device == nullptr) continue;
      if (const auto lvm = LvmNameOf(*device)) {
        Refuse(LockedGroup(r_.machine, lvm->vg));
        Refuse(MoveInProgress(r_.stands_on, lvm->vg));
        for (BlockDevice* below : DevicesBelow(r_.machine, *bdev)) {
          if (gone_.contains(below)) RedoDevice(below);
        }
      }
      Refuse(PartOfLvm(r_.machine, AsItWillBe(*device)));
      if (Has(CureStage::kRemoveVolume, device->name())) continue;
      for (const CureStep& step : VolumeSteps(r_.machine, *device)) {
        if (step.stage == CureStage::kRemoveVolume) Put(step);
      }
    }
    FindWhatGoes();
  }

  // What stands on what goes may have made up for where that lay.
  void SettleNeighbours() {
    Fate fate = r_.neighbours.OfList(gone_, redo_, world_, Subjects());
    if (!fate.moved.empty()) remarks_.push_back(MovedText(fate));
    for (proto::MappedDevice& device : fate.moved) {
      moved_[device.name()] = std::move(device);
    }
    if (!fate.losses.empty()) remarks_.push_back(std::move(fate.losses));
  }

  // All that goes is made again, in its last form; of what no list makes it is
  // told.
  void MakeVolumesAgain() {
    DropChunkLooks(r_.machine, &steps_);
    for (BlockDevice* bdev : gone_) {
      const std::string name = NameOfDevice(r_.machine, *bdev);
      const proto::MappedDevice* const now = r_.stands_on.InWorld(name);
      if (now == nullptr) continue;
      AddSettings(*bdev, *now);
      if (KeepsItsPlace(*now)) continue;
      // A later cure may have cut what an earlier one had made.
      proto::MappedDevice device = AsItWillBe(*now);
      if (!HasTypedRows(&device) || device.table().target_size() == 0 ||
          LosesItsTable(r_.machine, *bdev, device, gone_)) {
        by_hand_.AddDevice(bdev);
        continue;
      }
      for (const CureStep& step : VolumeSteps(r_.machine, device)) {
        if (step.stage != CureStage::kRemoveVolume) Put(step);
      }
    }
    by_hand_.AddWhatStandsOn(gone_, redo_);
  }

  void AddSettings(BlockDevice& bdev, const proto::MappedDevice& device) {
    const auto lvm = LvmNameOf(device);
    if (!lvm) return;
    const std::vector<BlockDevice*> below = DevicesBelow(r_.machine, bdev);
    const auto redo = redo_.find(lvm->vg);
    Refuse(NotAllocatable(r_.machine, lvm->vg, {below.begin(), below.end()},
                          redo == redo_.end() ? BdevSet() : redo->second));
    Refuse(MinorMayBeTaken(r_.machine, *lvm, gone_));
    for (const CureStep& step :
         VolumeSettings(r_.machine, *lvm, device.name())) {
      Put(step);
    }
    // Of a group that is made anew GroupChanges() tells more.
    changes_.try_emplace(lvm->vg, UnsaidSettings(r_.machine, lvm->vg));
  }

  // Whether its step says in which extents it lies, and the group stays.
  bool KeepsItsPlace(const proto::MappedDevice& device) const {
    const auto lvm = LvmNameOf(device);
    return placed_.contains(device.name()) && lvm && !redo_.contains(lvm->vg);
  }

  void Refuse(std::string why) {
    if (refused_.empty()) refused_ = std::move(why);
  }

  // With all that is known of its devices and volumes.
  void MakeGroupsAgain() {
    for (const auto& [vg, devices] : redo_) {
      const GroupPart part =
          PartOfGroup(r_.machine, r_.stands_on, world_, vg, devices);
      if (!part.refused.empty()) refused_ = part.refused;
      if (!part.held.empty()) refused_ = part.held;
      for (const std::string& name : part.volumes) {
        if (BlockDevice* bdev = r_.stands_on.Find(name)) {
          anew_.insert({CureStage::kVolume, name});
          gone_.insert(bdev);
        }
      }
      // In the last session the devices lie where they will.
      for (const CureStep& step : GroupSteps(r_.after, part)) Put(step);
      if (part.whole) whole_.insert(vg);
      changes_[vg] = GroupChanges(part);
      if (!laid_out_.contains(vg)) {
        Refuse(GroupDoesNotFit(With(), r_.stands_on, part));
      }
      for (const std::string& lv : part.spares)
        before_.insert(SpareRemark(vg, lv));
    }
    FindWhatGoes();
  }

  // A file system goes with its volume.
  void AddFileSystems() {
    MakeFileSystemsAgain(With(), r_.stands_on, gone_, &by_hand_, &steps_);
    Refuse(SmallXfs(With(), r_.stands_on, steps_));
    FreshFilesLeft files =
        AllocateFreshFiles(With(), r_.stands_on, Subjects(), &steps_);
    files_left_ = std::move(files.remark);
    Refuse(std::move(files.refused));
  }

  void Unmount(const std::string& at) {
    if (!Has(CureStage::kUnmount, at)) Put(UnmountStep(at));
  }

  CurePlan Told() {
    CurePlan plan;
    UsesThatGo uses = UsesOf(r_.machine, r_.stands_on.uses(), gone_);
    Refuse(std::move(uses.refused));
    Refuse(UnmodelledOn(r_.machine, gone_));
    for (const Subject* subject : Subjects()) {
      if (steps_.all().empty()) break;
      Refuse(NamelessBelow(r_.machine, MachineBdev(*subject)));
    }
    Refuse(BlankBelow(r_.machine, r_.stands_on, gone_, steps_));
    if (!refused_.empty()) {
      plan.remark = refused_;
      return plan;
    }
    // The extents of a group that is made anew are large enough.
    for (const std::string& vg : whole_) {
      steps_.Drop(CureStage::kLook, ChunkLook(vg));
    }
    // What is made anew need not be converted before.
    for (BlockDevice* bdev : gone_) {
      steps_.Drop(CureStage::kConvert, NameOfDevice(r_.machine, *bdev));
    }
    AddClosedLook(r_.machine, r_.stands_on, &steps_);
    plan.commands = steps_.InOrder(r_.stands_on);
    plan.goes.assign(goes_.begin(), goes_.end());
    if (more_) plan.goes.push_back("and others");
    for (const auto& [key, step] : steps_.all()) {
      if (key.first == CureStage::kConvert) plan.keeps.push_back(key.second);
    }
    if (BlockDevice* const on = MachineBdev(r_.subject)) {
      plan.on = NameOfDevice(r_.machine, *on);
    }
    if (!anew_.empty() && redo_.empty() && placed_.empty() && r_.with.empty()) {
      plan.afresh =
          AfreshLine(r_.machine, MachineBdev(r_.subject), world_, r_.subject);
    }
    std::vector<std::string> said(before_.begin(), before_.end());
    for (const auto& [vg, text] : changes_) said.push_back(text);
    said.insert(said.end(), remarks_.begin(), remarks_.end());
    for (std::string& remark : uses.remarks) said.push_back(std::move(remark));
    plan.remark = PlanRemark({.with = With(),
                              .stands_on = r_.stands_on,
                              .gone = gone_,
                              .steps = steps_,
                              .by_hand = by_hand_,
                              .something_goes = !plan.goes.empty(),
                              .files_left = files_left_},
                             std::move(said));
    return plan;
  }

  std::vector<const Subject*> Subjects() const {
    std::vector<const Subject*> all = {&r_.subject};
    all.insert(all.end(), r_.with.begin(), r_.with.end());
    return all;
  }

  // The subject's device on the whole machine; null: it is a device-dax.
  BlockDevice* MachineBdev(const Subject& subject) const {
    if (subject.bdev == nullptr) return nullptr;
    BlockDevice* found = r_.machine.machine->FindBdev(subject.bdev->dev());
    return found != nullptr ? found : subject.bdev;
  }

  const CurePlanRequest& r_;
  const proto::World& world_;
  CureSteps steps_;
  std::set<std::pair<CureStage, std::string>> anew_;
  RedoneGroups redo_;  // by group: the physical volumes that are made anew
  // Others that stand there, by their names, as they keep their large pages.
  std::map<std::string, proto::MappedDevice> moved_;
  std::set<std::string> whole_;  // groups of which nothing is left
  std::map<std::string, std::string> changes_;  // of groups
  std::string refused_;                         // why nobody can type it, or ""
  std::set<std::string> placed_;  // volumes with extents of their own choice
  std::set<std::string> before_;  // what is done besides, by hand
  std::vector<std::string> remarks_;
  std::string files_left_;          // which have no lines, or ""
  ByHand by_hand_;                  // what goes and does not come back
  std::set<std::string> laid_out_;  // groups whose cures found room
  BdevSet gone_;
  std::set<std::string> goes_;  // their names, and their mounts
  bool more_ = false;           // others go too
};

}  // namespace

CurePlan PlanCures(const CurePlanRequest& request) {
  return Planner(request).Run();
}

}  // namespace dmdax
