// SPDX-License-Identifier: Apache-2.0
//
// Reciprocal: division by a number that is known early and used often.
//
//   Reciprocal by(24);
//   by.Divide(103).quotient;   // 4
//   by.Divide(103).remainder;  // 7
//
// Exact for every dividend and every divisor from 1 on; there is no bound to
// check.  With m = floor((2^64 - 1) / d), x * m / 2^64 lies less than 1 below
// x / d, so that its floor is the quotient or one less, and one comparison
// tells which.  A multiplication stands for a division, which is slower and not
// pipelined.  Chunks and numbers of legs need not be powers of two.
// Threading: immutable.
#ifndef DMDAX_BASE_RECIPROCAL_H_
#define DMDAX_BASE_RECIPROCAL_H_

#include <cstdint>

namespace dmdax {

class Reciprocal {
 public:
  struct Quotient {
    uint64_t quotient, remainder;
    friend constexpr bool operator==(Quotient, Quotient) = default;
  };

  constexpr Reciprocal() = default;
  explicit constexpr Reciprocal(uint64_t divisor)
      : divisor_(divisor), multiplier_(~uint64_t{0} / divisor) {}

  constexpr uint64_t divisor() const { return divisor_; }

  // {x / divisor, x % divisor}.
  constexpr Quotient Divide(uint64_t x) const {
    __extension__ using Wide = unsigned __int128;
    const uint64_t low = static_cast<uint64_t>((Wide{x} * multiplier_) >> 64);
    const uint64_t rest = x - low * divisor_;
    const uint64_t one = rest >= divisor_ ? 1 : 0;
    return {low + one, rest - (divisor_ & (0 - one))};
  }

 private:
  uint64_t divisor_ = 1;
  uint64_t multiplier_ = ~uint64_t{0};
};

}  // namespace dmdax

#endif  // DMDAX_BASE_RECIPROCAL_H_
