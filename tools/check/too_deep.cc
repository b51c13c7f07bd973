// SPDX-License-Identifier: Apache-2.0
#include "tools/check/too_deep.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/stack_depth.h"
#include "tools/check/dax_depth.h"

namespace dmdax {

absl::Status StackTooDeep() {
  return DmNotModelled(absl::StrCat("more than ", StackDepth::kMax,
                                    " mapped devices on each other"),
                       "a kernel stack as deep");
}

absl::Status CheckStackDepth(const Session& session, BlockDevice* bdev) {
  if (bdev == nullptr) return absl::OkStatus();
  // A level at a time: stacks meet, and one may stand on itself.
  std::set<const BlockDevice*> level = {&bdev->whole()};
  for (int depth = 0; !level.empty(); ++depth) {
    std::set<const BlockDevice*> below;
    for (const BlockDevice* device : level) {
      const DmTable* table = LiveTable(session, *device);
      if (table == nullptr) continue;
      if (depth == StackDepth::kMax) return StackTooDeep();
      for (const DmTable::TableDev& dev : table->devices()) {
        below.insert(&dev.dm_dev->bdev->whole());
      }
    }
    level = std::move(below);
  }
  return absl::OkStatus();
}

}  // namespace dmdax
