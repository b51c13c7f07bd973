// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/split_name.h"

namespace dmdax {
namespace {

// The part before a single hyphen; two stand for one.
std::string TakePart(absl::string_view& name) {
  std::string part;
  while (!name.empty()) {
    const char c = name[0];
    name.remove_prefix(1);
    // At the very end it stands for itself.
    if (c == '-' && !name.empty()) {
      if (name[0] != '-') break;
      name.remove_prefix(1);
    }
    part.push_back(c);
  }
  return part;
}

}  // namespace

SplitName::SplitName(absl::string_view subsystem_name, absl::string_view name)
    : subsystem(subsystem_name) {
  if (subsystem != "LVM") return;
  vg_name = TakePart(name);
  lv_name = TakePart(name);
  lv_layer = TakePart(name);
}

}  // namespace dmdax
