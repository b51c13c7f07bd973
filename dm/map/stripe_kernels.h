// SPDX-License-Identifier: Apache-2.0
//
// OneStripe: a map that is one stripe, for single pages and for batches in
// the widths that the processor may have (see batch_kernels.h).
//
//   std::optional<OneStripe> stripe =
//       OneStripe::Make(period, /*offset=*/0, /*pages=*/4096, /*cap=*/320);
//   const auto [pfn, run] = stripe->At(17);
//   if (!TranslateStripe(BestSimd(), *stripe, pages, n, pfns)) {
//     // a page lies outside the map; all of pfns must be done another way
//   }
//
// StripePeriod::At() is the plain version.  This one has fewer steps, for
// which it needs bounds that any real device keeps.  With period P, granule
// g, advance A and the granule a page is in known, the frame is
//
//   page + (base[granule] - granule * g) + round * (A - P)
//
// so it needs no remainder, and each division is one multiplication: by
// ceil(2^64 / d), which is exact while x * d < 2^64 (Make() checks that); or by
// 1/d in doubles, which is exact below 2^50 when half a page is added first; or
// by ceil(2^52 / d) where the processor multiplies 52-bit numbers.  It takes
// half the time of the plain version, and much less for a page of a batch
// (measured with the benchmark family `striped:CxL`).
// Threading: immutable.
#ifndef DMDAX_DM_MAP_STRIPE_KERNELS_H_
#define DMDAX_DM_MAP_STRIPE_KERNELS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "dax/dax_fast_path.h"
#include "dm/map/batch_kernels.h"
#include "dm/map/stripe_period.h"

namespace dmdax {

class OneStripe {
 public:
  // Page p of [0, pages) is page p + offset of `of`; an answer has at most
  // `cap` pages.  Nothing where the bounds do not hold.
  static std::optional<OneStripe> Make(const StripePeriod& of, uint64_t offset,
                                       uint64_t pages, uint64_t cap);

  uint64_t pages() const { return pages_; }

  // Whether period and granule are powers of two.
  bool shifts() const { return shifts_; }

  // As a fast path has it, which lives no longer than this; without pages where
  // a chunk is cut, or something is in front of the stripe.
  DaxStripes Plain() const;

  // `page` is below pages().
  StripePeriod::Run At(uint64_t page) const {
    const uint64_t x = page + offset_;
    const uint64_t round = MultiplyHigh(x, by_period_);
    const uint64_t rest = x - round * period_;
    return RunAt(page, round, rest, MultiplyHigh(rest, by_granule_));
  }
  // The same, if shifts().
  StripePeriod::Run ShiftedAt(uint64_t page) const {
    const uint64_t x = page + offset_;
    const uint64_t rest = x & (period_ - 1);
    return RunAt(page, x >> period_log2_, rest, rest >> granule_log2_);
  }

 private:
  friend bool TranslateStripe(SimdLevel level, const OneStripe& stripe,
                              const uint64_t* pages, size_t n, uint64_t* pfns);
  struct Avx512;

  // Whether the kernel for 52-bit numbers is exact: at most eight granules,
  // and no number, nor any dividend times its divisor, of more than 52 bits.
  static bool FitsIfma(const StripePeriod& of, uint64_t end);

  // Page `rest` of round `round`, which is in granule `part` of it.
  StripePeriod::Run RunAt(uint64_t page, uint64_t round, uint64_t rest,
                          uint64_t part) const {
    return {page + offset_ + shift_[part] + round * gain_,
            std::min(std::min(end_[part] - rest, cap_), pages_ - page)};
  }
  static uint64_t MultiplyHigh(uint64_t a, uint64_t b) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<uint64_t>((Wide{a} * b) >> 64);
  }

  uint64_t offset_ = 0, pages_ = 0, cap_ = 0;
  uint64_t period_ = 0, granule_ = 0;
  uint64_t by_period_ = 0, by_granule_ = 0;  // ceil(2^64 / .)
  uint64_t gain_ = 0;                        // advance - period
  bool fits_ifma_ = false;                   // see FitsIfma()
  bool shifts_ = false;
  int period_log2_ = 0, granule_log2_ = 0;  // if shifts_
  std::vector<uint64_t> shift_;             // base - granule * number
  std::vector<uint64_t> end_;  // of the granule's run, in the period
};

// pfns[i] = the frame of pages[i].  False: a page is not below
// stripe.pages(), and what was written is of no use.
bool TranslateStripe(SimdLevel level, const OneStripe& stripe,
                     const uint64_t* pages, size_t n, uint64_t* pfns);

}  // namespace dmdax

#endif  // DMDAX_DM_MAP_STRIPE_KERNELS_H_
