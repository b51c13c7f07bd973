// SPDX-License-Identifier: Apache-2.0
#include "dm/compile_order.h"

#include <vector>

#include "absl/container/flat_hash_set.h"

namespace dmdax {
namespace {

std::vector<MappedDevice*> MappedDevicesBelow(const MappedDevice& md) {
  std::vector<MappedDevice*> below;
  const DmTable* table = md.live_table();
  if (table == nullptr) return below;
  for (const DmTable::TableDev& dd : table->devices()) {
    const DaxDevice* dax_dev = dd.dm_dev->dax_dev;
    MappedDevice* lower =
        dax_dev == nullptr ? nullptr : MappedDevice::Of(*dax_dev);
    if (lower != nullptr) below.push_back(lower);
  }
  return below;
}

}  // namespace

// Depth first, and without recursion: a stack may be deep, and may contain
// itself.
void CompileAll(absl::Span<MappedDevice* const> devices) {
  absl::flat_hash_set<const MappedDevice*> entered;
  absl::flat_hash_set<const MappedDevice*> compiled;
  for (MappedDevice* device : devices) {
    std::vector<MappedDevice*> open{device};
    while (!open.empty()) {
      MappedDevice* md = open.back();
      if (entered.insert(md).second) {
        for (MappedDevice* lower : MappedDevicesBelow(*md)) {
          if (!entered.contains(lower)) open.push_back(lower);
        }
        continue;
      }
      open.pop_back();
      if (compiled.insert(md).second) md->Compile();
    }
  }
}

}  // namespace dmdax
