// SPDX-License-Identifier: Apache-2.0
//
// PlainDigits: the decimal digits at a place, for loops that read millions of
// numbers.
//
//   uint64_t n;
//   at += PlainDigits(at, end, &n);  // by 4 for "4096 ...", and n is 4096
#ifndef DMDAX_FORMATS_PLAIN_DIGITS_H_
#define DMDAX_FORMATS_PLAIN_DIGITS_H_

#include <cstddef>
#include <cstdint>

namespace dmdax {

// How many there are, at most 19, since more may not fit; *value is their
// number.
inline size_t PlainDigits(const char* at, const char* end, uint64_t* value) {
  constexpr ptrdiff_t kMostDigits = 19;
  const char* c = at;
  uint64_t n = 0;
  for (; c < end && c - at < kMostDigits; ++c) {
    const unsigned digit = static_cast<unsigned char>(*c) - unsigned{'0'};
    if (digit > 9) break;
    n = n * 10 + digit;
  }
  *value = n;
  return static_cast<size_t>(c - at);
}

}  // namespace dmdax

#endif  // DMDAX_FORMATS_PLAIN_DIGITS_H_
