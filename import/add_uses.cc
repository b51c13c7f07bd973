// SPDX-License-Identifier: Apache-2.0
//
// AddUses: what lies on persistent memory and is not in the World otherwise.
#include "absl/strings/string_view.h"
#include "import/build_world.h"

namespace dmdax {

void AddUses(const Facts& facts, proto::World* world) {
  for (const auto& [name, disk] : facts.disks) {
    const absl::string_view whole =
        disk.parent ? absl::string_view(disk.parent->value) : name;
    if (disk.lies_on.empty() || !IsPmemName(whole)) continue;
    proto::Use* use = world->add_use();
    use->set_device(name);
    use->set_type(disk.lies_on);
    use->set_active(disk.swap_in_use);
  }
}

}  // namespace dmdax
