// SPDX-License-Identifier: Apache-2.0
#include "tools/check/too_deep.h"

#include <cerrno>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/stack_depth.h"
#include "dm/walk_budget.h"
#include "tools/check/dax_depth.h"

namespace dmdax {

absl::Status StackTooDeep() {
  return DmNotModelled(absl::StrCat("more than ", StackDepth::kMax,
                                    " mapped devices on each other"),
                       "a kernel stack as deep");
}

int StackLevels(const Session& session, BlockDevice* bdev) {
  if (bdev == nullptr) return 0;
  // A level at a time: stacks meet, and one may stand on itself.
  std::set<const BlockDevice*> level = {&bdev->whole()};
  for (int levels = 0;; ++levels) {
    std::set<const BlockDevice*> below;
    bool has_table = false;
    for (const BlockDevice* device : level) {
      const DmTable* table = LiveTable(session, *device);
      if (table == nullptr) continue;
      has_table = true;
      for (const DmTable::TableDev& dev : table->devices()) {
        below.insert(&dev.dm_dev->bdev->whole());
      }
    }
    if (!has_table || levels > StackDepth::kMax) return levels;
    level = std::move(below);
  }
}

absl::Status CheckStackDepth(const Session& session, BlockDevice* bdev) {
  return StackLevels(session, bdev) > StackDepth::kMax ? StackTooDeep()
                                                       : absl::OkStatus();
}

uint64_t MostAsked(int levels) {
  constexpr uint64_t kOfOneLevel = uint64_t{1} << 24;
  return kOfOneLevel / (static_cast<uint64_t>(levels) + 1);
}

absl::Status CheckWalkBudget() {
  if (!WalkBudget::Spent()) return absl::OkStatus();
  return ErrnoError(
      EFBIG,
      absl::StrCat("a limit of dmdax: one question walks through ",
                   WalkBudget::kLevels,
                   " levels of stacks, and what was asked before took them "
                   "all; ask for fewer devices or files at once"));
}

}  // namespace dmdax
