// SPDX-License-Identifier: Apache-2.0
#include "dm/stack_cycle.h"

#include <set>
#include <vector>

#include "dm/mapped_device.h"

namespace dmdax {
namespace {

// The mapped device that a leg is, or null.
const MappedDevice* AsMappedDevice(const DmDev& dev) {
  DaxDevice* dax = dev.bdev->host_dax_dev();
  return dax == nullptr ? nullptr : dynamic_cast<MappedDevice*>(dax->ops());
}

}  // namespace

bool StandsOnItself(const DmTable& table) {
  std::set<const MappedDevice*> seen;
  std::vector<const DmTable*> todo = {&table};
  while (!todo.empty()) {
    const DmTable* next = todo.back();
    todo.pop_back();
    for (const DmTable::TableDev& dd : next->devices()) {
      const MappedDevice* md = AsMappedDevice(*dd.dm_dev);
      if (md == nullptr) continue;
      if (md == &table.md()) return true;
      if (seen.insert(md).second && md->live_table() != nullptr) {
        todo.push_back(md->live_table());
      }
    }
  }
  return false;
}

}  // namespace dmdax
