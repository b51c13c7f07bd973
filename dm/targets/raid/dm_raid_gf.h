// SPDX-License-Identifier: Apache-2.0
//
// The field of raid6's Q: GF(2^8) with the polynomial 0x11d and the generator
// 2, a bit at a time.  Whoever has many bytes makes a table of 256 products.
//
// Mirrors: gfmul, gfexp, gfinv of lib/raid6/mktables.c (6.1).
// Threading: pure functions.
#ifndef DMDAX_DM_TARGETS_RAID_DM_RAID_GF_H_
#define DMDAX_DM_TARGETS_RAID_DM_RAID_GF_H_

namespace dmdax {

constexpr unsigned char GfTimes2(unsigned char a) {
  return static_cast<unsigned char>(a << 1 ^ ((a & 0x80) != 0 ? 0x1d : 0));
}

constexpr unsigned char GfMul(unsigned char a, unsigned char b) {
  unsigned char product = 0;
  for (; b != 0; b >>= 1, a = GfTimes2(a)) {
    if ((b & 1) != 0) product ^= a;
  }
  return product;
}

// 2^n, which is what the nth data leg is multiplied with.
constexpr unsigned char GfPow2(unsigned n) {
  unsigned char power = 1;
  for (n %= 255; n > 0; --n) power = GfTimes2(power);
  return power;
}

// 1/a as a^254; 0 of 0.
constexpr unsigned char GfInverse(unsigned char a) {
  unsigned char product = 1;
  for (int i = 0; i < 254; ++i) product = GfMul(product, a);
  return product;
}

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_RAID_DM_RAID_GF_H_
