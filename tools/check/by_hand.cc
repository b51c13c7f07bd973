// SPDX-License-Identifier: Apache-2.0
#include "tools/check/by_hand.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "process/mount_point.h"
#include "tools/check/bdev_set.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_rows.h"

namespace dmdax {

std::string ByHand::GroupOf(BlockDevice* bdev) const {
  const proto::MappedDevice* const device =
      stands_on_.InWorld(NameOfDevice(machine_, *bdev));
  const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
  return lvm ? lvm->vg : "";
}

bool ByHand::IsBelow(BlockDevice* bdev) const {
  if (groups_.contains(GroupOf(bdev))) return true;
  const std::vector<BlockDevice*> below = DevicesBelow(machine_, *bdev);
  return std::any_of(below.begin(), below.end(),
                     [&](BlockDevice* at) { return devices_.contains(at); });
}

void ByHand::AddWhatStandsOn(const BdevSet& gone,
                             const std::map<std::string, BdevSet>& redo) {
  for (bool more = true; more;) {
    more = false;
    for (const auto& [vg, devices] : redo) {
      if (std::any_of(devices.begin(), devices.end(),
                      [&](BlockDevice* bdev) { return Has(bdev); })) {
        more |= groups_.insert(vg).second;
      }
    }
    for (BlockDevice* bdev : gone) {
      if (!Has(bdev) && IsBelow(bdev)) more |= devices_.insert(bdev).second;
    }
  }
  for (BlockDevice* bdev : devices_) {
    for (const std::string& at : stands_on_.MountsOf(bdev)) mounts_.insert(at);
  }
}

void ByHand::AddMountsIn(const CureSteps& steps) {
  // Their paths come in the order in which they lie in each other.
  for (const auto& [key, step] : steps.all()) {
    if (key.first != CureStage::kMount || mounts_.contains(key.second)) {
      continue;
    }
    for (absl::string_view above : PathsAbove(key.second)) {
      if (!mounts_.contains(std::string(above))) continue;
      mounts_.insert(key.second);
      made_.insert(key.second);
      break;
    }
  }
}

void ByHand::DropFrom(CureSteps* steps) {
  AddMountsIn(*steps);
  std::set<std::string> names;
  for (BlockDevice* bdev : devices_) {
    names.insert(NameOfDevice(machine_, *bdev));
  }
  steps->DropIf([&](const CureStep& step) {
    switch (step.stage) {
      case CureStage::kPhysicalVolume:
      case CureStage::kGroup:
        return groups_.contains(step.about);
      case CureStage::kSettings:
        return groups_.contains(step.about) || names.contains(step.about);
      case CureStage::kVolume:
      case CureStage::kReload:
        return names.contains(step.about);
      case CureStage::kQueue:
        return names.contains(step.about.substr(0, step.about.rfind(' ')));
      case CureStage::kRemember:
      case CureStage::kMkfs:
        return mounts_.contains(step.about) && !made_.contains(step.about);
      case CureStage::kMount:
      case CureStage::kRemount:
        return mounts_.contains(step.about);
      default:
        return step.stage > CureStage::kMount && mounts_.contains(step.mount);
    }
  });
}

std::string ByHand::Text() {
  std::vector<std::pair<int, std::string>> devices;
  for (BlockDevice* bdev : devices_) {
    devices.push_back({stands_on_.Depth(bdev), NameOfDevice(machine_, *bdev)});
  }
  std::sort(devices.begin(), devices.end());
  std::vector<std::string> words;
  std::set<std::string> told;
  for (const auto& [depth, name] : devices) {
    const std::string vg = GroupOf(stands_on_.Find(name));
    if (groups_.contains(vg) && told.insert(vg).second) {
      words.push_back(absl::StrCat("group ", OneLine(vg)));
    }
    words.push_back(OneLine(name));
  }
  for (const std::string& vg : groups_) {
    if (told.contains(vg)) continue;
    words.push_back(absl::StrCat("group ", OneLine(vg)));
  }
  for (const std::string& at : mounts_) words.push_back(OneLine(at));
  if (words.empty()) return "";
  return absl::StrCat(
      "to be made or mounted again by hand, when all of this is "
      "typed: ",
      absl::StrJoin(words, ", "));
}

}  // namespace dmdax
