// SPDX-License-Identifier: Apache-2.0
#include "tools/check/blank_name.h"

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"

namespace dmdax {

std::string BlankBelow(const Session& machine, const StandsOn& stands_on,
                       const BdevSet& anew, const CureSteps& steps) {
  BdevSet devices = anew;
  for (const auto& [key, step] : steps.all()) {
    if (key.first != CureStage::kReload) continue;
    BlockDevice* const bdev = stands_on.Find(key.second);
    if (bdev != nullptr) devices.insert(bdev);
  }
  for (BlockDevice* bdev : devices) {
    for (BlockDevice* below : DevicesBelow(machine, *bdev)) {
      const std::string name = NameOfDevice(machine, *below);
      if (name.find_first_of(" \t\n\v\f\r") == name.npos) continue;
      return absl::StrCat("dmsetup takes no table that names ", OneLine(name),
                          ", for its blank: dmsetup rename ", DmNameWord(name),
                          " to one without, and ask again");
    }
  }
  return "";
}

}  // namespace dmdax
