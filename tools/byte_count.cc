// SPDX-License-Identifier: Apache-2.0
#include "tools/byte_count.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dmdax {

std::string ParseBytes(const std::string& text, uint64_t* bytes) {
  size_t digits = 0;
  uint64_t value = 0;
  if (absl::StartsWith(text, "0x")) {
    digits = std::min(text.find_first_not_of("0123456789abcdefABCDEF", 2),
                      text.size());
    if (!absl::SimpleHexAtoi(text.substr(0, digits), &value)) return text;
  } else {
    digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (!absl::SimpleAtoi(text.substr(0, digits), &value)) return text;
  }
  std::string unit = text.substr(digits);
  if (absl::EndsWith(unit, "iB")) unit.resize(unit.size() - 2);
  const absl::string_view units = "KMGTP";
  int shift = 0;
  if (!unit.empty()) {
    const size_t at = units.find(unit[0]);
    if (unit.size() != 1 || at == units.npos) return text;
    shift = 10 * static_cast<int>(at + 1);
  }
  if (shift != 0 && value >> (64 - shift) != 0) return text;
  *bytes = value << shift;
  return "";
}

CLI::Validator ByteCount() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        uint64_t bytes = 0;
        if (!ParseBytes(text, &bytes).empty()) {
          return absl::StrCat("'", text,
                              "' is not a number of bytes (512M, 3GiB, "
                              "0x100000000)");
        }
        text = absl::StrCat(bytes);
        return "";
      },
      "BYTES");
}

std::string BytesText(uint64_t bytes) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return absl::StrCat(bytes, " ", kUnits[unit]);
}

}  // namespace dmdax
