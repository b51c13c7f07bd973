// SPDX-License-Identifier: Apache-2.0
//
// Stripes in closed form: the parts of a CompiledMap that are not runs.
//
// Chunks of c pages dealt out to n legs repeat every c * n pages, each time c
// pages further on every leg.  Stripes upon stripes repeat as well, if only
// later.  A StripePeriod says what is in one period; it takes two divisions
// by known numbers however deep the stripes are nested:
//
//   StripePeriod p{.period = Reciprocal(32), .granule = Reciprocal(16),
//                  .advance = 16, .base = {1000, 5000}};   // 2 legs, 16 pages
//   p.At(40).pfn;    // 1024: second period, first leg
//   p.At(40).pages;  // 8
//
// Where nothing repeats soon enough, StripeHops keeps the legs' own maps and
// goes one hop down.
// Threading: immutable.
#ifndef DMDAX_DM_MAP_STRIPE_PERIOD_H_
#define DMDAX_DM_MAP_STRIPE_PERIOD_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "base/reciprocal.h"

namespace dmdax {

class CompiledMap;

struct StripePeriod {
  Reciprocal period;           // pages
  Reciprocal granule;          // pages; divides the period
  uint64_t advance = 0;        // pages, on every leg, a period
  std::vector<uint64_t> base;  // frame of each granule of the first period
  std::vector<uint32_t> left;  // granules from this one to the run's end;
                               // empty: 1 everywhere

  struct Run {
    uint64_t pfn, pages;
  };
  // Page `x` from the start of the stripe.
  Run At(uint64_t x) const {
    const Reciprocal::Quotient round = period.Divide(x);
    const Reciprocal::Quotient part = granule.Divide(round.remainder);
    const uint64_t granules = left.empty() ? 1 : left[part.quotient];
    return {base[part.quotient] + round.quotient * advance + part.remainder,
            granules * granule.divisor() - part.remainder};
  }
};

struct StripeHops {
  struct Leg {
    // Null: `first` is the frame of the leg's first page, else its page there.
    std::shared_ptr<const CompiledMap> below;
    uint64_t first = 0;
  };
  Reciprocal chunk;  // pages
  Reciprocal count;  // of legs
  std::vector<Leg> legs;
};

}  // namespace dmdax

#endif  // DMDAX_DM_MAP_STRIPE_PERIOD_H_
