// SPDX-License-Identifier: Apache-2.0
#include "import/lvm/lvm_group.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace dmdax {

uint64_t LvmSegment::Number(const std::string& key) const {
  auto it = numbers.find(key);
  return it == numbers.end() ? 0 : it->second;
}

std::string LvmSegment::Text(const std::string& key) const {
  auto it = texts.find(key);
  return it == texts.end() ? "" : it->second;
}

namespace {

bool IsIn(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsOneOf(absl::string_view words, absl::string_view word) {
  for (absl::string_view one : absl::StrSplit(words, ' ')) {
    if (one == word) return true;
  }
  return false;
}

}  // namespace

bool IsLvmName(absl::string_view text) {
  constexpr size_t kMostBytes = 127;
  if (text.empty() || text.size() > kMostBytes || text[0] == '-' ||
      text == "." || text == "..") {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::string_view("._-+").find(c) != absl::string_view::npos;
  });
}

bool IsLvmStatus(LvmStatusOf of, absl::string_view word) {
  // PARTIAL was written once; CACHE_VOL and MISSING were no flags apart.
  constexpr absl::string_view kOfGroup =
      "EXPORTED RESIZEABLE PVMOVE READ WRITE WRITE_LOCKED CLUSTERED SHARED "
      "PARTIAL";
  constexpr absl::string_view kOfPv = "ALLOCATABLE EXPORTED MISSING";
  constexpr absl::string_view kOfLv =
      "READ WRITE WRITE_LOCKED FIXED_MINOR VISIBLE PVMOVE LOCKED NOTSYNCED "
      "REBUILD RESHAPE RESHAPE_DATA_OFFSET RESHAPE_DELTA_DISKS_PLUS "
      "RESHAPE_DELTA_DISKS_MINUS REMOVE_AFTER_RESHAPE WRITEMOSTLY "
      "ACTIVATION_SKIP ERROR_WHEN_FULL METADATA_FORMAT CROP_METADATA CACHE_VOL "
      "CACHE_USES_CACHEVOL";
  const absl::string_view known = of == LvmStatusOf::kGroup ? kOfGroup
                                  : of == LvmStatusOf::kPv  ? kOfPv
                                                            : kOfLv;
  return IsOneOf(known, word);
}

bool IsLvmFlag(absl::string_view word) {
  return IsOneOf(
      "WRITE_LOCKED NOAUTOACTIVATE MISSING ACTIVATION_SKIP ERROR_WHEN_FULL "
      "CACHE_VOL",
      word);
}

bool LvmLv::Has(const std::string& status_flag) const {
  return IsIn(status, status_flag);
}

bool LvmLv::HasFlag(const std::string& flag) const { return IsIn(flags, flag); }

bool LvmGroup::Has(const std::string& status_flag) const {
  return IsIn(status, status_flag);
}

bool LvmGroup::HasFlag(const std::string& flag) const {
  return IsIn(flags, flag);
}

absl::Status CheckSameGroup(const LvmGroup& group, const LvmGroup& other) {
  if (group.id.empty() || other.id.empty() || group.id == other.id) {
    return absl::OkStatus();
  }
  return group.place.Error(absl::StrCat(
      "the id of the volume group ", group.name, " is ", Quoted(group.id), "; ",
      other.place.ToString(), " says ", Quoted(other.id),
      ": are they of one machine?  LVM2 takes two groups of one name apart by "
      "their ids alone (vgrename ID NAME)"));
}

}  // namespace dmdax
