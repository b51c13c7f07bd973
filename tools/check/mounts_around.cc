// SPDX-License-Identifier: Apache-2.0
#include "tools/check/mounts_around.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/fs_anew.h"
#include "tools/check/fs_steps.h"
#include "tools/check/mount_in_part.h"
#include "tools/check/world_mount.h"

namespace dmdax {
namespace {

class Around {
 public:
  Around(const Session& machine, const StandsOn& stands_on, const BdevSet& gone,
         ByHand* by_hand, CureSteps* steps)
      : machine_(machine),
        stands_on_(stands_on),
        gone_(gone),
        by_hand_(*by_hand),
        steps_(*steps) {
    const proto::World& world = stands_on.world();
    for (int i = 0; i < world.mount_beside_size(); ++i) {
      const std::string& device = world.mount_beside(i).device();
      if (device.empty()) continue;
      if (BlockDevice* bdev = Find(device)) besides_on_[bdev].push_back(i);
    }
  }

  std::set<std::string> Run() {
    for (const auto& [key, step] : steps_.all()) {
      if (key.first == CureStage::kUnmount) left_.push_back(key.second);
    }
    while (!left_.empty()) {
      const std::string path = std::move(left_.back());
      left_.pop_back();
      for (const proto::Mount* mount : stands_on_.MountsBelow(path)) {
        AddInside(*mount);
      }
      AddBeside(path);
    }
    return std::move(lost_);
  }

 private:
  // Null: there is none.
  BlockDevice* Find(const std::string& device) const {
    if (device.empty()) return nullptr;
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(machine_, device);
    return bdev.ok() ? *bdev : nullptr;
  }

  // False: it was unmounted already.
  bool Unmount(const std::string& at) {
    if (steps_.Has(CureStage::kUnmount, at)) return false;
    steps_.Put(UnmountStep(at));
    left_.push_back(at);
    return true;
  }

  void AddInside(const proto::Mount& mount) {
    const std::string at = MountPath(mount.path());
    if (!Unmount(at)) return;
    BlockDevice* const bdev = Find(mount.device());
    if (bdev == nullptr || gone_.contains(bdev)) return;
    if (!PartAt(stands_on_, at).empty()) {
      by_hand_.AddMount(at);
      return;
    }
    steps_.Put({CureStage::kMount, at,
                WorldMountLine(mount, DevicePath(machine_, *bdev))});
  }

  // Those that the World has no mount of; in a rescue system there are none.
  void AddBeside(const std::string& path) {
    if (InRescue(steps_)) return;
    const proto::Mount* const own = stands_on_.MountAt(path);
    BlockDevice* const bdev = own == nullptr ? nullptr : Find(own->device());
    const std::vector<int> below = stands_on_.BesidesBelow(path);
    std::set<int> numbers(below.begin(), below.end());
    std::set<int> same_device;
    if (const auto on = besides_on_.find(bdev); on != besides_on_.end()) {
      same_device.insert(on->second.begin(), on->second.end());
      numbers.insert(on->second.begin(), on->second.end());
    }
    for (const int number : numbers) {
      const proto::MountBeside& beside =
          stands_on_.world().mount_beside(number);
      // HiddenMount() and EndsFirst() tell of them.
      if (beside.hidden() || beside.type() == "swap" ||
          beside.type() == "loop") {
        continue;
      }
      const bool same = same_device.contains(number);
      if (!Unmount(beside.path())) continue;
      if (!same || !ComesBack(path, *bdev, beside)) {
        by_hand_.AddMount(beside.path());
      }
      if (beside.type() == "tmpfs" || beside.type() == "ramfs") {
        lost_.insert(beside.path());
      }
    }
  }

  // Where all of a device is mounted again at another place, or a directory.
  bool ComesBack(const std::string& path, const BlockDevice& bdev,
                 const proto::MountBeside& beside) {
    if (beside.root().empty() || by_hand_.HasMount(path)) return false;
    const std::string at = ShellWord(beside.path());
    std::string line;
    if (beside.root() == "/") {
      proto::Mount mount;
      mount.set_path(beside.path());
      mount.set_options(beside.options());
      line = WorldMountLine(mount, DevicePath(machine_, bdev));
    } else {
      const std::string from =
          ShellWord(absl::StrCat(path == "/" ? "" : path, beside.root()));
      line =
          absl::StrCat("mkdir -p ", from, " && mount --bind ", from, " ", at);
    }
    // Behind the mounts that it may need.
    steps_.Put({CureStage::kDirectory, beside.path(), line, path});
    return true;
  }

  const Session& machine_;
  const StandsOn& stands_on_;
  const BdevSet& gone_;
  absl::flat_hash_map<const BlockDevice*, std::vector<int>> besides_on_;
  ByHand& by_hand_;
  CureSteps& steps_;
  std::vector<std::string> left_;  // unmounted, not yet looked around
  std::set<std::string> lost_;
};

}  // namespace

void MakeFileSystemsAgain(const CuredMachine& with, const StandsOn& stands_on,
                          const BdevSet& gone, ByHand* by_hand,
                          CureSteps* steps) {
  for (BlockDevice* bdev : gone) {
    for (const std::string& at : stands_on.MountsOf(bdev)) {
      const proto::Mount* mount = FindWorldMount(with.cured, at);
      if (mount == nullptr) mount = stands_on.MountAt(at);
      if (mount == nullptr) continue;
      const std::string type = WorldFsType(*mount);
      if (type != "ext4" && type != "xfs" && type != "ext2") {
        by_hand->AddMount(at);
        continue;
      }
      for (const CureStep& step :
           FsAnewSteps(with.machine, *mount, *bdev,
                       CuredBytes(with, stands_on, *bdev))) {
        steps->Put(step);
      }
    }
  }
}

std::set<std::string> UnmountThoseAround(const Session& machine,
                                         const StandsOn& stands_on,
                                         const BdevSet& gone, ByHand* by_hand,
                                         CureSteps* steps) {
  return Around(machine, stands_on, gone, by_hand, steps).Run();
}

}  // namespace dmdax
