// SPDX-License-Identifier: Apache-2.0
//
// A volume group as LVM2's metadata or its reports describe it.
//
// Segments keep LVM's own keys; import/lvm/lvm_tables.h turns them into tables.
// Threading: values.
#ifndef DMDAX_IMPORT_LVM_LVM_GROUP_H_
#define DMDAX_IMPORT_LVM_LVM_GROUP_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "import/import_input.h"
#include "import/size_range.h"

namespace dmdax {

// What LVM2 calls the device of a physical volume that it does not find.
inline bool IsNoDevice(absl::string_view device) {
  return device == "[unknown]" || device == "unknown device";
}

struct LvmPv {
  std::string name;     // "pv0", as segments call it
  std::string device;   // "/dev/pmem0", the hint
  std::string missing;  // why `device` is not to be believed; "": it is
  std::string id;       // its UUID; "": not said
  std::vector<std::string> tags;
  bool allocatable = true;
  bool gone = false;  // LVM2 has not found it, and changes nothing of the group
  uint64_t dev_size = 0;  // sectors; 0: not said
  uint64_t pe_start = 0;  // sectors
  uint64_t pe_count = 0;  // extents
  uint64_t ba_size = 0;   // sectors; 0: no bootloader area
  std::optional<uint32_t> metadata_areas;
  uint64_t metadata_size = 0;  // sectors, of each of them; 0: not said
  Place place;
};

struct LvmSegment {
  std::string type;  // "striped", "raid1", "thin-pool"; flags cut off
  uint64_t start_extent = 0;
  uint64_t extent_count = 0;
  std::map<std::string, uint64_t> numbers;
  std::map<std::string, std::string> texts;
  std::map<std::string, std::vector<std::string>> lists;
  // stripes, mirrors, raids: a PV's or LV's name, and the extent it begins at.
  std::vector<std::pair<std::string, uint64_t>> areas;
  Place place;

  // 0 and "" where the key is not there.
  uint64_t Number(const std::string& key) const;
  std::string Text(const std::string& key) const;
};

struct LvmLv {
  std::string name;
  std::string id;
  std::vector<std::string> status;  // READ, WRITE, VISIBLE ...
  std::vector<std::string> flags;
  std::vector<std::string> tags;
  std::string allocation;         // "contiguous"; "": it inherits the group's
  uint64_t major = 0, minor = 0;  // FIXED_MINOR
  std::string read_ahead;         // "512" sectors, "none"; "": auto
  std::string profile;
  std::vector<LvmSegment> segments;
  Place place;

  bool Has(const std::string& status_flag) const;
  bool HasFlag(const std::string& flag) const;
};

// What LVM2 keeps numbers such as max_pv in: 32 bits.
inline constexpr uint64_t kLvmMostNumber = 0xffffffff;
// Mirrors: _alloc_policies of lib/metadata/metadata.c (LVM2 2.03.16).
inline constexpr absl::string_view kLvmPolicies =
    "contiguous, cling, cling_by_tags, normal, anywhere, inherit";
inline bool IsLvmPolicy(absl::string_view text) {
  for (absl::string_view policy : absl::StrSplit(kLvmPolicies, ", ")) {
    if (policy == text) return true;
  }
  return false;
}

// What LVM2 gives volumes and groups as names: no other text is one.
// Mirrors: _validate_name of lib/misc/lvm-string.c (LVM2 2.03.16).
bool IsLvmName(absl::string_view text);

// What the status of a group, a physical volume and a volume may have: with
// another LVM2 does not read the metadata.
// Mirrors: _vg_flags, _pv_flags, _lv_flags of lib/format_text/flags.c
// (2.03.16).
enum class LvmStatusOf { kGroup, kPv, kLv };
bool IsLvmStatus(LvmStatusOf of, absl::string_view word);
// Those beside it, which an LVM2 that knows them not overlooks.
bool IsLvmFlag(absl::string_view word);

struct LvmGroup {
  std::string name;
  std::string id;
  uint64_t extent_size = 0;  // sectors
  std::vector<std::string> tags;
  std::vector<std::string> status;  // READ, WRITE, RESIZEABLE ...
  std::vector<std::string> flags;
  bool partial = false;             // by a report: some of its PVs are gone
  std::string allocation;           // "cling"; "" or "normal": it is normal
  uint64_t max_pv = 0, max_lv = 0;  // 0: no limit
  uint64_t seqno = 0;               // goes up with each change of the group
  // By a report: what it has left, how many devices, how many volumes lvs shows
  // without -a.
  std::optional<SizeRange> free;
  std::optional<uint64_t> nr_pvs, nr_lvs;
  std::string profile, system_id;
  std::string lock_type;        // "sanlock", "dlm"; "": no host shares it
  std::string metadata_copies;  // "2", "all"; "": unmanaged
  std::map<std::string, LvmPv> pvs;
  std::map<std::string, LvmLv> lvs;
  // The order of the metadata.
  std::vector<std::string> lv_order;
  Place place;

  bool Has(const std::string& status_flag) const;
  bool HasFlag(const std::string& flag) const;
};

// EINVAL with both places: two groups have one name, and LVM2 calls them by
// their UUIDs alone.  One whose id is not said may be the other.
absl::Status CheckSameGroup(const LvmGroup& group, const LvmGroup& other);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_LVM_LVM_GROUP_H_
