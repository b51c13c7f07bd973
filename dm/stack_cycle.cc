// SPDX-License-Identifier: Apache-2.0
#include "dm/stack_cycle.h"

#include <set>
#include <vector>

#include "dm/mapped_device.h"

namespace dmdax {
bool StandsOnItself(const DmTable& table) {
  // What no table has open stands below none.  Of a stack that is made from
  // below, nothing of it need be looked at then.
  if (table.md().open_count() == 0) return false;
  std::set<const MappedDevice*> seen;
  std::vector<const DmTable*> todo = {&table};
  while (!todo.empty()) {
    const DmTable* next = todo.back();
    todo.pop_back();
    for (const DmTable::TableDev& dd : next->devices()) {
      const MappedDevice* md = MappedDevice::Of(*dd.dm_dev->bdev);
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
