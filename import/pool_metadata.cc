// SPDX-License-Identifier: Apache-2.0
#include "import/pool_metadata.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/build_world.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

constexpr absl::string_view kMapped = "/dev/mapper/";

// The devices below all pools' metadata.
std::set<std::string> MetadataDevices(const Facts& facts,
                                      const proto::World& world) {
  std::set<std::string> needed;
  std::vector<std::string> ask;
  for (const proto::MappedDevice& m : world.mapped_device()) {
    for (const proto::Target& t : m.table().target()) {
      if (t.raw().type() != "thin-pool") continue;
      const std::vector<std::string> words = TargetWords(t);
      if (!words.empty()) ask.push_back(words[0]);
    }
  }
  while (!ask.empty()) {
    const std::string device = CanonicalDevice(facts, ask.back());
    ask.pop_back();
    if (device.empty() || !needed.insert(device).second) continue;
    absl::string_view name = device;
    if (!absl::ConsumePrefix(&name, kMapped)) continue;
    const auto m = facts.mapped.find(std::string(name));
    if (m == facts.mapped.end()) continue;
    for (const DmTargetSpec& row : m->second.rows) {
      for (absl::string_view word : absl::StrSplit(row.params, ' ')) {
        ask.emplace_back(word);
      }
    }
  }
  return needed;
}

void AddThinIds(const Facts& facts, proto::World* world) {
  // By the path of a pool, in the order of the tables.
  std::map<std::string, std::vector<std::string>> messages;
  for (const proto::MappedDevice& thin : world->mapped_device()) {
    for (const proto::Target& t : thin.table().target()) {
      if (t.raw().type() != "thin") continue;
      const std::vector<std::string> words = TargetWords(t);
      if (words.size() < 2) continue;
      messages[CanonicalDevice(facts, words[0])].push_back(
          absl::StrCat("0 create_thin ", words[1]));
    }
  }
  if (messages.empty()) return;
  for (proto::MappedDevice& m : *world->mutable_mapped_device()) {
    const auto pool = messages.find(absl::StrCat(kMapped, m.name()));
    if (pool == messages.end()) continue;
    std::set<std::string> there(m.message().begin(), m.message().end());
    for (std::string& text : pool->second) {
      if (there.insert(text).second) m.add_message(std::move(text));
    }
  }
}

}  // namespace

void GivePoolsMetadata(const Facts& facts, proto::World* world) {
  const std::set<std::string> needed = MetadataDevices(facts, *world);
  for (proto::Pmem& pmem : *world->mutable_pmem()) {
    if (needed.contains("/dev/" + pmem.name())) pmem.set_memory(true);
  }
  AddThinIds(facts, world);
}

}  // namespace dmdax
