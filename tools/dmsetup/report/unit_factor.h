// SPDX-License-Identifier: Apache-2.0
//
// The letters of sizes: "4k" is 4096 bytes, "4K" is 4000.
//
// Mirrors: dm_units_to_factor of libdm/libdm-string.c (1.02.185), for a text
// that begins with the letter.
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_UNIT_FACTOR_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_UNIT_FACTOR_H_

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// Bytes in a unit that `text` begins with; 0 if it begins with none.
inline uint64_t UnitFactor(absl::string_view text) {
  if (text.empty()) return 0;
  constexpr absl::string_view kPowers = "kmgtpe", kBytes = "hHrRbB";
  const char c = text[0];
  if (kBytes.find(c) != kBytes.npos) return 1;
  if (c == 's' || c == 'S') return 512;
  const size_t power =
      kPowers.find(absl::ascii_tolower(static_cast<unsigned char>(c)));
  if (power == kPowers.npos) return 0;
  uint64_t factor = 1;
  for (size_t i = 0; i <= power; ++i) {
    factor *= absl::ascii_isupper(static_cast<unsigned char>(c)) ? 1000 : 1024;
  }
  return factor;
}

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_UNIT_FACTOR_H_
