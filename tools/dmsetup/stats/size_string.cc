// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/stats/size_string.h"

#include <cfloat>
#include <cmath>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/units.h"
#include "tools/dmsetup/report/unit_factor.h"

namespace dmdax {
namespace {

constexpr absl::string_view kHuman = "hHrR";

bool CloseEnough(double a, double b) { return std::fabs(a - b) < DBL_EPSILON; }

bool IsUpper(char c) {
  return absl::ascii_isupper(static_cast<unsigned char>(c));
}

// The largest unit that leaves a number of at least 1.
std::string HumanSize(uint64_t bytes, char type) {
  // The thousands are written with capitals; bytes are 'b' among the others.
  const bool thousands = IsUpper(type);
  const absl::string_view letters = thousands ? "EPTGMKB" : "eptgmkb";
  const uint64_t step = thousands ? 1000 : 1024;
  uint64_t unit = step * step * step * step * step * step;
  size_t i = 0;
  for (; i < letters.size() - 1 && bytes < unit; ++i) unit /= step;
  const bool whole = i == letters.size() - 1;
  const double size = static_cast<double>(bytes) / static_cast<double>(unit);
  const char* prefix = "";
  if (!whole && absl::ascii_tolower(static_cast<unsigned char>(type)) == 'r') {
    const double hundredths =
        100. * static_cast<double>(bytes) / static_cast<double>(unit);
    if (!CloseEnough(std::floor(hundredths), std::nearbyint(hundredths))) {
      prefix = "<";
    }
  }
  return absl::StrFormat("%s%.*f%c", prefix, whole ? 0 : 2, size, letters[i]);
}

}  // namespace

std::optional<SizeUnits> ParseSizeUnits(const std::string& text) {
  const char* letter = text.c_str();
  uint64_t count = 1;
  double custom = 0;
  if (absl::ascii_isdigit(static_cast<unsigned char>(*letter))) {
    char* end = nullptr;
    custom = strtod(text.c_str(), &end);
    count = strtoull(text.c_str(), nullptr, 10);
    if (CloseEnough(static_cast<double>(count), custom)) custom = 0;
    letter = end;
  }
  const uint64_t factor = UnitFactor(letter);
  if (factor == 0) return std::nullopt;
  if (kHuman.find(*letter) != kHuman.npos) return SizeUnits{*letter, 1};
  const SizeUnits units = {
      count == 1 ? *letter : 'U',
      CloseEnough(custom, 0.)
          ? count * factor
          : static_cast<uint64_t>(custom * static_cast<double>(factor))};
  if (units.factor == 0) return std::nullopt;
  return units;
}

std::string DmSizeToString(uint64_t sectors, SizeUnits units) {
  if (sectors == 0) return "0";
  const uint64_t bytes = sectors * kSectorSize;
  if (kHuman.find(units.type) != kHuman.npos) {
    return HumanSize(bytes, units.type);
  }
  constexpr absl::string_view kWhole = "bBsS";
  const int digits = kWhole.find(units.type) != kWhole.npos ? 0 : 2;
  return absl::StrFormat(
      "%.*f", digits,
      static_cast<double>(bytes) / static_cast<double>(units.factor));
}

std::optional<uint64_t> SizeFromString(const std::string& text) {
  char* end = nullptr;
  const uint64_t size = strtoull(text.c_str(), &end, 10);
  if (end == text.c_str()) return std::nullopt;
  if (*end == '\0') return size * kSectorSize;
  const std::optional<SizeUnits> units = ParseSizeUnits(end);
  return units ? size * units->factor : size;
}

}  // namespace dmdax
