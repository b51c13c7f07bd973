// SPDX-License-Identifier: Apache-2.0
#include "tools/byte_count.h"

#include <cmath>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

// What errors show of a word, which may be as long as a command line.
std::string Shown(absl::string_view text) {
  return absl::StrCat("'", text.substr(0, 40), "'");
}

}  // namespace

std::optional<uint64_t> ParseNumber(absl::string_view text) {
  const bool hex = absl::StartsWithIgnoreCase(text, "0x");
  const absl::string_view digits = hex ? text.substr(2) : text;
  // The functions below would take blanks and a sign.
  if (digits.find_first_not_of("0123456789abcdefABCDEF") != digits.npos) {
    return std::nullopt;
  }
  uint64_t value = 0;
  const bool ok = hex ? absl::SimpleHexAtoi(digits, &value)
                      : absl::SimpleAtoi(digits, &value);
  return ok ? std::optional<uint64_t>(value) : std::nullopt;
}

std::optional<uint64_t> ParseBytes(absl::string_view text) {
  const absl::string_view units = "KMGTPE";
  const bool binary = absl::EndsWithIgnoreCase(text, "ib");
  if (binary) text.remove_suffix(2);
  const size_t unit =
      text.empty() ? units.npos : units.find(absl::ascii_toupper(text.back()));
  if (binary && unit == units.npos) return std::nullopt;
  int shift = 0;
  // 0x1e is thirty.
  const bool digit = !binary && absl::StartsWithIgnoreCase(text, "0x") &&
                     absl::EndsWithIgnoreCase(text, "e");
  if (unit != units.npos && !digit) {
    shift = 10 * static_cast<int>(unit + 1);
    text.remove_suffix(1);
  }
  const std::optional<uint64_t> value = ParseNumber(text);
  if (!value || (shift != 0 && *value >> (64 - shift) != 0)) {
    return std::nullopt;
  }
  return *value << shift;
}

CLI::Validator Number(uint64_t least, uint64_t most) {
  const bool any = least == 0 && most == UINT64_MAX;
  return CLI::Validator(
      [least, most](std::string& text) -> std::string {
        const std::optional<uint64_t> number = ParseNumber(text);
        if (!number || *number < least || *number > most) {
          return absl::StrCat(Shown(text), " is not a number from ", least,
                              " to ", most, ", decimal or 0x...");
        }
        text = absl::StrCat(*number);
        return "";
      },
      any ? "NUMBER" : absl::StrCat("NUMBER in [", least, " - ", most, "]"));
}

CLI::Validator ByteCount(uint64_t least) {
  return CLI::Validator(
      [least](std::string& text) -> std::string {
        const std::optional<uint64_t> bytes = ParseBytes(text);
        if (!bytes) {
          return absl::StrCat(Shown(text),
                              " is not a number of bytes below 2^64 (512M, "
                              "3GiB, 0x100000000); units are powers of 1024 "
                              "and have no fractions");
        }
        if (*bytes < least) {
          return absl::StrCat(*bytes, " bytes; at least ", least);
        }
        text = absl::StrCat(*bytes);
        return "";
      },
      "BYTES");
}

CLI::Validator Seconds() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        double seconds = 0;
        const bool digits =
            text.find_first_not_of("0123456789.") == text.npos &&
            absl::SimpleAtod(text, &seconds) && std::isfinite(seconds);
        return digits ? ""
                      : absl::StrCat(Shown(text),
                                     " is not a number of seconds (30, 0.5)");
      },
      "SECONDS");
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
