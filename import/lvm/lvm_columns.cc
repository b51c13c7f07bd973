// SPDX-License-Identifier: Apache-2.0
#include "import/lvm/lvm_columns.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/size_range.h"

namespace dmdax {
namespace {

void AddTags(const JsonValue& column, std::vector<std::string>* tags) {
  const std::string text = column.Text();
  if (!text.empty()) *tags = absl::StrSplit(text, ',', absl::SkipEmpty());
}

// A letter of an attribute; 0: it is not there.
char Letter(const JsonValue& attributes, size_t at) {
  const std::string text = attributes.Text();
  return at < text.size() ? text[at] : '\0';
}

// Mirrors: _alloc_policies of lib/metadata/metadata.c (LVM2 2.03.16); a
// volume's is a capital while it is locked.
std::string PolicyOf(const JsonValue& column, char letter) {
  if (column.exists()) return column.Text();
  switch (absl::ascii_tolower(static_cast<unsigned char>(letter))) {
    case 'c':
      return "contiguous";
    case 'l':
      return "cling";
    case 'n':
      return "normal";
    case 'a':
      return "anywhere";
    case 'i':
      return "inherit";
    default:
      return "";
  }
}

absl::Status AddLimit(const JsonValue& column, uint64_t* limit) {
  const std::string text = column.Text();
  if (text.empty()) return absl::OkStatus();
  if (absl::SimpleAtoi(text, limit) && *limit <= kLvmMostNumber) {
    return absl::OkStatus();
  }
  return column.Expected(absl::StrCat("a number, at most ", kLvmMostNumber));
}

// In whatever units: "<99.88g" where it is a little less, "0".  Capitals are
// powers of 1000 here; and what has no unit (--nosuffix) says too little.
// Mirrors: display_size() of lib/display/display.c (LVM2 2.03.16).
std::optional<SizeRange> PrintedSize(absl::string_view text) {
  text = absl::StripAsciiWhitespace(absl::StripPrefix(text, "<"));
  if (text == "0") return SizeRange::Exactly(0);
  if (text.empty() ||
      !absl::StrContains("Bkmgtpe", text.substr(text.size() - 1)))
    return std::nullopt;
  return ParseSize(text);
}

// Whether LVM2 does it by itself, which is the default.
bool IsOff(const JsonValue& autoactivation) {
  const std::string text = autoactivation.Text();
  return autoactivation.exists() && (text.empty() || text == "0");
}

// Letter 5 of a group that hosts share; a clustered one LVM2 2.03 has no more.
constexpr size_t kSharedLetter = 5;

}  // namespace

absl::StatusOr<uint64_t> ColumnBytes(const JsonValue& value) {
  if (value.Text().empty()) return uint64_t{0};
  absl::StatusOr<std::optional<SizeRange>> size = value.Size();
  if (!size.ok()) return size.status();
  if (!*size) return uint64_t{0};
  if (!(*size)->exact()) {
    return value.place().Error(absl::StrCat(
        Quoted(value.Text()), " is rounded: --units b gives bytes"));
  }
  return (*size)->most;
}

absl::Status AddGroupColumns(const JsonValue& row, LvmGroup* group) {
  AddTags(row["vg_tags"], &group->tags);
  const JsonValue attributes = row["vg_attr"];
  const std::string policy =
      PolicyOf(row["vg_allocation_policy"], Letter(attributes, 4));
  if (!policy.empty()) group->allocation = policy;
  if (attributes.exists()) {
    group->status.clear();
    group->status.push_back("READ");
    if (Letter(attributes, 0) != 'r') group->status.push_back("WRITE");
    if (Letter(attributes, 1) == 'z') group->status.push_back("RESIZEABLE");
    if (Letter(attributes, 2) == 'x') group->status.push_back("EXPORTED");
    group->partial = Letter(attributes, 3) == 'p';
    const char shared = Letter(attributes, kSharedLetter);
    if (shared == 'c') group->status.push_back("CLUSTERED");
    if (shared == 's' && group->lock_type.empty()) group->lock_type = "shared";
  }
  for (const auto& [column, out] :
       {std::pair("vg_profile", &group->profile),
        std::pair("vg_systemid", &group->system_id),
        std::pair("vg_lock_type", &group->lock_type),
        std::pair("vg_mda_copies", &group->metadata_copies)}) {
    const std::string text = row[column].Text();
    if (!text.empty()) *out = text;
  }
  if (group->metadata_copies == "unmanaged") group->metadata_copies.clear();
  if (uint64_t gone = 0;
      absl::SimpleAtoi(row["vg_missing_pv_count"].Text(), &gone)) {
    group->partial |= gone != 0;
  }
  if (IsOff(row["vg_autoactivation"])) group->flags = {"NOAUTOACTIVATE"};
  for (const auto& [column, out] : {std::pair("pv_count", &group->nr_pvs),
                                    std::pair("lv_count", &group->nr_lvs)}) {
    absl::StatusOr<std::optional<uint64_t>> number = row[column].Number();
    if (!number.ok()) return number.status();
    if (*number) *out = **number;
  }
  absl::StatusOr<std::optional<uint64_t>> seqno = row["vg_seqno"].Number();
  if (!seqno.ok()) return seqno.status();
  if (*seqno) group->seqno = **seqno;
  if (auto free = PrintedSize(row["vg_free"].Text())) group->free = *free;
  absl::Status s = AddLimit(row["max_pv"], &group->max_pv);
  return s.ok() ? AddLimit(row["max_lv"], &group->max_lv) : s;
}

absl::Status AddPvColumns(const JsonValue& row, LvmPv* pv) {
  AddTags(row["pv_tags"], &pv->tags);
  const JsonValue attributes = row["pv_attr"];
  if (attributes.exists()) pv->allocatable = Letter(attributes, 0) == 'a';
  const std::string missing = row["pv_missing"].Text();
  pv->gone = Letter(attributes, 2) == 'm' || IsNoDevice(pv->device) ||
             (!missing.empty() && missing != "0");
  absl::StatusOr<uint64_t> bootloader = ColumnBytes(row["pv_ba_size"]);
  if (!bootloader.ok()) return bootloader.status();
  if (*bootloader != 0) pv->ba_size = *bootloader / 512;
  uint32_t areas = 0;
  if (absl::SimpleAtoi(row["pv_mda_count"].Text(), &areas)) {
    pv->metadata_areas = areas;
  }
  absl::StatusOr<uint64_t> metadata = ColumnBytes(row["pv_mda_size"]);
  if (!metadata.ok()) return metadata.status();
  if (*metadata != 0) pv->metadata_size = *metadata / 512;
  return absl::OkStatus();
}

absl::Status AddLvColumns(const JsonValue& row, LvmLv* lv) {
  AddTags(row["lv_tags"], &lv->tags);
  const JsonValue attributes = row["lv_attr"];
  const std::string policy =
      PolicyOf(row["lv_allocation_policy"], Letter(attributes, 2));
  if (!policy.empty()) lv->allocation = policy;
  // Behind a capital the table was loaded so, whatever the metadata say.
  if (Letter(attributes, 1) == 'r') std::erase(lv->status, "WRITE");
  if (Letter(attributes, 3) == 'm' && !lv->Has("FIXED_MINOR") &&
      absl::SimpleAtoi(row["lv_minor"].Text(), &lv->minor)) {
    lv->status.push_back("FIXED_MINOR");
  }
  lv->flags.clear();
  if (Letter(attributes, 9) == 'k') lv->flags.push_back("ACTIVATION_SKIP");
  if (IsOff(row["lv_autoactivation"])) lv->flags.push_back("NOAUTOACTIVATE");
  if (std::string text = row["lv_profile"].Text(); !text.empty()) {
    lv->profile = std::move(text);
  }
  const JsonValue read_ahead = row["lv_read_ahead"];
  if (read_ahead.Text().empty()) return absl::OkStatus();
  lv->read_ahead.clear();
  if (read_ahead.Text() == "auto") return absl::OkStatus();
  absl::StatusOr<uint64_t> bytes = ColumnBytes(read_ahead);
  if (!bytes.ok()) return bytes.status();
  lv->read_ahead = *bytes == 0 ? "none" : absl::StrCat(*bytes / 512);
  return absl::OkStatus();
}

}  // namespace dmdax
