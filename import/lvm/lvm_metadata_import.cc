// SPDX-License-Identifier: Apache-2.0
//
// vgcfgbackup: a volume group as LVM2 keeps it (also /etc/lvm/backup/VG).
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "import/import_format.h"
#include "import/lvm/lvm_config.h"
#include "import/lvm/lvm_pv_extents.h"

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

// With another word LVM2 does not read the metadata.
absl::Status CheckStatus(const LvmSection& in, LvmStatusOf of) {
  const LvmValue* const status = in.Value("status");
  if (status == nullptr) return absl::OkStatus();
  for (const LvmValue& word : status->list) {
    if (IsLvmStatus(of, word.text)) continue;
    return word.place.Error(
        absl::StrCat(Quoted(word.text), " is no status that LVM2 has"));
  }
  return absl::OkStatus();
}

absl::Status CheckName(const LvmSection& in) {
  if (IsLvmName(in.name)) return absl::OkStatus();
  return in.place.Error(absl::StrCat(
      Quoted(in.name),
      " is no name that LVM2 gives: at most 127 letters, digits and ._-+, the "
      "first no -"));
}

bool IsIn(const std::vector<std::string>& words, absl::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

absl::StatusOr<LvmPv> ReadPv(const LvmSection& in) {
  if (absl::Status s = CheckStatus(in, LvmStatusOf::kPv); !s.ok()) return s;
  LvmPv pv{.name = in.name,
           .device = Text(in, "device"),
           .id = Text(in, "id"),
           .tags = Words(in, "tags"),
           .place = in.place};
  if (in.Value("status") != nullptr) {
    const std::vector<std::string> status = Words(in, "status");
    pv.allocatable = IsIn(status, "ALLOCATABLE");
    pv.gone = IsIn(status, "MISSING");  // as it was written once
  }
  pv.gone |= IsIn(Words(in, "flags"), "MISSING") || IsNoDevice(pv.device);
  if (in.Value("dev_size") != nullptr) {
    absl::Status s = Number(in, "dev_size", &pv.dev_size);
    if (!s.ok()) return s;
  }
  if (in.Value("ba_size") != nullptr) {
    absl::Status s = Number(in, "ba_size", &pv.ba_size);
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
  for (const char* key :
       {"max_pv", "max_lv", "major", "minor", "metadata_copies"}) {
    const LvmValue* const value = in.Value(key);
    if (value == nullptr || value->number <= kLvmMostNumber) continue;
    return value->place.Error(
        absl::StrCat(key, " is ", value->number, ": at most ", kLvmMostNumber));
  }
  return absl::OkStatus();
}

// LVM2's number is a signed one of 32 bits: -1 is none, and 0 what it decides.
absl::StatusOr<std::string> ReadAhead(const LvmSection& in) {
  const LvmValue* const value = in.Value("read_ahead");
  if (value == nullptr || value->text == "0") return "";
  if (value->text == "-1") return "none";
  if (value->kind != LvmValue::kNumber || value->number > INT32_MAX) {
    return value->place.Error(
        absl::StrCat("a number of sectors is expected as read_ahead, -1 or 0"));
  }
  return value->text;
}

absl::StatusOr<LvmLv> ReadLv(const LvmSection& in) {
  absl::Status sound = CheckName(in);
  if (sound.ok()) sound = CheckStatus(in, LvmStatusOf::kLv);
  if (!sound.ok()) return sound;
  absl::StatusOr<std::string> read_ahead = ReadAhead(in);
  if (!read_ahead.ok()) return read_ahead.status();
  LvmLv lv{.name = in.name,
           .id = Text(in, "id"),
           .status = Words(in, "status"),
           .flags = Words(in, "flags"),
           .tags = Words(in, "tags"),
           .allocation = Text(in, "allocation_policy"),
           .read_ahead = *std::move(read_ahead),
           .profile = Text(in, "profile"),
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

absl::StatusOr<LvmGroup> ReadGroup(const LvmSection& in) {
  LvmGroup group{.name = in.name,
                 .id = Text(in, "id"),
                 .tags = Words(in, "tags"),
                 .status = Words(in, "status"),
                 .flags = Words(in, "flags"),
                 .allocation = Text(in, "allocation_policy"),
                 .profile = Text(in, "profile"),
                 .system_id = Text(in, "system_id"),
                 .lock_type = Text(in, "lock_type"),
                 .place = in.place};
  absl::Status s = CheckName(in);
  if (s.ok()) s = CheckStatus(in, LvmStatusOf::kGroup);
  if (s.ok()) s = Number(in, "extent_size", &group.extent_size);
  if (!s.ok()) return s;
  for (auto [key, out] :
       {std::pair("seqno", &group.seqno), std::pair("max_pv", &group.max_pv),
        std::pair("max_lv", &group.max_lv)}) {
    if (in.Value(key) == nullptr) continue;
    if (s = Number(in, key, out); !s.ok()) return s;
  }
  if (s = CheckSettings(in, group.allocation); !s.ok()) return s;
  if (in.Value("metadata_copies") != nullptr) {
    uint64_t copies = 0;
    if (s = Number(in, "metadata_copies", &copies); !s.ok()) return s;
    group.metadata_copies = copies == 0                ? ""
                            : copies == kLvmMostNumber ? "all"
                                                       : absl::StrCat(copies);
  }
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
  LvmPvExtents extents(group);
  for (const std::string& name : group.lv_order) {
    s = extents.Add(group.lvs.at(name));
    if (!s.ok()) return s;
  }
  return group;
}

// Flags that LVM2 does not know it overlooks, and does not write again.
void NoteFlags(const std::string& name, const Place& place,
               const std::vector<std::string>& flags, Facts* facts) {
  for (const std::string& flag : flags) {
    if (IsLvmFlag(flag)) continue;
    facts->Note(place, absl::StrCat(name, ": ", Quoted(flag),
                                    " is no flag that LVM2 has: it is not "
                                    "kept"));
  }
}

void NoteFlags(const LvmGroup& group, Facts* facts) {
  NoteFlags(group.name, group.place, group.flags, facts);
  for (const std::string& name : group.lv_order) {
    const LvmLv& lv = group.lvs.at(name);
    NoteFlags(absl::StrCat(group.name, "/", name), lv.place, lv.flags, facts);
  }
}

// Of two states of one group the older is no contradiction; two groups of one
// name are.
absl::Status KeepNewest(LvmGroup group, Facts* facts) {
  for (LvmGroup& other : facts->groups) {
    if (other.name != group.name) continue;
    if (absl::Status s = CheckSameGroup(group, other); !s.ok()) return s;
    if (other.seqno == group.seqno) continue;
    if (other.seqno < group.seqno) std::swap(other, group);
    facts->Note(group.place,
                absl::StrCat(group.name, " with seqno ", group.seqno,
                             " is left out: ", other.place.ToString(), " has ",
                             other.seqno));
    return absl::OkStatus();
  }
  facts->groups.push_back(std::move(group));
  return absl::OkStatus();
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  absl::StatusOr<LvmSection> root = ParseLvmConfig(input);
  if (!root.ok()) return root.status();
  const LvmValue* const version = root->Value("version");
  if (version != nullptr && version->text != "1") {
    return version->place.Error(
        absl::StrCat("version ", Quoted(version->text),
                     ": LVM2 reads version 1 of this format alone"));
  }
  // The groups are the root's sections.
  if (root->sections.empty()) {
    return Place{&input, 1, 1}.Error("a volume group is expected");
  }
  for (const LvmSection& section : root->sections) {
    absl::StatusOr<LvmGroup> group = ReadGroup(section);
    if (!group.ok()) return group.status();
    NoteFlags(*group, facts);
    if (absl::Status s = KeepNewest(*std::move(group), facts); !s.ok()) {
      return s;
    }
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kLvmMetadataImport = {"vgcfgbackup", "vgcfgbackup",
                                                Detect, Read, LastLine::kAny};

}  // namespace dmdax
