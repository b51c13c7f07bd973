// SPDX-License-Identifier: Apache-2.0
#include "tools/check/look_remark.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "tools/check/cure_lines.h"

namespace dmdax {

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
        " are smaller than the chunks: then the group must be made anew too"));
  }
  return remarks;
}

}  // namespace dmdax
