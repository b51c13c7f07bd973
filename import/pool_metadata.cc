// SPDX-License-Identifier: Apache-2.0
#include "import/pool_metadata.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "import/build_world.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

constexpr absl::string_view kMapped = "/dev/mapper/";

}  // namespace

void GivePoolsMetadata(const Facts& facts, proto::World* world) {
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

}  // namespace dmdax
