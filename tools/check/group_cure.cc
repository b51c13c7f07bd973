// SPDX-License-Identifier: Apache-2.0
#include "tools/check/group_cure.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/bdev_set.h"
#include "tools/check/dax_depth.h"
#include "tools/check/fit_rows.h"
#include "tools/check/group_steps.h"
#include "tools/check/lvm_group.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {

Cure GroupCure(std::string change, const CureRequest& request,
               const BdevSet& redo, proto::World& world,
               proto::MappedDevice* volume) {
  const std::string name = volume->name();
  const std::string vg = LvmNameOf(*volume)->vg;
  const GroupPart part =
      PartOfGroup(*request.machine, *request.stands_on, world, vg, redo);
  if (!part.held.empty()) return Cure{.remark = part.held};
  const uint64_t before = SectorsOf(volume);
  if (!LayOutGroup(request.session, *request.stands_on, part, name, world)) {
    const bool alone = part.volumes.size() == 1;
    return Cure{.remark = absl::StrCat(
                    "with aligned data ",
                    alone ? "there is"
                          : absl::StrCat("the other volumes of group ",
                                         OneLine(vg), " leave"),
                    " no room for it on these devices")};
  }
  FitRows(request.session, world);
  Cure cure =
      VolumeCure(std::move(change), request, *FindMapped(world, name), before);
  if (!part.refused.empty()) {
    cure.steps.clear();
    absl::StrAppend(&cure.remark, "; ", part.refused);
  } else {
    for (CureStep& step : GroupSteps(request.session, part)) {
      cure.steps.push_back(std::move(step));
    }
    std::stable_sort(
        cure.steps.begin(), cure.steps.end(),
        [](const CureStep& a, const CureStep& b) { return a.stage < b.stage; });
  }
  for (const BlockDevice* bdev : part.devices) {
    cure.physical_volumes.push_back(NameOfDevice(*request.machine, *bdev));
  }
  return cure;
}

}  // namespace dmdax
