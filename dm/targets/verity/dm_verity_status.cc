// SPDX-License-Identifier: Apache-2.0
//
// verity: its INFO, TABLE and IMA lines.
// Mirrors verity_status of drivers/md/dm-verity-target.c (4.14 to 7.2).
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/since.h"
#include "dm/targets/verity/dm_verity.h"

namespace dmdax {
namespace {

// A second word: how many bytes were corrected.
constexpr Since<bool> kCountsCorrections[] = {{k7_2, true}};

absl::string_view OrDash(absl::string_view text) {
  return text.empty() ? "-" : text;
}

void VerityInfo(const DmTarget& ti, const Verity& v, std::string* out) {
  out->push_back(v.failed ? 'C' : 'V');
  if (ValueAt<bool>(kCountsCorrections, ProfileOf(ti).release)) {
    absl::StrAppend(out, v.fec_dev != nullptr ? " 0" : " -");
  }
}

// In the order that the kernel shows them, whatever order they were given in.
std::vector<std::string> OptionWords(const Verity& v) {
  std::vector<std::string> words;
  if (!v.mode.empty()) words.emplace_back(v.mode);
  if (!v.error_mode.empty()) words.emplace_back(v.error_mode);
  if (v.ignore_zero_blocks) words.emplace_back("ignore_zero_blocks");
  if (v.check_at_most_once) words.emplace_back("check_at_most_once");
  if (v.verify_in_tasklet) words.emplace_back("try_verify_in_tasklet");
  if (v.fec_dev == nullptr) return words;
  const std::string fec[] = {"use_fec_from_device", v.fec_dev->name,
                             "fec_blocks",          absl::StrCat(v.fec_blocks),
                             "fec_start",           absl::StrCat(v.fec_start),
                             "fec_roots",           absl::StrCat(v.fec_roots)};
  words.insert(words.end(), std::begin(fec), std::end(fec));
  return words;
}

void VerityTable(const Verity& v, std::string* out) {
  absl::StrAppend(out, v.version, " ", v.data_dev->name, " ", v.hash_dev->name);
  absl::StrAppend(out, " ", v.data_block, " ", v.hash_block, " ",
                  v.data_blocks);
  absl::StrAppend(out, " ", v.hash_start, " ", v.alg, " ", v.digest, " ",
                  OrDash(v.salt));
  const std::vector<std::string> words = OptionWords(v);
  if (words.empty()) return;
  absl::StrAppend(out, " ", words.size(), " ", absl::StrJoin(words, " "));
}

void VerityIma(const DmTarget& ti, const Verity& v, std::string* out) {
  absl::StrAppend(out, DmTargetNameVersion(ti),
                  ",hash_failed=", v.failed ? "C" : "V",
                  ",verity_version=", v.version);
  absl::StrAppend(out, ",data_device_name=", v.data_dev->name,
                  ",hash_device_name=", v.hash_dev->name);
  absl::StrAppend(out, ",verity_algorithm=", v.alg, ",root_digest=", v.digest,
                  ",salt=", OrDash(v.salt));
  absl::StrAppend(out, ",ignore_zero_blocks=", v.ignore_zero_blocks ? "y" : "n",
                  ",check_at_most_once=", v.check_at_most_once ? "y" : "n");
  if (!v.mode.empty()) absl::StrAppend(out, ",verity_mode=", v.mode);
  if (!v.error_mode.empty()) {
    absl::StrAppend(out, ",verity_error_mode=", v.error_mode);
  }
  out->push_back(';');
}

}  // namespace

void VerityStatus(const DmTarget& ti, StatusType type,
                  uint32_t /*status_flags*/, std::string* out) {
  const Verity& v = ti.Private<Verity>();
  switch (type) {
    case STATUSTYPE_INFO:
      return VerityInfo(ti, v, out);
    case STATUSTYPE_TABLE:
      return VerityTable(v, out);
    case STATUSTYPE_IMA:
      return VerityIma(ti, v, out);
  }
}

}  // namespace dmdax
