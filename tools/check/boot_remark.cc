// SPDX-License-Identifier: Apache-2.0
#include "tools/check/boot_remark.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"

namespace dmdax {

std::vector<std::string> BootRemarks(const StandsOn& stands_on,
                                     const CureSteps& steps) {
  std::set<std::string> by_boot_line, by_others;
  for (const auto& [key, step] : steps.all()) {
    if (step.tool != CureTool::kDmsetup ||
        key.first == CureStage::kRemoveVolume) {
      continue;
    }
    const proto::MappedDevice* const device = stands_on.InWorld(key.second);
    const bool boot_line = device != nullptr && device->boot_line();
    (boot_line ? by_boot_line : by_others).insert(OneLine(key.second));
  }
  std::vector<std::string> remarks;
  if (!by_boot_line.empty()) {
    remarks.push_back(absl::StrCat(
        "dm-mod.create= of the kernel's command line must have the new table "
        "of ",
        absl::StrJoin(by_boot_line, ", "), " too"));
  }
  if (!by_others.empty()) {
    remarks.push_back(absl::StrCat("what makes ",
                                   absl::StrJoin(by_others, ", "),
                                   " when the machine starts must have the new "
                                   "table too"));
  }
  return remarks;
}

}  // namespace dmdax
