// SPDX-License-Identifier: Apache-2.0
//
// vgcfgbackup: a volume group as LVM2 keeps it (also /etc/lvm/backup/VG).
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "import/import_format.h"
#include "import/lvm/lvm_config.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  const absl::string_view head = absl::string_view(input.text).substr(0, 65536);
  return absl::StrContains(head, "\"Text Format Volume Group\"") ||
         (absl::StrContains(head, "physical_volumes {") &&
          absl::StrContains(head, "extent_size ="));
}

absl::Status Number(const LvmSection& in, absl::string_view key,
                    uint64_t* out) {
  const LvmValue* value = in.Value(key);
  if (value == nullptr) {
    return in.place.Error(absl::StrCat("'", key, " =' is expected in here"));
  }
  if (value->kind != LvmValue::kNumber) {
    return value->place.Error(absl::StrCat("a number is expected as ", key));
  }
  *out = value->number;
  return absl::OkStatus();
}

std::string Text(const LvmSection& in, absl::string_view key) {
  const LvmValue* value = in.Value(key);
  return value == nullptr ? "" : value->text;
}

std::vector<std::string> Words(const LvmSection& in, absl::string_view key) {
  std::vector<std::string> words;
  const LvmValue* value = in.Value(key);
  if (value == nullptr) return words;
  for (const LvmValue& v : value->list) words.push_back(v.text);
  return words;
}

absl::StatusOr<LvmPv> ReadPv(const LvmSection& in) {
  LvmPv pv{.name = in.name, .device = Text(in, "device"), .place = in.place};
  if (in.Value("dev_size") != nullptr) {
    absl::Status s = Number(in, "dev_size", &pv.dev_size);
    if (!s.ok()) return s;
  }
  absl::Status s = Number(in, "pe_start", &pv.pe_start);
  if (s.ok()) s = Number(in, "pe_count", &pv.pe_count);
  if (!s.ok()) return s;
  return pv;
}

// A list of names, each with the extent it begins at: [ "pv0", 0, "pv1", 0 ].
// raids and raid0_lvs have names alone.
absl::Status ReadAreas(const LvmValue& list, LvmSegment* segment) {
  for (size_t i = 0; i < list.list.size(); ++i) {
    const LvmValue& name = list.list[i];
    if (name.kind != LvmValue::kText) {
      return name.place.Error("a name in quotes is expected");
    }
    uint64_t extent = 0;
    if (i + 1 < list.list.size() &&
        list.list[i + 1].kind == LvmValue::kNumber) {
      extent = list.list[++i].number;
    }
    segment->areas.emplace_back(name.text, extent);
  }
  return absl::OkStatus();
}

absl::StatusOr<LvmSegment> ReadSegment(const LvmSection& in) {
  LvmSegment segment{.place = in.place};
  absl::Status s = Number(in, "start_extent", &segment.start_extent);
  if (s.ok()) s = Number(in, "extent_count", &segment.extent_count);
  if (!s.ok()) return s;
  for (const auto& [key, value] : in.values) {
    if (key == "stripes" || key == "mirrors" || key == "raids" ||
        key == "raid0_lvs") {
      s = ReadAreas(value, &segment);
      if (!s.ok()) return s;
    } else if (value.kind == LvmValue::kNumber) {
      segment.numbers[key] = value.number;
    } else if (value.kind == LvmValue::kText) {
      segment.texts[key] = value.text;
    }
  }
  // cache's policy_settings { migration_threshold = 4096 }
  if (const LvmSection* settings = in.Section("policy_settings")) {
    for (const auto& [key, value] : settings->values) {
      segment.lists["policy_settings"].push_back(key);
      segment.lists["policy_settings"].push_back(value.text);
    }
  }
  // "raid1+VISIBLE": flags that old versions shall not overlook.
  const std::string type = Text(in, "type");
  segment.type = type.substr(0, type.find('+'));
  if (segment.type.empty()) {
    return in.place.Error("'type =' is expected in here");
  }
  return segment;
}

absl::StatusOr<LvmLv> ReadLv(const LvmSection& in) {
  LvmLv lv{.name = in.name,
           .id = Text(in, "id"),
           .status = Words(in, "status"),
           .flags = Words(in, "flags"),
           .place = in.place};
  for (auto [key, out] :
       {std::pair("major", &lv.major), std::pair("minor", &lv.minor)}) {
    if (in.Value(key) == nullptr) continue;
    if (absl::Status s = Number(in, key, out); !s.ok()) return s;
  }
  for (const LvmSection& section : in.sections) {
    if (!absl::StartsWith(section.name, "segment")) continue;
    absl::StatusOr<LvmSegment> segment = ReadSegment(section);
    if (!segment.ok()) return segment.status();
    lv.segments.push_back(*std::move(segment));
  }
  return lv;
}

absl::StatusOr<LvmGroup> ReadGroup(const LvmSection& in) {
  LvmGroup group{.name = in.name, .id = Text(in, "id"), .place = in.place};
  absl::Status s = Number(in, "extent_size", &group.extent_size);
  if (!s.ok()) return s;
  const LvmSection* pvs = in.Section("physical_volumes");
  if (pvs == nullptr) {
    return in.place.Error("'physical_volumes {' is expected in here");
  }
  for (const LvmSection& section : pvs->sections) {
    absl::StatusOr<LvmPv> pv = ReadPv(section);
    if (!pv.ok()) return pv.status();
    group.pvs[section.name] = *std::move(pv);
  }
  const LvmSection* lvs = in.Section("logical_volumes");
  if (lvs == nullptr) return group;
  for (const LvmSection& section : lvs->sections) {
    absl::StatusOr<LvmLv> lv = ReadLv(section);
    if (!lv.ok()) return lv.status();
    if (!group.lvs.emplace(section.name, *std::move(lv)).second) {
      return section.place.Error(absl::StrCat(section.name, " is given twice"));
    }
    group.lv_order.push_back(section.name);
  }
  return group;
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  absl::StatusOr<LvmSection> root = ParseLvmConfig(input);
  if (!root.ok()) return root.status();
  // The groups are the root's sections.
  if (root->sections.empty()) {
    return Place{&input, 1, 1}.Error("a volume group is expected");
  }
  for (const LvmSection& section : root->sections) {
    absl::StatusOr<LvmGroup> group = ReadGroup(section);
    if (!group.ok()) return group.status();
    facts->groups.push_back(*std::move(group));
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kLvmMetadataImport = {"vgcfgbackup", "vgcfgbackup",
                                                Detect, Read};

}  // namespace dmdax
