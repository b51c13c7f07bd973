// SPDX-License-Identifier: Apache-2.0
#include "dm/stripe_kernels.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace dmdax {
namespace {

// Exact as doubles, and so are their quotients.
constexpr uint64_t kMostPages = uint64_t{1} << 50;

// Whether x * d < 2^64 for all x below `end`.
bool ProductFits(uint64_t end, uint64_t d) {
  return end == 0 || d <= ~uint64_t{0} / end;
}

uint64_t CeilInverse(uint64_t d) { return ~uint64_t{0} / d + 1; }

}  // namespace

std::optional<OneStripe> OneStripe::Make(const StripePeriod& of,
                                         uint64_t offset, uint64_t pages,
                                         uint64_t cap) {
  OneStripe s;
  s.offset_ = offset;
  s.pages_ = pages;
  s.cap_ = cap;
  s.period_ = of.period.divisor();
  s.granule_ = of.granule.divisor();
  if (offset > kMostPages || pages > kMostPages - offset || s.period_ < 2 ||
      s.granule_ < 2 || !ProductFits(offset + pages, s.period_) ||
      !ProductFits(s.period_, s.granule_)) {
    return std::nullopt;
  }
  s.by_period_ = CeilInverse(s.period_);
  s.by_granule_ = CeilInverse(s.granule_);
  s.gain_ = of.advance - s.period_;
  for (uint64_t i = 0; i < of.base.size(); ++i) {
    const uint64_t left = of.left.empty() ? 1 : of.left[i];
    s.shift_.push_back(of.base[i] - i * s.granule_);
    s.end_.push_back((i + left) * s.granule_);
  }
  return s;
}

#ifdef __x86_64__
struct OneStripe::Avx512 {
  // floor((x + 1/2) / d).  There is no wide multiplication of eight numbers,
  // but eight doubles are multiplied and added at once.
  struct Divisor {
    __m512d by, half;
  };
  [[gnu::target("avx512f,avx512dq"), gnu::always_inline]] static inline Divisor
  Invert(uint64_t d) {
    const double by = 1.0 / static_cast<double>(d);
    return {_mm512_set1_pd(by), _mm512_set1_pd(by / 2)};
  }
  [[gnu::target("avx512f,avx512dq"), gnu::always_inline]] static inline __m512i
  Divide(__m512i x, const Divisor& d) {
    return _mm512_cvttpd_epu64(
        _mm512_fmadd_pd(_mm512_cvtepu64_pd(x), d.by, d.half));
  }
  [[gnu::target("avx512f"), gnu::always_inline]] static inline __m512i Fill(
      uint64_t number) {
    return _mm512_set1_epi64(static_cast<int64_t>(number));
  }

  // Whole registers only.  kInRegister: a period of at most eight granules,
  // which are kept in a register instead of gathered from memory.  kStream:
  // see batch_kernels.h; pfns is aligned to 64 bytes then.
  template <bool kInRegister, bool kStream>
  [[gnu::target("avx512f,avx512dq")]] static bool Translate(
      const OneStripe& s, const uint64_t* pages, size_t n, uint64_t* pfns) {
    const __m512i offset = Fill(s.offset_), last = Fill(s.pages_ - 1);
    const __m512i period = Fill(s.period_), gain = Fill(s.gain_);
    const Divisor by_period = Invert(s.period_);
    const Divisor by_granule = Invert(s.granule_);
    uint64_t first[8] = {};
    for (size_t i = 0; i < 8 && i < s.shift_.size(); ++i)
      first[i] = s.shift_[i];
    const __m512i table = _mm512_loadu_si512(first);
    __m512i highest = _mm512_setzero_si512();
    for (size_t i = 0; i < n; i += 8) {
      __m512i page = _mm512_loadu_si512(pages + i);
      highest = _mm512_max_epu64(highest, page);
      // Nothing is read where pages outside would point.
      if constexpr (!kInRegister) page = _mm512_min_epu64(page, last);
      const __m512i x = _mm512_add_epi64(page, offset);
      const __m512i round = Divide(x, by_period);
      const __m512i rest =
          _mm512_sub_epi64(x, _mm512_mullo_epi64(round, period));
      const __m512i part = Divide(rest, by_granule);
      const __m512i shift =
          kInRegister ? _mm512_permutexvar_epi64(part, table)
                      : _mm512_i64gather_epi64(part, s.shift_.data(), 8);
      const __m512i pfn = _mm512_add_epi64(_mm512_add_epi64(x, shift),
                                           _mm512_mullo_epi64(round, gain));
      if constexpr (kStream) {
        _mm512_stream_si512(reinterpret_cast<__m512i*>(pfns + i), pfn);
      } else {
        _mm512_storeu_si512(pfns + i, pfn);
      }
    }
    if constexpr (kStream) _mm_sfence();
    return n == 0 || _mm512_reduce_max_epu64(highest) < s.pages_;
  }
};
#endif

bool TranslateStripe(SimdLevel level, const OneStripe& stripe,
                     const uint64_t* pages, size_t n, uint64_t* pfns) {
  // The plain version, one page after the other.
  const auto plain = [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      if (pages[i] >= stripe.pages()) return false;
      pfns[i] = stripe.At(pages[i]).pfn;
    }
    return true;
  };
#ifdef __x86_64__
  if (level == SimdLevel::kAvx512) {
    using Wide = OneStripe::Avx512;
    // What is before an aligned register, and after the last whole one.
    const size_t first = std::min(n, PagesToAlignment(pfns));
    const size_t whole = (n - first) / 8 * 8;
    const bool in_register = stripe.shift_.size() <= 8;
    const auto wide = n < kStreamingPages
                          ? (in_register ? Wide::Translate<true, false>
                                         : Wide::Translate<false, false>)
                          : (in_register ? Wide::Translate<true, true>
                                         : Wide::Translate<false, true>);
    return plain(0, first) &&
           wide(stripe, pages + first, whole, pfns + first) &&
           plain(first + whole, n);
  }
#endif
  (void)level;
  return plain(0, n);
}

}  // namespace dmdax
