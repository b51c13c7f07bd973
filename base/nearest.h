// SPDX-License-Identifier: Apache-2.0
//
// NearestMultiples: what errors say would do in place of a number.
//
//   NearestMultiples(5000, 4096);        // "nearest are 4096 and 8192"
//   NearestMultiples(1, 4096, 4096);     // "nearest is 4096"
//   NearestMultiples(5, 4096, 0, 4000);  // "nearest is 0"
//
// Only numbers that are valid themselves: multiples of `unit`, from `least` to
// `most`.  Units are the number's.
// Threading: a pure function.
#ifndef DMDAX_BASE_NEAREST_H_
#define DMDAX_BASE_NEAREST_H_

#include <cstdint>
#include <string>

namespace dmdax {

// `least` is at most RoundDown(most, unit).
std::string NearestMultiples(uint64_t n, uint64_t unit, uint64_t least = 0,
                             uint64_t most = UINT64_MAX);

}  // namespace dmdax

#endif  // DMDAX_BASE_NEAREST_H_
