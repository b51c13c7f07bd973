// SPDX-License-Identifier: Apache-2.0
#include "tools/check/swap_steps.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "state/find_device.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/fs_steps.h"

namespace dmdax {
namespace {

bool IsSwap(const proto::Use& use) {
  return use.active() || use.type() == "swap";
}

}  // namespace

bool IsSwapInUse(const Session& machine, const BlockDevice* swap) {
  for (const proto::Use& use : machine.uses) {
    if (!use.active()) continue;
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(machine, use.device());
    if (bdev.ok() && *bdev == swap) return true;
  }
  return false;
}

BdevSet SwapOf(const Session& machine, const BdevSet& devices) {
  BdevSet found;
  for (const proto::Use& use : machine.uses) {
    if (!IsSwap(use)) continue;
    const absl::StatusOr<BlockDevice*> bdev = FindDevice(machine, use.device());
    if (bdev.ok() && devices.contains(*bdev)) found.insert(*bdev);
  }
  return found;
}

void AddSwapSteps(const Session& machine, const BdevSet& swap,
                  const ByHand& by_hand, CureSteps* steps) {
  const bool rescue = InRescue(*steps);
  for (BlockDevice* bdev : swap) {
    const std::string path = DevicePath(machine, *bdev);
    const bool in_use = !rescue && IsSwapInUse(machine, bdev);
    if (in_use) {
      steps->Put({CureStage::kUnmount, path,
                  absl::StrCat("swapoff ", ShellWord(path))});
    }
    if (by_hand.Has(bdev)) continue;
    steps->Put(
        {CureStage::kMkfs, path, absl::StrCat("mkswap ", ShellWord(path))});
    if (in_use) {
      steps->Put(
          {CureStage::kMount, path, absl::StrCat("swapon ", ShellWord(path))});
    }
  }
}

}  // namespace dmdax
