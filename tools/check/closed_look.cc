// SPDX-License-Identifier: Apache-2.0
#include "tools/check/closed_look.h"

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/check/cure_lines.h"
#include "tools/check/fs_steps.h"

namespace dmdax {

void AddClosedLook(const Session& machine, const StandsOn& stands_on,
                   CureSteps* steps) {
  if (InRescue(*steps)) return;
  // By how often each is open: once by each device on it.
  std::map<size_t, std::vector<std::string>> volumes;
  size_t goes = 0;
  for (const auto& [key, step] : steps->all()) {
    if (key.first == CureStage::kConvert) ++goes;
    if (key.first != CureStage::kRemoveVolume) continue;
    ++goes;
    BlockDevice* const bdev = stands_on.Find(key.second);
    if (bdev == nullptr || bdev->dev().major_nr != machine.ctl->major()) {
      continue;
    }
    volumes[stands_on.On(bdev).size()].push_back(DmNameWord(key.second));
  }
  if (goes < 2 || volumes.empty()) return;
  std::vector<std::string> tests;
  for (const auto& [open, names] : volumes) {
    tests.push_back(
        absl::StrCat("test \"$(echo $(dmsetup info -c --noheadings -o open ",
                     absl::StrJoin(names, " "), " | sort -u))\" = ", open));
  }
  steps->Put({CureStage::kClosedLook, "", absl::StrJoin(tests, " && ")});
}

}  // namespace dmdax
