// SPDX-License-Identifier: Apache-2.0
//
// NameRootDevice: what "/dev/root" is, which the kernel calls a root file
// system that it has mounted itself, and of which there is no node.
//
// Mirrors: mount_block_root of init/do_mounts.c (6.1).
#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "import/build_world.h"

namespace dmdax {

void NameRootDevice(Facts* facts) {
  constexpr absl::string_view kRoot = "/dev/root";
  if (!CanonicalDevice(*facts, kRoot).empty()) return;
  for (MountFact& mount : facts->mounts) {
    if (mount.source != kRoot) continue;
    const auto other = absl::c_find_if(facts->mounts, [&](const MountFact& of) {
      return of.path == mount.path && of.source != kRoot &&
             !CanonicalDevice(*facts, of.source).empty();
    });
    if (other != facts->mounts.end()) {
      mount.source = other->source;
    } else if (absl::StartsWith(facts->boot_root, "/dev/")) {
      mount.source = facts->boot_root;
    }
  }
}

}  // namespace dmdax
