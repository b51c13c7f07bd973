// SPDX-License-Identifier: Apache-2.0
#include "base/nearest.h"

#include "absl/strings/str_cat.h"
#include "base/round_up.h"

namespace dmdax {

std::string NearestMultiples(uint64_t n, uint64_t unit, uint64_t least,
                             uint64_t most) {
  const uint64_t lowest = RoundUp(least, unit);
  const uint64_t highest = RoundDown(most, unit);
  if (n <= lowest) return absl::StrCat("nearest is ", lowest);
  if (n >= highest) return absl::StrCat("nearest is ", highest);
  const uint64_t below = RoundDown(n, unit);
  return absl::StrCat("nearest are ", below, " and ", below + unit);
}

}  // namespace dmdax
