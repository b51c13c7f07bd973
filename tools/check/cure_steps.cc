// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_steps.h"

#include <algorithm>
#include <climits>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

int DepthOf(StandsOn& stands_on, CureStage stage, const std::string& about) {
  if (stage == CureStage::kRemoveVolume || stage == CureStage::kVolume) {
    BlockDevice* const bdev = stands_on.Find(about);
    return bdev == nullptr ? 0 : stands_on.Depth(bdev);
  }
  return stands_on.GroupDepth(about);
}

struct Place {
  int phase, rank;
  CureStage stage;
  const std::string* about;
  const std::string* command;
};

bool Before(const Place& a, const Place& b) {
  // /mnt/b is unmounted before /mnt.
  if (a.phase == 0 && b.phase == 0) return *a.about > *b.about;
  return std::tie(a.phase, a.rank, a.stage, *a.about) <
         std::tie(b.phase, b.rank, b.stage, *b.about);
}

// Without its command.
Place PlaceOf(StandsOn& stands_on, CureStage stage, const std::string& about) {
  Place at{4, 0, stage, &about, nullptr};
  if (stage <= CureStage::kRemember) {
    at.phase = -1;
  } else if (stage == CureStage::kClosedLook || stage == CureStage::kConvert) {
    at.phase = 1;
    at.rank = INT_MIN;  // before anything goes
  } else if (stage < CureStage::kRemoveVolume) {
    at.phase = 0;
  } else if (stage <= CureStage::kRemoveGroup) {
    at.phase = 1;
    at.rank = -DepthOf(stands_on, stage, about);
  } else if (stage < CureStage::kPhysicalVolume) {
    at.phase = 2;
  } else if (stage <= CureStage::kVolume) {
    at.phase = 3;
    at.rank = DepthOf(stands_on, stage, about);
  }
  return at;
}

}  // namespace

void CureSteps::DropNeedless() {
  // "/mnt/f 2" -> "/mnt/f".
  const auto file_of = [](const std::string& about) {
    return about.substr(0, about.rfind(' '));
  };
  std::set<std::string> files;
  for (const auto& [key, step] : steps_) {
    // The flag gives no blocks.
    if (key.first == CureStage::kFile && !step.mount.empty()) {
      files.insert(file_of(key.second));
    }
  }
  DropIf([&](const CureStep& step) {
    return (step.stage == CureStage::kHoles &&
            files.contains(file_of(step.about))) ||
           (step.stage == CureStage::kReload &&
            Has(CureStage::kVolume, step.about));
  });
}

std::vector<std::string> CureSteps::InOrder(StandsOn& stands_on) const {
  std::vector<Place> places;
  for (const auto& [key, step] : steps_) {
    if (step.command.empty()) continue;
    Place at = PlaceOf(stands_on, key.first, key.second);
    at.command = &step.command;
    places.push_back(at);
  }
  std::sort(places.begin(), places.end(), Before);
  std::vector<std::string> commands;
  for (const Place& at : places) {
    // A look that is not the first has its "||" for itself alone.
    commands.push_back(at.stage == CureStage::kLook && !commands.empty()
                           ? absl::StrCat("{ ", *at.command, "; }")
                           : *at.command);
  }
  return commands;
}

}  // namespace dmdax
