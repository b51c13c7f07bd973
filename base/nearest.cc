// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/round_up.h"

namespace dmdax {
namespace {

// Longer words are not typed by hand.
constexpr size_t kLongest = 64;

// The distance of Damerau and Levenshtein in which no letter is changed twice.
size_t Slips(absl::string_view a, absl::string_view b) {
  // Rows i-2, i-1 and i of the table of distances of beginnings.
  std::array<std::vector<size_t>, 3> rows;
  for (auto& row : rows) row.resize(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) rows[1][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& [before, last, row] = rows;
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t wrong = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + wrong});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    std::rotate(rows.begin(), rows.begin() + 1, rows.end());
  }
  return rows[1][b.size()];
}

}  // namespace

std::string NearestMultiples(uint64_t n, uint64_t unit, uint64_t least,
                             uint64_t most) {
  const uint64_t lowest = RoundUp(least, unit);
  const uint64_t highest = RoundDown(most, unit);
  if (n <= lowest) return absl::StrCat("nearest is ", lowest);
  if (n >= highest) return absl::StrCat("nearest is ", highest);
  const uint64_t below = RoundDown(n, unit);
  return absl::StrCat("nearest are ", below, " and ", below + unit);
}

std::string NearestWord(absl::string_view word,
                        absl::Span<const std::string> candidates) {
  if (word.size() < 2 || word.size() > kLongest) return "";
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  std::string nearest;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kLongest) continue;
    const size_t slips = Slips(word, candidate);
    // A word of which nothing is right was not meant.
    if (slips >= least || slips >= candidate.size()) continue;
    least = slips;
    nearest = candidate;
  }
  return nearest;
}

std::string DidYouMean(absl::string_view word,
                       absl::Span<const std::string> candidates) {
  const std::string nearest = NearestWord(word, candidates);
  return nearest.empty() ? "" : absl::StrCat(", did you mean '", nearest, "'?");
}

}  // namespace dmdax
