// SPDX-License-Identifier: Apache-2.0
//
// AddUses: what lies on devices and is not in the World otherwise.
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "import/build_world.h"

namespace dmdax {
namespace {

constexpr absl::string_view kMapper = "/dev/mapper/";

// By their paths.
std::set<std::string> MountedDevices(const Facts& facts) {
  std::set<std::string> mounted;
  for (const MountFact& m : facts.mounts) {
    std::string device = CanonicalDevice(facts, m.source);
    if (device.empty() && m.dev) {
      device = CanonicalDevice(facts, m.dev->ToString());
    }
    mounted.insert(std::move(device));
  }
  return mounted;
}

}  // namespace

void AddUses(const Facts& facts, proto::World* world) {
  const std::set<std::string> mounted = MountedDevices(facts);
  // Inputs that say different things of one device are all kept.
  std::map<std::pair<std::string, std::string>, UseFact> uses;
  for (const UseFact& seen : facts.uses) {
    const std::string device = CanonicalName(facts, seen.device);
    if (device.empty() || mounted.contains(device)) continue;
    // A group of volumes goes as a whole, wherever they lie.
    if (!absl::StartsWith(device, kMapper) &&
        !MayHavePmem(facts, *world, device)) {
      continue;
    }
    UseFact& use = uses.try_emplace({device, seen.type}, seen).first->second;
    use.active |= seen.active;
    if (use.label.empty()) use.label = seen.label;
    if (!use.priority) use.priority = seen.priority;
  }
  for (const auto& [key, seen] : uses) {
    proto::Use* use = world->add_use();
    absl::string_view name = key.first;
    if (!absl::StartsWith(name, kMapper)) absl::ConsumePrefix(&name, "/dev/");
    use->set_device(std::string(name));
    use->set_type(seen.type);
    use->set_active(seen.active);
    use->set_label(seen.label);
    if (seen.priority) use->set_priority(*seen.priority);
  }
}

}  // namespace dmdax
