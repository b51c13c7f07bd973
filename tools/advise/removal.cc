// SPDX-License-Identifier: Apache-2.0
#include "tools/advise/removal.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/hidden_volume.h"
#include "tools/check/in_progress.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/lvm_volume.h"
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
    std::set<std::string, std::greater<>> mounts;
    std::set<std::string> disks;
    for (BlockDevice* bdev : all) {
      for (const std::string& at : stands_on_.MountsOf(bdev)) mounts.insert(at);
      AddMapped(bdev);
      if (bdev->is_partition() && !devices_.contains(bdev)) {
        disks.insert(DevicePath(session_, bdev->whole()));
      }
    }
    for (const std::string& at : mounts) {
      if (at != "/") lines_.push_back(UnmountStep(at).command);
    }
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
  // What a line would end at, with others gone before; "": nothing is known.
  std::string WhyNot(const BdevSet& all) const {
    for (BlockDevice* bdev : all) {
      const std::string name = NameOfDevice(session_, *bdev);
      if (std::string open = stands_on_.uses().WhyNotClosed(*bdev);
          !open.empty()) {
        return absl::StrCat(OneLine(name), " ", open);
      }
      const proto::MappedDevice* const device = stands_on_.InWorld(name);
      const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
      if (!lvm) continue;
      std::string why = LockedGroup(session_, lvm->vg);
      if (why.empty()) why = MoveInProgress(stands_on_, session_, lvm->vg);
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
