// SPDX-License-Identifier: Apache-2.0
#include "dm/map/run_search.h"

#include <algorithm>

#ifdef __x86_64__
#include <immintrin.h>
#define DMDAX_AVX512 gnu::target("avx512f,avx512vl,popcnt")
#else
#define DMDAX_AVX512
#endif

namespace dmdax {
namespace {

// FindExtentFrom(), eight starts at a time.
[[DMDAX_AVX512, gnu::always_inline]] inline uint32_t SearchOn(
    const ExtentEntry<uint32_t>* entries, uint32_t extent, uint64_t page) {
#ifdef __x86_64__
  constexpr __mmask16 kStarts = 0x5555;  // every other word is a value
  const __m512i pages = _mm512_set1_epi32(static_cast<int>(page));
  for (;;) {
    const __m512i next = _mm512_loadu_si512(entries + extent + 1);
    const auto passed = static_cast<uint32_t>(
        __builtin_popcount(_mm512_mask_cmple_epu32_mask(kStarts, next, pages)));
    extent += passed;
    if (passed < kSearchPadding) [[likely]]
      return extent;
  }
#else
  return FindExtentFrom(entries, extent, page);
#endif
}

// start(i, page): where the search for pages[i] begins.
template <typename Start>
[[DMDAX_AVX512]] size_t Answer(const RunSearch& search, const uint64_t* pages,
                               size_t i, size_t n, const Start& start) {
  // A copy: the compiler must assume that storing answers changes `search`.
  const RunSearch s = search;
  for (; i < n; ++i) {
    const uint64_t page = pages[i];
    if (page >= s.end) [[unlikely]]
      return i;
    const auto* const extent =
        s.entries + SearchOn(s.entries, start(i, page), page);
    if (extent->value >= s.special) [[unlikely]]
      return i;
    s.pfns[i] = uint64_t{extent->value} + (page - extent->start);
    if (s.lengths != nullptr) {
      s.lengths[i] =
          std::min(static_cast<int64_t>(extent[1].start - page), s.nr_pages);
    }
  }
  return n;
}

struct FromSlots {
  const uint16_t* slots;
  uint32_t shift;
  uint32_t operator()(size_t, uint64_t page) const {
    return slots[page >> shift];
  }
};

struct FromStarts {
  const uint32_t* starts;
  size_t first;
  uint32_t operator()(size_t i, uint64_t) const { return starts[i - first]; }
};

}  // namespace

size_t AnswerFromSlots(const RunSearch& search, const uint16_t* slots,
                       uint32_t shift, const uint64_t* pages, size_t i,
                       size_t n) {
  return Answer(search, pages, i, n, FromSlots{slots, shift});
}

size_t AnswerFromStarts(const RunSearch& search, const uint32_t* starts,
                        size_t first, const uint64_t* pages, size_t i,
                        size_t n) {
  return Answer(search, pages, i, n, FromStarts{starts, first});
}

}  // namespace dmdax
