// SPDX-License-Identifier: Apache-2.0
#include "tools/check/fs_steps.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "fs/fs_parser.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "tools/check/cure_lines.h"
#include "tools/check/fs_anew.h"
#include "tools/check/world_mount.h"

namespace dmdax {
namespace {

// The mount that the mount point of another is in; "": none that is known.
std::string MountAround(const StandsOn& stands_on, const std::string& at) {
  for (absl::string_view above : PathsAbove(at)) {
    const std::string path(above);
    if (path != at && stands_on.MountAt(path) != nullptr) return path;
  }
  return "";
}

// Whether it mounts what another step has mounted at another place too, and
// makes no directories.
bool MountsBeside(const CureStep& step) {
  return step.stage == CureStage::kDirectory && step.about != step.mount;
}

// The line of a mount that is made anew, as another system mounts it.
std::string RescueMountLine(const proto::World& cured,
                            const StandsOn& stands_on, const Session& machine,
                            const std::string& at) {
  const proto::Mount* mount = FindWorldMount(cured, at);
  if (mount == nullptr) mount = stands_on.MountAt(at);
  if (mount == nullptr) return "";
  const absl::StatusOr<BlockDevice*> bdev =
      FindDevice(machine, mount->device());
  if (!bdev.ok()) return "";
  proto::Mount moved;
  moved.set_options(MachineOptions(*mount));
  moved.set_path(TypedPath(TypedIn::kRescue, at));
  return WorldFreshMountLine(moved, DevicePath(machine, **bdev));
}

}  // namespace

bool InRescue(const CureSteps& steps) {
  return steps.Has(CureStage::kUnmount, "/");
}

std::string TypeInRescue(const proto::World& cured, const StandsOn& stands_on,
                         const Session& machine, CureSteps* steps) {
  if (!InRescue(*steps)) return "";
  for (const auto& [key, step] : steps->all()) {
    if (key.first >= CureStage::kRemount &&
        !steps->Has(CureStage::kMkfs, step.mount)) {
      return absl::StrCat("/ is changed in a rescue system, and what is about ",
                          OneLine(step.mount.empty() ? step.about : step.mount),
                          " is typed where the system runs: no list has both");
    }
  }
  // The step about / without a command stays, as what tells of it.
  steps->DropIf([&](const CureStep& step) {
    return (step.stage == CureStage::kUnmount && step.about != "/") ||
           (step.stage == CureStage::kMount &&
            !steps->Has(CureStage::kMkfs, step.about));
  });
  std::vector<CureStep> changed;
  for (const auto& [key, step] : steps->all()) {
    CureStep in_rescue = step;
    if (key.first == CureStage::kMount) {
      in_rescue.command =
          RescueMountLine(cured, stands_on, machine, key.second);
    } else if (key.first == CureStage::kRemoveVolume &&
               step.tool == CureTool::kDmsetup) {
      // Who makes it when the machine starts need not have made it here.
      in_rescue.command =
          absl::StrCat("(! dmsetup info ", DmNameWord(key.second),
                       " > /dev/null 2>&1 || ", step.command, ")");
    } else {
      continue;
    }
    changed.push_back(std::move(in_rescue));
  }
  for (const CureStep& step : changed) steps->Put(step);
  return "";
}

void MakeMountPoints(const StandsOn& stands_on, CureSteps* steps) {
  const TypedIn in = InRescue(*steps) ? TypedIn::kRescue : TypedIn::kSystem;
  std::vector<CureStep> mounts;
  for (const auto& [key, step] : steps->all()) {
    if (key.first != CureStage::kMount && !MountsBeside(step)) continue;
    const std::string around = MountAround(stands_on, key.second);
    const bool lost = steps->Has(CureStage::kMkfs, around);
    // Without its / a rescue system has nothing below /mnt.
    if (!lost && (in == TypedIn::kSystem || key.second == "/")) continue;
    mounts.push_back(step);
    mounts.back().command =
        absl::StrCat("mkdir -p ", ShellWord(TypedPath(in, key.second)), " && ",
                     step.command);
  }
  for (const CureStep& step : mounts) steps->Put(step);
}

std::vector<std::string> FreshRemarks(StandsOn& stands_on,
                                      const CureSteps& steps) {
  std::vector<std::string> remarks;
  bool files = false, rules = false;
  for (const auto& [key, step] : steps.all()) {
    rules |= step.tool == CureTool::kUdevRule;
    files |= key.first == CureStage::kFile &&
             steps.Has(CureStage::kMkfs, step.mount);
    if (key.first != CureStage::kMkfs) continue;
    const proto::Mount* const mount = stands_on.MountAt(key.second);
    if (mount == nullptr) continue;
    if (SaysReadOnly(mount->options())) {
      remarks.push_back(absl::StrCat(
          OneLine(MountPath(mount->path())),
          " is mounted writable, to restore it: mount -o remount,ro behind "
          "that"));
    }
    std::string loses = WhatFsLoses(*mount, stands_on.whole_files().Of(*mount));
    if (!loses.empty()) remarks.push_back(std::move(loses));
  }
  if (InRescue(steps) && rules) {
    remarks.push_back(
        "udev's rule belongs into /etc of this machine, when it is restored");
  }
  if (steps.Has(CureStage::kMkfs, "/") && InRescue(steps)) {
    remarks.push_back(
        "behind the restore, and before the reboot, in chroot /mnt (with "
        "/dev, /proc, /sys and /boot mounted there): update-initramfs -u -k "
        "all or dracut -f --regenerate-all, grub-install or grub2-install, "
        "update-grub or grub2-mkconfig; with SELinux (RHEL, Fedora) touch "
        "/.autorelabel there, as a new / has no labels");
  } else if (steps.Has(CureStage::kMkfs, "/boot")) {
    remarks.push_back(
        "behind the restore of /boot, and before any reboot: grub-install or "
        "grub2-install, as the loader knows it by its blocks");
  }
  if (files) {
    remarks.push_back(
        "restore in place (dd conv=notrunc, rsync --inplace): cp would give "
        "the blocks back");
  }
  return remarks;
}

}  // namespace dmdax
