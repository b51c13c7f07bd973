// SPDX-License-Identifier: Apache-2.0
//
// Asking a compiled map.  It is built in compiled_map_build.cc.
#include "dm/map/compiled_map.h"

#include <algorithm>

namespace dmdax {

DaxFrames CompiledMap::Translate(pgoff_t pgoff, int64_t nr_pages) const {
  const uint64_t page = pgoff.value();
  if (page >= pages_) return Outside(page);
  const auto translate = [&](const auto& extents) {
    const size_t i = extents.Find(page);
    const auto& extent = extents[i];
    const uint64_t end = extents[i + 1].start;
    if (extent.value < extents.kSpecial) {
      return Run(extent.value + (page - extent.start), end - page, nr_pages);
    }
    const uint64_t number = extent.value - extents.kSpecial;
    return number < kErrors ? DaxFrames{-static_cast<int64_t>(number), 0}
                            : TranslateSpecial(specials_[number - kErrors],
                                               page, end, nr_pages);
  };
  return narrow_ ? translate(narrow_extents_) : translate(wide_extents_);
}

DaxFrames CompiledMap::TranslateSpecial(const Special& special, uint64_t page,
                                        uint64_t end, int64_t nr_pages) const {
  const uint64_t x = page + special.offset;
  uint64_t most = std::min(end - page, special.cap);
  switch (special.kind) {
    case Special::Kind::kPeriod: {
      const StripePeriod::Run run = special.period->At(x);
      return Run(run.pfn, std::min(run.pages, most), nr_pages);
    }
    case Special::Kind::kHops: {
      const StripeHops& hops = *special.hops;
      const Reciprocal::Quotient chunk = hops.chunk.Divide(x);
      const Reciprocal::Quotient row = hops.count.Divide(chunk.quotient);
      const StripeHops::Leg& leg = hops.legs[row.remainder];
      const uint64_t there =
          leg.first + row.quotient * hops.chunk.divisor() + chunk.remainder;
      most = std::min(most, hops.chunk.divisor() - chunk.remainder);
      if (leg.below == nullptr) return Run(there, most, nr_pages);
      return leg.below->Translate(
          pgoff_t(there), std::min(nr_pages, static_cast<int64_t>(most)));
    }
    case Special::Kind::kBelow:
      return special.below->Translate(
          pgoff_t(x), std::min(nr_pages, static_cast<int64_t>(most)));
    case Special::Kind::kChain:
      break;
  }
  return {kAskOperations, 0};
}

size_t CompiledMap::nr_extents() const {
  return narrow_ ? narrow_extents_.size() : wide_extents_.size();
}

size_t CompiledMap::MemoryBytes() const {
  size_t bytes = narrow_extents_.MemoryBytes() + wide_extents_.MemoryBytes() +
                 specials_.capacity() * sizeof(Special) +
                 leaves_.capacity() * sizeof(DaxLeaf);
  for (const Special& special : specials_) {
    if (special.period != nullptr && special.period.use_count() == 1) {
      bytes += special.period->base.capacity() * sizeof(uint64_t) +
               special.period->left.capacity() * sizeof(uint32_t);
    }
  }
  return bytes;
}

}  // namespace dmdax
