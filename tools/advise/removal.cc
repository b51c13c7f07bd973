// SPDX-License-Identifier: Apache-2.0
#include "tools/advise/removal.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/bdev_set.h"
#include "tools/check/by_hand.h"
#include "tools/check/cure_lines.h"
#include "tools/check/cure_steps.h"
#include "tools/check/dax_depth.h"
#include "tools/check/ends_first.h"
#include "tools/check/hidden_volume.h"
#include "tools/check/in_progress.h"
#include "tools/check/list_refusal.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/mounts_around.h"
#include "tools/check/stands_on.h"
#include "tools/check/swap_steps.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

class Remover {
 public:
  Remover(const proto::World& world, const Session& session,
          const BdevSet& devices)
      : session_(session), devices_(devices), stands_on_(world, session) {}

  std::vector<std::string> Run() {
    const BdevSet all =
        stands_on_.AllAbove(devices_, std::numeric_limits<size_t>::max());
    if (const std::string why = WhyNot(all); !why.empty()) {
      return {absl::StrCat("# ", why)};
    }
    std::set<std::string> disks;
    for (BlockDevice* bdev : all) {
      AddMapped(bdev);
      if (const std::string vg = stands_on_.GroupOn(bdev);
          !vg.empty() && GroupOf(bdev) != vg) {
        pvs_[vg].insert(bdev);
        AddIdle(vg, bdev);
      }
      if (bdev->is_partition() && !devices_.contains(bdev)) {
        disks.insert(DevicePath(session_, bdev->whole()));
      }
    }
    Unmount(all);
    for (BlockDevice* bdev : all) {
      if (stands_on_.uses().SwapOn(*bdev) == DeviceUses::Swap::kInUse) {
        lines_.push_back(SwapOffLine(session_, *bdev));
      }
    }
    AddGroups();
    std::stable_sort(placed_.begin(), placed_.end(),
                     [](const auto& a, const auto& b) { return a > b; });
    for (auto& [place, line] : placed_) lines_.push_back(std::move(line));
    for (const std::string& disk : disks) {
      lines_.push_back(absl::StrCat("wipefs -a ", ShellWord(disk)));
    }
    return std::move(lines_);
  }

 private:
  // With what is mounted in them, or of their devices elsewhere, the inner
  // ones first.
  void Unmount(const BdevSet& all) {
    CureSteps steps;
    for (BlockDevice* bdev : all) {
      for (const std::string& at : stands_on_.MountsOf(bdev)) {
        steps.Put(UnmountStep(at));
      }
    }
    ByHand by_hand(session_, stands_on_);
    UnmountThoseAround(session_, stands_on_, all, &by_hand, &steps);
    if (const std::string first = EndsFirst(stands_on_, steps);
        !first.empty()) {
      lines_.push_back(absl::StrCat("# ", first));
    }
    std::vector<std::string> lines;
    for (const auto& [key, step] : steps.all()) {
      if (key.first == CureStage::kUnmount) lines.push_back(step.command);
    }
    lines_.insert(lines_.end(), lines.rbegin(), lines.rend());
  }

  // What a line would end at, with others gone before; "": nothing is known.
  std::string WhyNot(const BdevSet& all) const {
    if (std::string why = UnmodelledOn(session_, all); !why.empty()) {
      return why;
    }
    for (BlockDevice* bdev : all) {
      for (const std::string& at : stands_on_.MountsOf(bdev)) {
        if (at != "/") continue;
        return absl::StrCat("/ is on ", OneLine(NameOfDevice(session_, *bdev)),
                            ": nothing takes it away while the machine runs "
                            "from it, but a rescue system");
      }
      const std::string group = stands_on_.GroupOn(bdev);
      std::string locked = group.empty() ? "" : LockedGroup(session_, group);
      if (!locked.empty()) return locked;
      const std::string name = NameOfDevice(session_, *bdev);
      if (std::string open = stands_on_.uses().WhyNotClosed(*bdev);
          !open.empty()) {
        return absl::StrCat(OneLine(name), " ", open);
      }
      const proto::MappedDevice* const device = stands_on_.InWorld(name);
      const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
      if (!lvm) continue;
      std::string why = LockedGroup(session_, lvm->vg);
      if (why.empty()) why = MoveInProgress(stands_on_, lvm->vg);
      if (!why.empty()) return why;
    }
    return "";
  }

  // A group goes behind the lowest of its volumes.
  static int PlaceOf(int depth) { return 2 * depth; }

  void AddMapped(BlockDevice* bdev) {
    const std::string name = NameOfDevice(session_, *bdev);
    const proto::MappedDevice* const device = stands_on_.InWorld(name);
    if (device == nullptr) return;
    const auto lvm = LvmNameOf(*device);
    if (!lvm) {
      placed_.push_back({PlaceOf(stands_on_.Depth(bdev)),
                         absl::StrCat("dmsetup remove ", DmNameWord(name))});
      return;
    }
    for (BlockDevice* below : DevicesBelow(session_, *bdev)) {
      if (GroupOf(below) != lvm->vg) pvs_[lvm->vg].insert(below);
    }
    // LVM2 takes them away with their volume.
    if (IsHiddenVolume(*device)) return;
    placed_.push_back(
        {PlaceOf(stands_on_.Depth(bdev)),
         absl::StrCat("lvremove -y ",
                      ShellWord(absl::StrCat(lvm->vg, "/", lvm->lv)))});
  }

  // Volumes of a group that are on a device, or may be, and are not active.
  void AddIdle(const std::string& vg, BlockDevice* bdev) {
    for (const std::string& name : stands_on_.IdleOn(vg, *bdev)) {
      if (!idle_.insert({vg, name}).second) continue;
      placed_.push_back({PlaceOf(stands_on_.Depth(bdev) + 1),
                         absl::StrCat("lvremove -y ",
                                      ShellWord(absl::StrCat(vg, "/", name)))});
    }
  }

  std::string GroupOf(BlockDevice* bdev) const {
    const proto::MappedDevice* const device =
        stands_on_.InWorld(NameOfDevice(session_, *bdev));
    const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
    return lvm ? lvm->vg : "";
  }

  // The physical volumes that go leave their group, or all of it goes.
  void AddGroups() {
    const BdevSet all =
        stands_on_.AllAbove(devices_, std::numeric_limits<size_t>::max());
    for (auto& [vg, pvs] : pvs_) {
      BdevSet of_group = pvs;
      for (BlockDevice* bdev : stands_on_.OfGroup(vg)) {
        for (BlockDevice* below : DevicesBelow(session_, *bdev)) {
          if (GroupOf(below) != vg) of_group.insert(below);
        }
      }
      for (BlockDevice* bdev : stands_on_.KnownDevicesOf(vg)) {
        of_group.insert(bdev);
      }
      std::vector<std::string> paths;
      int depth = std::numeric_limits<int>::max();
      for (BlockDevice* bdev : of_group) {
        if (!all.contains(bdev)) continue;
        paths.push_back(DevicePath(session_, *bdev));
        depth = std::min(depth, stands_on_.Depth(bdev) + 1);
      }
      std::sort(paths.begin(), paths.end());
      const std::string group = ShellWord(vg);
      placed_.push_back(
          {PlaceOf(depth) - 1,
           paths.size() == of_group.size()
               ? absl::StrCat("vgremove ", group)
               : absl::StrCat("vgreduce ", group, " ", JoinWords(paths))});
    }
  }

  const Session& session_;
  const BdevSet& devices_;
  StandsOn stands_on_;
  std::map<std::string, BdevSet> pvs_;  // by group
  std::set<std::pair<std::string, std::string>> idle_;
  std::vector<std::pair<int, std::string>> placed_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> RemovalLines(const proto::World& world,
                                      const Session& session,
                                      const BdevSet& devices) {
  return Remover(world, session, devices).Run();
}

}  // namespace dmdax
