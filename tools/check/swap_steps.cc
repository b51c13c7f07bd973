// SPDX-License-Identifier: Apache-2.0
#include "tools/check/swap_steps.h"

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/cure_lines.h"
#include "tools/check/fs_steps.h"
#include "tools/check/kept_identity.h"

namespace dmdax {

std::string SwapOffLine(const Session& machine, const BlockDevice& bdev) {
  return absl::StrCat("swapoff ", ShellWord(DevicePath(machine, bdev)));
}

void AddSwapSteps(const Session& machine, const DeviceUses& uses,
                  const BdevSet& gone, const ByHand& by_hand,
                  CureSteps* steps) {
  const bool rescue = InRescue(*steps);
  for (BlockDevice* bdev : gone) {
    const DeviceUses::Swap swap = uses.SwapOn(*bdev);
    if (swap == DeviceUses::Swap::kNone) continue;
    const std::string path = DevicePath(machine, *bdev);
    const bool in_use = !rescue && swap == DeviceUses::Swap::kInUse;
    if (in_use) {
      steps->Put({CureStage::kUnmount, path, SwapOffLine(machine, *bdev)});
    }
    if (by_hand.Has(bdev)) continue;
    steps->Put(IdentityStep(machine, path, *bdev));
    steps->Put({CureStage::kMkfs, path,
                absl::StrCat("mkswap -U ", UuidWord(machine, *bdev), " -L ",
                             LabelWord(machine, *bdev), " ", ShellWord(path))});
    if (in_use) {
      const auto priority = uses.SwapPriority(*bdev);
      steps->Put(
          {CureStage::kMount, path,
           absl::StrCat("swapon ",
                        priority ? absl::StrCat("-p ", *priority, " ") : "",
                        ShellWord(path))});
    }
  }
}

}  // namespace dmdax
