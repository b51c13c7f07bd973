// SPDX-License-Identifier: Apache-2.0
//
// crypt: its TABLE and IMA lines.
// Mirrors: crypt_status of drivers/md/dm-crypt.c (4.14 to 7.2).
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dm/targets/crypt/dm_crypt.h"

namespace dmdax {
namespace {

std::vector<std::string> OptionWords(const DmTarget& ti,
                                     const CryptConfig& cc) {
  std::vector<std::string> words;
  if (cc.allow_discards) words.emplace_back("allow_discards");
  for (absl::string_view flag : CryptFlags(ProfileOf(ti))) {
    if (cc.Has(flag)) words.emplace_back(flag);
  }
  if (cc.used_tag_size > 0) {
    words.push_back(
        absl::StrCat("integrity:", cc.used_tag_size, ":", cc.cipher_auth));
  }
  if (cc.sector_size != 512) {
    words.push_back(absl::StrCat("sector_size:", cc.sector_size));
  }
  if (cc.iv_large_sectors) words.emplace_back("iv_large_sectors");
  if (cc.key_mac_size_set) {
    words.push_back(absl::StrCat("integrity_key_size:", cc.key_mac_size));
  }
  return words;
}

std::string KeyWord(const CryptConfig& cc) {
  if (cc.key_size == 0) return "-";
  if (cc.key_string.empty()) return cc.key;
  return absl::StrCat(":", cc.key_size, ":", cc.key_string);
}

void CryptTable(const DmTarget& ti, const CryptConfig& cc, std::string* out) {
  absl::StrAppend(out, cc.cipher_string, " ", KeyWord(cc), " ", cc.iv_offset,
                  " ", cc.dev->name);
  absl::StrAppend(out, " ", cc.start.value());
  const std::vector<std::string> words = OptionWords(ti, cc);
  if (words.empty()) return;
  absl::StrAppend(out, " ", words.size(), " ", absl::StrJoin(words, " "));
}

void CryptIma(const DmTarget& ti, const CryptConfig& cc, std::string* out) {
  absl::StrAppend(out, DmTargetNameVersion(ti),
                  ",allow_discards=", cc.allow_discards ? "y" : "n");
  for (absl::string_view flag : CryptFlags(ProfileOf(ti))) {
    absl::StrAppend(out, ",", flag, "=", cc.Has(flag) ? "y" : "n");
  }
  absl::StrAppend(out, ",iv_large_sectors=", cc.iv_large_sectors ? "y" : "n");
  if (cc.used_tag_size > 0) {
    absl::StrAppend(out, ",integrity_tag_size=", cc.used_tag_size,
                    ",cipher_auth=", cc.cipher_auth);
  }
  if (cc.sector_size != 512) {
    absl::StrAppend(out, ",sector_size=", cc.sector_size);
  }
  absl::StrAppend(out, ",cipher_string=", cc.cipher_string,
                  ",key_size=", cc.key_size, ",key_parts=", cc.key_parts);
  absl::StrAppend(out, ",key_extra_size=", cc.key_extra_size,
                  ",key_mac_size=", cc.key_mac_size, ";");
}

}  // namespace

void CryptStatus(const DmTarget& ti, StatusType type, uint32_t /*status_flags*/,
                 std::string* out) {
  const CryptConfig& cc = ti.Private<CryptConfig>();
  if (type == STATUSTYPE_TABLE) CryptTable(ti, cc, out);
  if (type == STATUSTYPE_IMA) CryptIma(ti, cc, out);
}

}  // namespace dmdax
