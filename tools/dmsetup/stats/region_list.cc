// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/stats/region_list.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/dmsetup/stats/dm_malloc.h"

namespace dmdax {
namespace {

// A number among blanks.
std::optional<uint32_t> ParseNumber(absl::string_view word) {
  word = absl::StripAsciiWhitespace(word);
  if (word.empty()) return std::nullopt;
  uint32_t value = 0;
  for (const char c : word) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
    value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  return value;
}

}  // namespace

uint64_t RegionRanges::num_bits() const {
  uint64_t bits = 0;
  for (const Range& r : ranges) bits = std::max(bits, uint64_t{r.last} + 1);
  return bits;
}

std::set<uint64_t> RegionRanges::UpTo(uint64_t max) const {
  std::vector<Range> sorted = ranges;
  std::sort(sorted.begin(), sorted.end(),
            [](const Range& a, const Range& b) { return a.first < b.first; });
  std::set<uint64_t> regions;
  uint64_t next = 0;  // so that none is looked at twice
  for (const Range& r : sorted) {
    next = std::max<uint64_t>(next, r.first);
    for (; next <= r.last && next <= max; ++next) {
      regions.insert(regions.end(), next);
    }
  }
  return regions;
}

std::optional<RegionRanges> ParseRegionList(absl::string_view text,
                                            LibdmLog& log) {
  RegionRanges list;
  const auto bad = [&log] {
    log.Backtrace();
    return std::nullopt;
  };
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    if (absl::StripAsciiWhitespace(word).empty()) continue;
    const std::vector<absl::string_view> ends = absl::StrSplit(word, '-');
    if (ends.size() > 2) return bad();
    const std::optional<uint32_t> first = ParseNumber(ends.front());
    const std::optional<uint32_t> last = ParseNumber(ends.back());
    if (!first || !last || *first > *last) return bad();
    list.ranges.push_back({*first, *last});
  }
  constexpr uint64_t kBitsPerWord = 32;
  const uint64_t bytes = (list.num_bits() / kBitsPerWord + 2) * 4;
  if (!DmMallocAllows(bytes, log)) return bad();
  return list;
}

std::string FormatRegionList(const std::set<uint64_t>& regions) {
  std::string text;
  for (auto i = regions.begin(); i != regions.end();) {
    const uint64_t first = *i;
    uint64_t last = first;
    while (++i != regions.end() && *i == last + 1) last = *i;
    if (!text.empty()) absl::StrAppend(&text, ",");
    absl::StrAppend(&text, first);
    if (last != first) absl::StrAppend(&text, "-", last);
  }
  return text;
}

}  // namespace dmdax
