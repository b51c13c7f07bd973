// SPDX-License-Identifier: Apache-2.0
#include "tools/check/mount_in_part.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"

namespace dmdax {
namespace {

BlockDevice* Find(const Session& machine, const std::string& device) {
  const absl::StatusOr<BlockDevice*> bdev = FindDevice(machine, device);
  return bdev.ok() ? *bdev : nullptr;
}

// A mount of the World, and not one beside it.
const proto::Mount* PartOf(const StandsOn& stands_on,
                           const proto::MountBeside& beside) {
  if (beside.hidden() || beside.root().empty() || beside.root() == "/") {
    return nullptr;
  }
  return stands_on.MountAt(beside.path());
}

bool IsWholeElsewhere(const Session& machine, const StandsOn& stands_on,
                      const BlockDevice* bdev) {
  const auto& all = stands_on.world().mount_beside();
  return std::any_of(all.begin(), all.end(),
                     [&](const proto::MountBeside& beside) {
                       return !beside.hidden() && beside.root() == "/" &&
                              !beside.device().empty() &&
                              Find(machine, beside.device()) == bdev;
                     });
}

}  // namespace

std::string PartAt(const StandsOn& stands_on, const std::string& at) {
  for (const int number : stands_on.BesidesAt(at)) {
    const proto::MountBeside& beside = stands_on.world().mount_beside(number);
    if (PartOf(stands_on, beside) != nullptr) return beside.root();
  }
  return "";
}

std::string MountInPart(const Session& machine, const StandsOn& stands_on,
                        const BdevSet& gone, const CureSteps& steps) {
  for (const proto::MountBeside& beside : stands_on.world().mount_beside()) {
    const proto::Mount* const mount = PartOf(stands_on, beside);
    BlockDevice* const bdev =
        mount == nullptr ? nullptr : Find(machine, mount->device());
    if (bdev == nullptr) continue;
    const std::string at = MountPath(mount->path());
    if (!gone.contains(bdev) && !steps.Has(CureStage::kMkfs, at) &&
        !steps.Has(CureStage::kMount, at)) {
      continue;
    }
    const std::string what = absl::StrCat(
        OneLine(at), " is only ", OneLine(beside.root()),
        " of the file system on ", OneLine(NameOfDevice(machine, *bdev)));
    if (IsWholeElsewhere(machine, stands_on, bdev)) {
      return absl::StrCat(what, ", and no list makes such a mount again");
    }
    return absl::StrCat(what,
                        ", whose rest nobody would save, and no list makes "
                        "such a mount again: mount all of it too (mount ",
                        OneLine(DevicePath(machine, *bdev)),
                        " DIRECTORY), and ask again");
  }
  return "";
}

std::string HiddenMount(const Session& machine, const StandsOn& stands_on,
                        const BdevSet& gone, const CureSteps& steps) {
  for (const proto::MountBeside& beside : stands_on.world().mount_beside()) {
    if (!beside.hidden()) continue;
    BlockDevice* const bdev = Find(machine, beside.device());
    if (bdev == nullptr) continue;
    const auto mounts = stands_on.MountsOf(bdev);
    if (!gone.contains(bdev) &&
        std::none_of(mounts.begin(), mounts.end(), [&](const std::string& at) {
          return steps.Has(CureStage::kUnmount, at);
        })) {
      continue;
    }
    return absl::StrCat(
        OneLine(NameOfDevice(machine, *bdev)), " is mounted on ",
        OneLine(beside.path()),
        " under another mount, which hides it, and no list unmounts it: mount "
        "it elsewhere, and ask again");
  }
  return "";
}

}  // namespace dmdax
