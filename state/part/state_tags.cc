// SPDX-License-Identifier: Apache-2.0
#include "state/part/state_tags.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace dmdax {

std::string NameTag(absl::string_view name) {
  return absl::StrCat("name:", name);
}
std::string UuidTag(absl::string_view uuid) {
  return absl::StrCat("uuid:", uuid);
}
std::string DevTag(absl::string_view dev) { return absl::StrCat("dev:", dev); }
std::string PartitionTag(absl::string_view disk) {
  return absl::StrCat("part:", disk);
}
std::string NodeTag(absl::string_view dev) { return absl::StrCat("at:", dev); }
std::string OpenTag(int nth, absl::string_view dev) {
  return absl::StrCat("open", nth, ":", dev);
}
std::string DevDaxTag(absl::string_view pmem) {
  return absl::StrCat("open:", pmem);
}

namespace {

std::vector<std::string> TagsOfDevice(const proto::MappedDevice& device) {
  std::vector<std::string> tags = {NameTag(device.name())};
  if (!device.uuid().empty()) tags.push_back(UuidTag(device.uuid()));
  absl::flat_hash_map<std::string, int> opens;
  for (const proto::TableDevice& open : device.runtime().table_device()) {
    tags.push_back(OpenTag(opens[open.dev()]++, open.dev()));
  }
  return tags;
}

std::vector<std::string> TagsOfBlock(const proto::Block& block) {
  std::vector<std::string> tags = {DevTag(block.dev())};
  if (!block.partition_of().empty()) {
    tags.push_back(PartitionTag(block.partition_of()));
  }
  return tags;
}

template <typename Message, typename Tags>
std::vector<std::string> Tagged(absl::string_view bytes, const Tags& tags) {
  Message message;
  if (!ParseObject(bytes, &message)) return {};
  return tags(message);
}

}  // namespace

std::vector<std::string> TagsOf(StateObjectKind kind, absl::string_view bytes) {
  using Tags = std::vector<std::string>;
  switch (kind) {
    case StateObjectKind::kPmem:
      return Tagged<proto::Pmem>(
          bytes, [](const proto::Pmem& p) { return Tags{DevTag(p.dev())}; });
    case StateObjectKind::kBlock:
      return Tagged<proto::Block>(bytes, TagsOfBlock);
    case StateObjectKind::kNode:
      return Tagged<proto::Node>(
          bytes, [](const proto::Node& n) { return Tags{NodeTag(n.dev())}; });
    case StateObjectKind::kMappedDevice:
      return Tagged<proto::MappedDevice>(bytes, TagsOfDevice);
    case StateObjectKind::kMount:
      return Tagged<proto::Mount>(bytes, [](const proto::Mount& m) {
        return Tags{OpenTag(0, m.device())};
      });
    case StateObjectKind::kDevDax:
      return Tagged<proto::DevDax>(bytes, [](const proto::DevDax& d) {
        return d.pmem().empty() ? Tags{} : Tags{DevDaxTag(d.pmem())};
      });
    default:
      return {};
  }
}

}  // namespace dmdax
