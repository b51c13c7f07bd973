// SPDX-License-Identifier: Apache-2.0
//
// RoundUp, RoundDown: the nearest multiple of a unit, above or below.
//
//   RoundUp(5000, 4096);    // 8192
//   RoundDown(5000, 4096);  // 4096
//
// `unit` is 1 or more and need not be a power of two.  Like the kernel's, the
// sum wraps modulo 2^64: a caller whose number can lie within a unit of the end
// checks it before.
//
// Mirrors: roundup() and rounddown() of include/linux/math.h (6.1).
// Threading: plain functions.
#ifndef DMDAX_BASE_ROUND_UP_H_
#define DMDAX_BASE_ROUND_UP_H_

#include <cstdint>

namespace dmdax {

constexpr uint64_t RoundUp(uint64_t n, uint64_t unit) {
  return (n + unit - 1) / unit * unit;
}

constexpr uint64_t RoundDown(uint64_t n, uint64_t unit) {
  return n / unit * unit;
}

}  // namespace dmdax

#endif  // DMDAX_BASE_ROUND_UP_H_
