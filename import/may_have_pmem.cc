// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/build_world.h"

namespace dmdax {
namespace {

// What a disk of the World stands on; nothing: no input says.
std::vector<std::string> BelowDisk(const proto::Block& block) {
  if (!block.partition_of().empty()) {
    return {absl::StrCat("/dev/", block.partition_of())};
  }
  return {block.unmodelled().device().begin(),
          block.unmodelled().device().end()};
}

std::vector<std::string> BelowMapped(const Facts& facts, const Mapped& m) {
  std::set<std::string> below;
  for (const DmTargetSpec& row : m.rows) {
    for (absl::string_view word : absl::StrSplit(row.params, ' ')) {
      below.insert(CanonicalDevice(facts, word));
    }
  }
  for (std::string& device :
       DevicesBelow(facts, absl::StrCat("/dev/mapper/", m.name))) {
    below.insert(std::move(device));
  }
  below.erase("");
  return {below.begin(), below.end()};
}

}  // namespace

bool MayHavePmem(const Facts& facts, const proto::World& world,
                 const std::string& device) {
  std::set<std::string> seen = {device};
  std::vector<std::string> left = {device};
  const auto add = [&](const std::vector<std::string>& below) {
    for (const std::string& path : below) {
      if (seen.insert(path).second) left.push_back(path);
    }
  };
  while (!left.empty()) {
    const std::string path = left.back();
    left.pop_back();
    absl::string_view name = path;
    if (absl::ConsumePrefix(&name, "/dev/mapper/")) {
      const auto m = facts.mapped.find(std::string(name));
      if (m == facts.mapped.end()) continue;
      const std::vector<std::string> below = BelowMapped(facts, m->second);
      if (below.empty() && m->second.rows.empty()) return true;
      add(below);
      continue;
    }
    absl::ConsumePrefix(&name, "/dev/");
    if (absl::StartsWith(name, "pmem")) return true;
    for (const proto::Pmem& pmem : world.pmem()) {
      if (pmem.name() == name) return true;
    }
    for (const proto::Block& block : world.block()) {
      if (block.name() != name) continue;
      const std::vector<std::string> below = BelowDisk(block);
      if (block.has_unmodelled() && below.empty()) return true;
      add(below);
    }
  }
  return false;
}

}  // namespace dmdax
