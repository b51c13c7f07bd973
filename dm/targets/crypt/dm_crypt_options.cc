// SPDX-License-Identifier: Apache-2.0
//
// crypt: its optional words.
//
//   allow_discards, same_cpu_crypt, high_priority, submit_from_crypt_cpus,
//   no_read_workqueue, no_write_workqueue, iv_large_sectors
//   sector_size:<512..4096>, integrity:<bytes>:<aead|none>,
//   integrity_key_size:<bytes>
//
// Mirrors: crypt_ctr_optional of drivers/md/dm-crypt.c.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/arg_set.h"
#include "dm/targets/crypt/dm_crypt.h"

namespace dmdax {
namespace {

constexpr KernelRelease k6_10{6, 10}, k6_11{6, 11};

constexpr Since<uint32_t> kMaxWords[] = {{k4_14, 6}, {{5, 9}, 8}, {k6_11, 9}};

// In the order of the table.
constexpr WordSince kFlags[] = {{"same_cpu_crypt", k4_14},
                                {"high_priority", k6_10},
                                {"submit_from_crypt_cpus", k4_14},
                                {"no_read_workqueue", {5, 9}},
                                {"no_write_workqueue", {5, 9}}};
constexpr WordSince kIntegrityKeySize{"integrity_key_size:", k6_11};

// sscanf("<prefix>%u..."): the number behind `prefix`, cut to 32 bits, and what
// follows it.  Nothing: another word.
std::optional<uint32_t> ScanNumber(const std::string& word,
                                   absl::string_view prefix,
                                   SscanfOverflow overflow,
                                   absl::string_view* rest) {
  absl::string_view text = word;
  if (!absl::ConsumePrefix(&text, prefix)) return std::nullopt;
  size_t end = 0;
  while (end < text.size() && KernelIsSpace(text[end])) ++end;
  while (end < text.size() && absl::ascii_isdigit(text[end])) ++end;
  absl::StatusOr<uint32_t> number = SscanfU32(text.substr(0, end), overflow);
  if (!number.ok()) return std::nullopt;
  *rest = text.substr(end);
  return *number;
}

absl::Status SetSectorSize(const DmTarget& ti, uint32_t number,
                           CryptConfig* cc) {
  // The kernel stores the number in an unsigned short.
  const uint32_t size = number & 0xffff;
  if (size < 512 || size > 4096 || (size & (size - 1)) != 0) {
    return DmError("Invalid feature value for sector_size");
  }
  if (ti.len.value() % (size >> kSectorShift) != 0) {
    return DmError("Device size is not multiple of sector_size feature");
  }
  cc->sector_size = size;
  return absl::OkStatus();
}

absl::Status SetIntegrity(uint32_t size, absl::string_view rest,
                          CryptConfig* cc) {
  constexpr uint32_t kMaxTagSize = 480;
  if (size == 0 || size > kMaxTagSize) {
    return DmError("Invalid integrity arguments");
  }
  const size_t colon = rest.find(':');
  if (colon == rest.npos) {
    return DmNotModelled("crypt with integrity but no profile",
                         "a kernel that survives it: it reads address 1");
  }
  const absl::string_view profile = rest.substr(colon + 1);
  if (absl::EqualsIgnoreCase(profile, "aead")) {
    cc->aead = true;
  } else if (!absl::EqualsIgnoreCase(profile, "none")) {
    return DmError("Unknown integrity profile");
  }
  cc->used_tag_size = size;
  cc->cipher_auth = std::string(profile);
  return absl::OkStatus();
}

absl::Status ParseWord(const DmTarget& ti, const std::string& word,
                       CryptConfig* cc) {
  const KernelProfile& profile = ProfileOf(ti);
  const SscanfOverflow overflow = profile.sscanf_overflow;
  for (absl::string_view flag : CryptFlags(profile)) {
    if (!absl::EqualsIgnoreCase(word, flag)) continue;
    if (!cc->Has(flag)) cc->flags.push_back(flag);
    return absl::OkStatus();
  }
  if (absl::EqualsIgnoreCase(word, "allow_discards")) {
    cc->allow_discards = true;
    return absl::OkStatus();
  }
  absl::string_view rest;
  if (auto size = ScanNumber(word, "integrity:", overflow, &rest)) {
    return SetIntegrity(*size, rest, cc);
  }
  if (kIntegrityKeySize.In(profile.release)) {
    auto size = ScanNumber(word, kIntegrityKeySize.word, overflow, &rest);
    if (size.has_value() && rest.empty()) {
      if (*size == 0) return DmError("Invalid integrity_key_size argument");
      cc->key_mac_size = *size;
      cc->key_mac_size_set = true;
      return absl::OkStatus();
    }
  }
  if (auto size = ScanNumber(word, "sector_size:", overflow, &rest);
      size.has_value() && rest.empty()) {
    return SetSectorSize(ti, *size, cc);
  }
  if (!absl::EqualsIgnoreCase(word, "iv_large_sectors")) {
    return DmError("Invalid feature arguments");
  }
  cc->iv_large_sectors = true;
  return absl::OkStatus();
}

}  // namespace

bool CryptConfig::Has(absl::string_view flag) const {
  return std::find(flags.begin(), flags.end(), flag) != flags.end();
}

std::vector<absl::string_view> CryptFlags(const KernelProfile& profile) {
  std::vector<absl::string_view> known;
  for (const WordSince& flag : kFlags) {
    if (flag.In(profile.release)) known.push_back(flag.word);
  }
  return known;
}

absl::Status ParseCryptOptions(const DmTarget& ti,
                               absl::Span<const std::string> argv,
                               CryptConfig* cc) {
  if (argv.empty()) return absl::OkStatus();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, ValueAt<uint32_t>(kMaxWords, ProfileOf(ti).release),
                       "Invalid number of feature args"});
  if (!count.ok()) return count.status();
  for (uint32_t i = 0; i < *count; ++i) {
    absl::Status s = ParseWord(ti, *as.Shift(), cc);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace dmdax
