// SPDX-License-Identifier: Apache-2.0
//
// BytesFromHex: bytes of which a text has the hexadecimal digits.
//
//   BytesFromHex("2f6D").value();      // "/m"
//   BytesFromHex("2f6").has_value();   // false
//
// Abseil's own exists in two forms, of which each of its releases has only one
// that is not deprecated.
// Threading: pure function.
#ifndef DMDAX_BASE_HEX_H_
#define DMDAX_BASE_HEX_H_

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// Nothing if a digit is none, or one is left over.
inline std::optional<std::string> BytesFromHex(absl::string_view hex) {
  if (hex.size() % 2 != 0 ||
      !std::all_of(hex.begin(), hex.end(), [](unsigned char c) {
        return absl::ascii_isxdigit(c);
      })) {
    return std::nullopt;
  }
  const auto digit = [&](size_t i) {
    return hex[i] <= '9' ? hex[i] - '0' : (hex[i] | 0x20) - 'a' + 10;
  };
  std::string bytes(hex.size() / 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(digit(2 * i) * 16 + digit(2 * i + 1));
  }
  return bytes;
}

}  // namespace dmdax

#endif  // DMDAX_BASE_HEX_H_
