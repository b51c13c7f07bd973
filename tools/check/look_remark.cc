// SPDX-License-Identifier: Apache-2.0
#include "tools/check/look_remark.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/world_rows.h"

namespace dmdax {

void DropChunkLooks(const Session& machine, CureSteps* steps) {
  steps->DropIf([&](const CureStep& step) {
    return step.stage == CureStage::kLook &&
           ExtentSectors(machine, GroupOfChunkLook(step.about)) != 0;
  });
}

std::vector<std::string> LookRemarks(const CureSteps& steps) {
  bool at_volumes = false;
  std::vector<std::string> at_extents;  // the groups
  for (const auto& [key, step] : steps.all()) {
    if (key.first != CureStage::kLook) continue;
    if (const std::string vg = GroupOfChunkLook(key.second); !vg.empty()) {
      at_extents.push_back(OneLine(vg));
    } else {
      at_volumes = true;
    }
  }
  std::vector<std::string> remarks;
  if (at_volumes) {
    remarks.push_back(
        "the first line ends it if the group has volumes that are not known "
        "here");
  }
  if (!at_extents.empty()) {
    remarks.push_back(absl::StrCat(
        "it ends before anything goes if the extents of ",
        absl::StrJoin(at_extents, ", "),
        " are smaller than the chunks: then the group must be made anew too, "
        "and who adds vgcfgbackup to what is asked gets the lines for that"));
  }
  return remarks;
}

std::string GuessRemark(const Session& machine, const StandsOn& stands_on,
                        const BdevSet& gone, const CureSteps& steps) {
  for (BlockDevice* bdev : gone) {
    const std::string name = NameOfDevice(machine, *bdev);
    const proto::MappedDevice* const device = stands_on.InWorld(name);
    const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
    if (!lvm || !lvm->guessed) continue;
    const bool looks = steps.Has(CureStage::kLook, lvm->vg) ||
                       steps.Has(CureStage::kLook, ChunkLook(lvm->vg));
    return absl::StrCat(
        "no input says whether ", OneLine(name),
        " is LVM2's (dmsetup info -c does): by its name it may be; if it is "
        "not, ",
        looks ? "the first line ends it" : "type nothing of this");
  }
  return "";
}

}  // namespace dmdax
