// SPDX-License-Identifier: Apache-2.0
//
// NearestMultiples, NearestWord: what errors say would do in place of what was
// said.
//
//   NearestMultiples(5000, 4096);        // "nearest are 4096 and 8192"
//   NearestMultiples(1, 4096, 4096);     // "nearest is 4096"
//   NearestMultiples(5, 4096, 0, 4000);  // "nearest is 0"
//
//   const std::vector<std::string> verbs = {"table", "load"};
//   NearestWord("tabel", verbs);  // "table"
//   DidYouMean("tabel", verbs);   // ", did you mean 'table'?"
//   DidYouMean("x", verbs);       // ""
//
// Only numbers that are valid themselves: multiples of `unit`, from `least` to
// `most`.  Units are the number's.
// Threading: pure functions.
#ifndef DMDAX_BASE_NEAREST_H_
#define DMDAX_BASE_NEAREST_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmdax {

// `least` is at most RoundDown(most, unit).
std::string NearestMultiples(uint64_t n, uint64_t unit, uint64_t least = 0,
                             uint64_t most = UINT64_MAX);

// The candidate that the fewest slips lead to: a letter too many, missing,
// wrong, or changed with its neighbour.  "" if that are more than a third of
// the word's, or if there is none.
std::string NearestWord(absl::string_view word,
                        absl::Span<const std::string> candidates);

// For the end of a message.
std::string DidYouMean(absl::string_view word,
                       absl::Span<const std::string> candidates);

}  // namespace dmdax

#endif  // DMDAX_BASE_NEAREST_H_
