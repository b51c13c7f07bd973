// SPDX-License-Identifier: Apache-2.0
#include "tools/check/mounts_around.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/one_line.h"
#include "fs/fs_parser.h"
#include "fs/mount_words.h"
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

// As the kernel shows what is mounted and has no name any more.
constexpr absl::string_view kDeleted = "//deleted";

// Mounts `from`, which lies in a mount with options `made`, at `at`, where it
// had `options`, as /proc/mounts has them.  A second mount of a device may not
// differ from the first in being read-only (EBUSY); a bind has the flags of
// what it is made from, and those of its own come behind it.  Nothing: one is
// read-only and the other is not, which no bind can be.
// Mirrors: do_loopback and do_reconfigure_mnt of fs/namespace.c (6.1).
std::optional<std::string> BindLine(const std::string& from,
                                    absl::string_view made,
                                    const std::string& at,
                                    absl::string_view options) {
  const std::string line =
      absl::StrCat("mount --bind ", ShellWord(from), " ", ShellWord(at));
  if (options.empty()) return line;  // nobody says what it has
  bool differs = false;
  std::string flags;
  if (SaysReadOnly(options)) {
    flags = ",ro";
    differs = !SaysReadOnly(made);
  } else if (SaysReadOnly(made)) {
    return std::nullopt;
  }
  constexpr std::pair<absl::string_view, absl::string_view> kFlags[] = {
      {"nosuid", "suid"},
      {"nodev", "dev"},
      {"noexec", "exec"},
      {"nosymfollow", "symfollow"},
      {"nodiratime", "diratime"}};
  for (const auto& [word, without] : kFlags) {
    const bool here = HasMountWord(options, word);
    if (here) absl::StrAppend(&flags, ",", word);
    if (here == HasMountWord(made, word)) continue;
    differs = true;
    if (!here) absl::StrAppend(&flags, ",", without);
  }
  // Of a mount that is made without a word the kernel updates the times by
  // relatime, and one that shows neither has them always updated.
  const bool noatime = HasMountWord(options, "noatime");
  if (noatime) {
    flags += ",noatime";
    differs |= !HasMountWord(made, "noatime");
  } else if (HasMountWord(made, "noatime")) {
    flags += HasMountWord(options, "relatime") ? ",relatime" : ",strictatime";
    differs = true;
  }
  if (!differs) return line;
  return absl::StrCat(line, " && mount -o remount,bind", flags, " ",
                      ShellWord(at));
}

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
      if (!IsMount(beside)) continue;
      const bool same = same_device.contains(number);
      if (!Unmount(beside.path())) continue;
      if (!same || !ComesBack(path, beside)) {
        by_hand_.AddMount(beside.path());
      }
      if (beside.type() == "tmpfs" || beside.type() == "ramfs") {
        lost_.insert(beside.path());
      }
    }
  }

  // Where all of a device is mounted again at another place, or a directory or
  // file of it.  What has others in it does not: those come before it, and it
  // would hide them.  Nor does what is restored first: whether it is a
  // directory or a file nobody says.
  bool ComesBack(const std::string& path, const proto::MountBeside& beside) {
    if (beside.root().empty() || by_hand_.HasMount(path)) return false;
    if (IsAmongOthers(beside.path())) return false;
    const bool all = beside.root() == "/";
    if (!all && (steps_.Has(CureStage::kMkfs, path) ||
                 absl::EndsWith(beside.root(), kDeleted))) {
      return false;
    }
    const std::string from =
        all ? path : absl::StrCat(path == "/" ? "" : path, beside.root());
    const std::optional<std::string> line =
        BindLine(from, OptionsThen(path), beside.path(), beside.options());
    if (!line) return false;
    // Behind the mounts that it may need.
    steps_.Put({CureStage::kDirectory, beside.path(), *line, path});
    return true;
  }

  // Whether it has mounts in it, or lies in one that is beside too, or by hand.
  bool IsAmongOthers(const std::string& path) const {
    if (!stands_on_.MountsBelow(path).empty()) return true;
    const auto any_mount = [&](absl::Span<const int> numbers) {
      return std::any_of(numbers.begin(), numbers.end(), [&](int number) {
        return IsMount(stands_on_.world().mount_beside(number));
      });
    };
    if (any_mount(stands_on_.BesidesBelow(path))) return true;
    for (absl::string_view at : PathsAbove(path)) {
      const std::string above(at);
      if (above == path) continue;
      if (by_hand_.HasMount(above)) return true;
      if (any_mount(stands_on_.BesidesAt(above))) return true;
    }
    return false;
  }

  // HiddenMount() and EndsFirst() tell of the others.
  static bool IsMount(const proto::MountBeside& beside) {
    return !beside.hidden() && beside.type() != "swap" &&
           beside.type() != "loop";
  }

  // With which the list mounts it: writable where its file system is made anew,
  // to restore it.
  std::string OptionsThen(const std::string& path) const {
    const proto::Mount* const mount = stands_on_.MountAt(path);
    if (mount == nullptr) return "";
    if (!steps_.Has(CureStage::kMkfs, path)) return MachineOptions(*mount);
    std::vector<absl::string_view> kept = MountWords(MachineOptions(*mount));
    std::erase(kept, "ro");
    return absl::StrJoin(kept, ",");
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
