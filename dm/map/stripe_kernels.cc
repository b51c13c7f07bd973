// SPDX-License-Identifier: Apache-2.0
#include "dm/map/stripe_kernels.h"

#include <algorithm>
#include <bit>

#include "dm/map/whole_blocks.h"

namespace dmdax {
namespace {

// Numbers below this are exact as doubles, and so are their quotients.
constexpr uint64_t kMostPages = uint64_t{1} << 50;

// Whether x * d < 2^64 for all x below `end`.
bool ProductFits(uint64_t end, uint64_t d) {
  return end == 0 || d <= ~uint64_t{0} / end;
}

uint64_t CeilInverse(uint64_t d) { return ~uint64_t{0} / d + 1; }

}  // namespace

bool OneStripe::FitsIfma(const StripePeriod& of, uint64_t end) {
  constexpr uint64_t kMost = uint64_t{1} << 52;
  const uint64_t granules = of.base.size(), chunk = of.granule.divisor();
  const uint64_t rounds = end / of.period.divisor() + 1;
  const uint64_t highest = *std::max_element(of.base.begin(), of.base.end());
  return granules >= 2 && granules <= 8 && end < kMost / chunk &&
         end < kMost / granules && of.period.divisor() < kMost &&
         of.advance <= of.period.divisor() && highest < kMost / 2 - chunk &&
         (of.advance == 0 || rounds < kMost / 2 / of.advance);
}

DaxStripes OneStripe::Plain() const {
  bool whole = offset_ == 0 && pages_ % granule_ == 0 && cap_ >= granule_;
  for (size_t i = 0; i < end_.size(); ++i) {
    whole = whole && end_[i] == (i + 1) * granule_;
  }
  if (!whole) return {};
  return {.pages = pages_,
          .period = period_,
          .chunk = granule_,
          .by_period = by_period_,
          .by_chunk = by_granule_,
          .gain = gain_,
          .moved = shift_.data(),
          .shifts = shifts_,
          .period_log2 = static_cast<uint8_t>(period_log2_),
          .chunk_log2 = static_cast<uint8_t>(granule_log2_)};
}

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
  s.fits_ifma_ = FitsIfma(of, offset + pages);
  s.shifts_ = std::has_single_bit(s.period_) && std::has_single_bit(s.granule_);
  s.period_log2_ = std::countr_zero(s.period_);
  s.granule_log2_ = std::countr_zero(s.granule_);
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
  // see StorePfns(); pfns is aligned to 64 bytes then.
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
      // A page outside must not make the kernel read beyond the tables.
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
      StorePfns<kStream>(pfns + i, pfn);
    }
    FinishPfns<kStream>();
    return n == 0 || _mm512_reduce_max_epu64(highest) < s.pages_;
  }

  // With 52-bit numbers a division is one step, and so is a multiplication
  // with the addition after it.  What goes beyond 52 bits is a multiple of
  // 2^52 that the last step takes away; the permutation looks at three bits.
  template <bool kStream>
  [[gnu::target("avx512f,avx512ifma")]] static bool TranslateIfma(
      const OneStripe& s, const uint64_t* pages, size_t n, uint64_t* pfns) {
    constexpr uint64_t k52 = uint64_t{1} << 52;
    const uint64_t granules = s.shift_.size();
    const __m512i offset = Fill(s.offset_), gain = Fill(s.gain_ & (k52 - 1));
    const __m512i by_granule = Fill(k52 / s.granule_ + 1);
    const __m512i by_granules = Fill(k52 / granules + 1);
    const __m512i minus_granules = Fill(k52 - granules);
    const __m512i low52 = Fill(k52 - 1), zero = _mm512_setzero_si512();
    uint64_t first[8] = {};
    std::copy(s.shift_.begin(), s.shift_.end(), first);
    const __m512i table = _mm512_loadu_si512(first);
    __m512i highest = zero;
    for (size_t i = 0; i < n; i += 8) {
      const __m512i page = _mm512_loadu_si512(pages + i);
      highest = _mm512_max_epu64(highest, page);
      const __m512i x = _mm512_add_epi64(page, offset);
      const __m512i granule = _mm512_madd52hi_epu64(zero, x, by_granule);
      const __m512i round = _mm512_madd52hi_epu64(zero, granule, by_granules);
      const __m512i part =
          _mm512_madd52lo_epu64(granule, round, minus_granules);
      const __m512i sum = _mm512_madd52lo_epu64(
          _mm512_add_epi64(x, _mm512_permutexvar_epi64(part, table)), round,
          gain);
      const __m512i pfn = _mm512_and_si512(sum, low52);
      StorePfns<kStream>(pfns + i, pfn);
    }
    FinishPfns<kStream>();
    return n == 0 || _mm512_reduce_max_epu64(highest) < s.pages_;
  }

  using Kernel = bool (*)(const OneStripe&, const uint64_t*, size_t, uint64_t*);
  static Kernel Choose(SimdLevel level, const OneStripe& s, bool stream) {
    if (level >= SimdLevel::kAvx512Ifma && s.fits_ifma_) {
      return stream ? TranslateIfma<true> : TranslateIfma<false>;
    }
    if (s.shift_.size() <= 8) {
      return stream ? Translate<true, true> : Translate<true, false>;
    }
    return stream ? Translate<false, true> : Translate<false, false>;
  }
};
#endif

bool TranslateStripe(SimdLevel level, const OneStripe& stripe,
                     const uint64_t* pages, size_t n, uint64_t* pfns) {
  // One page after the other.
  const auto plain = [&](const uint64_t* in, size_t count, uint64_t* to) {
    for (size_t i = 0; i < count; ++i) {
      if (in[i] >= stripe.pages()) return false;
      to[i] = stripe.At(in[i]).pfn;
    }
    return true;
  };
#ifdef __x86_64__
  if (level >= SimdLevel::kAvx512) {
    const auto kernel =
        OneStripe::Avx512::Choose(level, stripe, n >= kStreamingPages);
    const auto wide = [&](const uint64_t* in, size_t count, uint64_t* to) {
      return kernel(stripe, in, count, to);
    };
    return InWholeBlocks(8, pages, n, pfns, wide, plain);
  }
#endif
  (void)level;
  return plain(pages, n, pfns);
}

}  // namespace dmdax
