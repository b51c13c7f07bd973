// SPDX-License-Identifier: Apache-2.0
#include "import/size_range.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/round_up.h"

namespace dmdax {
namespace {

// "126.00 GiB", "126G", "512", "512B".
std::optional<SizeRange> OneSize(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  size_t digits = 0;
  size_t point = text.npos;
  for (; digits < text.size(); ++digits) {
    const char c = text[digits];
    // A locale may have a comma.
    if ((c == '.' || c == ',') && point == text.npos) {
      point = digits;
    } else if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      break;
    }
  }
  std::string number(text.substr(0, digits));
  absl::string_view unit = absl::StripAsciiWhitespace(text.substr(digits));
  if (number.empty() || point == 0) return std::nullopt;
  if (unit.empty() || unit == "B" || unit == "bytes") {
    uint64_t bytes;
    if (!absl::SimpleAtoi(number, &bytes)) return std::nullopt;
    return SizeRange::Exactly(bytes);
  }
  constexpr absl::string_view kUnits = "KMGTPE";
  const size_t power =
      kUnits.find(absl::ascii_toupper(static_cast<unsigned char>(unit[0])));
  if (power == kUnits.npos) return std::nullopt;
  unit.remove_prefix(1);
  const bool decimal = unit == "B";
  if (!decimal && !unit.empty() && unit != "iB" && unit != "i") {
    return std::nullopt;
  }
  if (point != text.npos) number[point] = '.';
  double value;
  if (!absl::SimpleAtod(number, &value)) return std::nullopt;
  const size_t places = point == text.npos ? 0 : digits - point - 1;
  if (places == 0 && point != text.npos) return std::nullopt;
  const double scale =
      std::pow(decimal ? 1000.0 : 1024.0, static_cast<double>(power) + 1);
  // lsblk leaves ".0" out, and some tools cut where others round.
  const double step =
      (places == 0 ? 0.1 : std::pow(0.1, static_cast<double>(places))) * scale;
  const double most = value * scale + step;
  if (!(most < 9e18)) return std::nullopt;
  return SizeRange{
      static_cast<uint64_t>(std::max(0.0, value * scale - step / 2)),
      static_cast<uint64_t>(most)};
}

}  // namespace

SizeRange SizeRange::And(const SizeRange& other) const {
  return {std::max(least, other.least), std::min(most, other.most)};
}

uint64_t SizeRange::Likeliest() const {
  if (exact() || empty()) return most;
  for (uint64_t unit = uint64_t{1} << 62; unit > 1; unit /= 2) {
    const uint64_t multiple = RoundDown(most, unit);
    if (multiple >= least && multiple != 0) return multiple;
  }
  return most;
}

std::string SizeRange::ToString() const {
  return exact() ? absl::StrCat(least, " bytes")
                 : absl::StrCat(least, " to ", most, " bytes");
}

std::optional<SizeRange> ParseSize(absl::string_view text) {
  const size_t open = text.find('(');
  if (open == text.npos) return OneSize(text);
  absl::string_view second = absl::StripAsciiWhitespace(text.substr(open + 1));
  if (!absl::ConsumeSuffix(&second, ")")) return std::nullopt;
  const std::optional<SizeRange> a = OneSize(text.substr(0, open));
  const std::optional<SizeRange> b = OneSize(second);
  if (!a || !b || a->And(*b).empty()) return std::nullopt;
  return a->And(*b);
}

}  // namespace dmdax
