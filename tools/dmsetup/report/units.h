// SPDX-License-Identifier: Apache-2.0
//
// The letters of sizes: 'k' is 1024 bytes, 'K' is 1000, 's' a sector.
//
// Mirrors: dm_units_to_factor of libdm/libdm-string.c (1.02.185), as far as
// which texts name a unit.
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_UNITS_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_UNITS_H_

#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace dmdax {

inline bool BeginsWithUnit(absl::string_view text) {
  constexpr absl::string_view kUnits = "hHrRbBsSkKmMgGtTpPeE";
  return !text.empty() && kUnits.find(text[0]) != kUnits.npos;
}

// --units: a letter, perhaps behind a number of them that is at least a byte.
inline bool NamesUnits(const std::string& text) {
  const char* letter = text.c_str();
  double number = 1;
  if (absl::ascii_isdigit(static_cast<unsigned char>(*letter))) {
    char* end = nullptr;
    number = strtod(letter, &end);
    letter = end;
  }
  if (!BeginsWithUnit(letter)) return false;
  constexpr absl::string_view kBytes = "bB", kChosen = "hHrR";
  if (kChosen.find(*letter) != kChosen.npos) return true;
  return number >= 1 || (number > 0 && kBytes.find(*letter) == kBytes.npos);
}

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_UNITS_H_
