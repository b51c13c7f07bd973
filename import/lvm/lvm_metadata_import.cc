// SPDX-License-Identifier: Apache-2.0
//
// vgcfgbackup: a volume group as LVM2 keeps it (also /etc/lvm/backup/VG).
#include <algorithm>
#include <utility>

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
  LvmPv pv{.name = in.name,
           .device = Text(in, "device"),
           .id = Text(in, "id"),
           .tags = Words(in, "tags"),
           .place = in.place};
  if (in.Value("status") != nullptr) {
    const std::vector<std::string> status = Words(in, "status");
    pv.allocatable =
        std::find(status.begin(), status.end(), "ALLOCATABLE") != status.end();
  }
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
enum class Areas { kNames, kWithExtents };
absl::Status ReadAreas(const LvmValue& list, Areas kind, LvmSegment* segment) {
  for (size_t i = 0; i < list.list.size(); ++i) {
    const LvmValue& name = list.list[i];
    if (name.kind != LvmValue::kText) {
      return name.place.Error("a name in quotes is expected");
    }
    uint64_t extent = 0;
    if (i + 1 < list.list.size() &&
        list.list[i + 1].kind == LvmValue::kNumber) {
      extent = list.list[++i].number;
    } else if (kind == Areas::kWithExtents) {
      return name.place.Error(
          absl::StrCat("an extent is expected behind ", Quoted(name.text)));
    }
    segment->areas.emplace_back(name.text, extent);
  }
  return absl::OkStatus();
}

// The number that says how long a list of the segment is.
absl::Status CheckCount(const LvmSection& in, const std::string& count,
                        absl::string_view list, const LvmSegment& segment) {
  const LvmValue* said = in.Value(count);
  if (said == nullptr || in.Value(list) == nullptr ||
      said->number == segment.areas.size()) {
    return absl::OkStatus();
  }
  return said->place.Error(absl::StrCat(count, " is ", said->number, ", but ",
                                        segment.areas.size(),
                                        " of them are in ", list));
}

absl::StatusOr<LvmSegment> ReadSegment(const LvmSection& in) {
  LvmSegment segment{.place = in.place};
  absl::Status s = Number(in, "start_extent", &segment.start_extent);
  if (s.ok()) s = Number(in, "extent_count", &segment.extent_count);
  if (!s.ok()) return s;
  for (const auto& [key, value] : in.values) {
    if (key == "stripes" || key == "mirrors" || key == "raids" ||
        key == "raid0_lvs") {
      s = ReadAreas(value,
                    key == "stripes" ? Areas::kWithExtents : Areas::kNames,
                    &segment);
      if (!s.ok()) return s;
    } else if (value.kind == LvmValue::kNumber) {
      segment.numbers[key] = value.number;
    } else if (value.kind == LvmValue::kText) {
      segment.texts[key] = value.text;
    }
  }
  s = CheckCount(in, "stripe_count", "stripes", segment);
  if (s.ok()) s = CheckCount(in, "mirror_count", "mirrors", segment);
  if (!s.ok()) return s;
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

// How LVM2 chooses extents, and what has 32 bits there.
absl::Status CheckSettings(const LvmSection& in, absl::string_view policy) {
  if (!policy.empty() && !IsLvmPolicy(policy)) {
    return in.Value("allocation_policy")
        ->place.Error(
            absl::StrCat(Quoted(policy), " is no policy: ", kLvmPolicies));
  }
  for (const char* key : {"max_pv", "max_lv", "major", "minor"}) {
    const LvmValue* const value = in.Value(key);
    if (value == nullptr || value->number <= kLvmMostNumber) continue;
    return value->place.Error(
        absl::StrCat(key, " is ", value->number, ": at most ", kLvmMostNumber));
  }
  return absl::OkStatus();
}

absl::StatusOr<LvmLv> ReadLv(const LvmSection& in) {
  LvmLv lv{.name = in.name,
           .id = Text(in, "id"),
           .status = Words(in, "status"),
           .flags = Words(in, "flags"),
           .tags = Words(in, "tags"),
           .allocation = Text(in, "allocation_policy"),
           .place = in.place};
  for (auto [key, out] :
       {std::pair("major", &lv.major), std::pair("minor", &lv.minor)}) {
    if (in.Value(key) == nullptr) continue;
    if (absl::Status s = Number(in, key, out); !s.ok()) return s;
  }
  if (absl::Status s = CheckSettings(in, lv.allocation); !s.ok()) return s;
  for (const LvmSection& section : in.sections) {
    if (!absl::StartsWith(section.name, "segment")) continue;
    absl::StatusOr<LvmSegment> segment = ReadSegment(section);
    if (!segment.ok()) return segment.status();
    lv.segments.push_back(*std::move(segment));
  }
  const LvmValue* count = in.Value("segment_count");
  if (count != nullptr && count->number != lv.segments.size()) {
    return count->place.Error(absl::StrCat("segment_count is ", count->number,
                                           ", but ", lv.segments.size(),
                                           " are in ", in.name));
  }
  return lv;
}

// An extent of a PV is one segment's, and there.
class PvExtents {
 public:
  explicit PvExtents(const LvmGroup& group) : group_(group) {}

  absl::Status Add(const LvmLv& lv) {
    for (const LvmSegment& segment : lv.segments) {
      // Each stripe has its share, each mirror all.
      const uint64_t stripes =
          std::max<uint64_t>(segment.Number("stripe_count"), 1);
      for (const auto& [name, first] : segment.areas) {
        auto pv = group_.pvs.find(name);
        if (pv == group_.pvs.end()) continue;
        absl::Status s = Add(lv, segment, pv->second, name, first,
                             segment.extent_count / stripes);
        if (!s.ok()) return s;
      }
    }
    return absl::OkStatus();
  }

 private:
  struct Owner {
    uint64_t end;
    const LvmLv* lv;
    const LvmSegment* segment;
  };

  absl::Status Add(const LvmLv& lv, const LvmSegment& segment, const LvmPv& pv,
                   const std::string& name, uint64_t first, uint64_t extents) {
    if (extents == 0) return absl::OkStatus();
    const std::string what = absl::StrCat("extents ", first, " to ",
                                          first + extents - 1, " of ", name);
    if (extents > pv.pe_count || first > pv.pe_count - extents) {
      return segment.place.Error(
          absl::StrCat(what, ", which has ", pv.pe_count));
    }
    std::map<uint64_t, Owner>& owners = owners_[name];
    auto other = owners.lower_bound(first + extents);
    if (other != owners.begin() && std::prev(other)->second.end > first) {
      const Owner& owner = std::prev(other)->second;
      return segment.place.Error(
          absl::StrCat(what, " for ", lv.name, " are also of ", owner.lv->name,
                       ", ", owner.segment->place.ToString()));
    }
    owners[first] = {first + extents, &lv, &segment};
    return absl::OkStatus();
  }

  const LvmGroup& group_;
  std::map<std::string, std::map<uint64_t, Owner>> owners_;  // by PV and start
};

absl::StatusOr<LvmGroup> ReadGroup(const LvmSection& in) {
  LvmGroup group{.name = in.name,
                 .id = Text(in, "id"),
                 .tags = Words(in, "tags"),
                 .status = Words(in, "status"),
                 .flags = Words(in, "flags"),
                 .allocation = Text(in, "allocation_policy"),
                 .place = in.place};
  absl::Status s = Number(in, "extent_size", &group.extent_size);
  if (!s.ok()) return s;
  for (auto [key, out] :
       {std::pair("seqno", &group.seqno), std::pair("max_pv", &group.max_pv),
        std::pair("max_lv", &group.max_lv)}) {
    if (in.Value(key) == nullptr) continue;
    if (s = Number(in, key, out); !s.ok()) return s;
  }
  if (s = CheckSettings(in, group.allocation); !s.ok()) return s;
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
  PvExtents extents(group);
  for (const std::string& name : group.lv_order) {
    s = extents.Add(group.lvs.at(name));
    if (!s.ok()) return s;
  }
  return group;
}

// Of two states of one group the older is no contradiction.
void KeepNewest(LvmGroup group, Facts* facts) {
  for (LvmGroup& other : facts->groups) {
    if (other.name != group.name || other.seqno == group.seqno) continue;
    if (other.seqno < group.seqno) std::swap(other, group);
    facts->Note(group.place,
                absl::StrCat(group.name, " with seqno ", group.seqno,
                             " is left out: ", other.place.ToString(), " has ",
                             other.seqno));
    return;
  }
  facts->groups.push_back(std::move(group));
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
    KeepNewest(*std::move(group), facts);
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kLvmMetadataImport = {"vgcfgbackup", "vgcfgbackup",
                                                Detect, Read};

}  // namespace dmdax
