// SPDX-License-Identifier: Apache-2.0
#include "dm/map/batch_kernels.h"

#include <algorithm>

#include "dm/map/whole_blocks.h"

namespace dmdax {
namespace {

// Instead of searching, a page passes all starts and collects the steps of
// those at or before it: no jump, no load that depends on the page, hence
// any number of pages at a time.  The search of a single query is much
// slower, its jumps are mispredicted (measured with `copy:N/batch/eight`).
template <size_t kMore>
[[gnu::always_inline]] inline bool Collect(const FewRuns& runs,
                                           const uint64_t* __restrict pages,
                                           size_t n,
                                           uint64_t* __restrict pfns) {
  // Copies, which the compiler can keep in registers; a mask instead of a
  // choice, which it would make a jump of.
  uint64_t start[kMore + 1], step[kMore + 1];
  for (size_t k = 0; k < kMore; ++k) {
    start[k] = runs.start[k];
    step[k] = runs.step[k];
  }
  const uint64_t offset = runs.offset, end = runs.pages;
  uint64_t outside = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint64_t page = pages[i];
    uint64_t pfn = page + offset;
#pragma GCC unroll 8
    for (size_t k = 0; k < kMore; ++k) {
      pfn += step[k] & (uint64_t{0} - static_cast<uint64_t>(page >= start[k]));
    }
    outside |= static_cast<uint64_t>(page >= end);
    pfns[i] = pfn;
  }
  return outside == 0;
}

// Unused starts are never reached: FewRuns pads them with ~0.
[[gnu::always_inline]] inline bool Choose(const FewRuns& runs,
                                          const uint64_t* pages, size_t n,
                                          uint64_t* pfns) {
  if (runs.more == 0) return Collect<0>(runs, pages, n, pfns);
  if (runs.more <= 3) return Collect<3>(runs, pages, n, pfns);
  return Collect<FewRuns::kMost - 1>(runs, pages, n, pfns);
}

bool Plain(const FewRuns& runs, const uint64_t* pages, size_t n,
           uint64_t* pfns) {
  return Choose(runs, pages, n, pfns);
}

#ifdef __x86_64__
[[gnu::target("avx2")]] bool Avx2(const FewRuns& runs, const uint64_t* pages,
                                  size_t n, uint64_t* pfns) {
  return Choose(runs, pages, n, pfns);
}

#define DMDAX_AVX512 gnu::target("avx512f,avx512vl,avx512dq")

[[DMDAX_AVX512, gnu::always_inline]] inline __m512i Broadcast(uint64_t number) {
  return _mm512_set1_epi64(static_cast<int64_t>(number));
}

[[DMDAX_AVX512, gnu::always_inline]] inline __m512i Broadcast32(
    uint32_t number) {
  return _mm512_set1_epi32(static_cast<int>(number));
}

// Eight starts and eight offsets are in a register each, so that a search by
// halves needs no memory: three comparisons and two permutations for eight
// pages at once, where Collect() compares each page with every start.
template <bool kOneRun, bool kStream>
[[DMDAX_AVX512]] bool Search(const FewRuns& runs, const uint64_t* pages,
                             size_t n, uint64_t* pfns) {
  uint64_t offset[FewRuns::kMost] = {runs.offset};
  for (size_t k = 0; k + 1 < FewRuns::kMost; ++k) {
    offset[k + 1] = offset[k] + runs.step[k];
  }
  const __m512i starts = _mm512_loadu_si512(runs.start.data());
  const __m512i offsets = _mm512_loadu_si512(offset);
  const __m512i middle = Broadcast(runs.start[3]);
  const __m512i one = Broadcast(1), two = Broadcast(2), four = Broadcast(4);
  __m512i highest = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += 8) {
    const __m512i page = _mm512_loadu_si512(pages + i);
    highest = _mm512_max_epu64(highest, page);
    __m512i pfn;
    if constexpr (kOneRun) {
      pfn = _mm512_add_epi64(page, Broadcast(runs.offset));
    } else {
      __m512i run =
          _mm512_maskz_mov_epi64(_mm512_cmpge_epu64_mask(page, middle), four);
      __m512i start =
          _mm512_permutexvar_epi64(_mm512_add_epi64(run, one), starts);
      run = _mm512_mask_add_epi64(run, _mm512_cmpge_epu64_mask(page, start),
                                  run, two);
      start = _mm512_permutexvar_epi64(run, starts);
      run = _mm512_mask_add_epi64(run, _mm512_cmpge_epu64_mask(page, start),
                                  run, one);
      pfn = _mm512_add_epi64(page, _mm512_permutexvar_epi64(run, offsets));
    }
    StorePfns<kStream>(pfns + i, pfn);
  }
  FinishPfns<kStream>();
  return n == 0 || _mm512_reduce_max_epu64(highest) < runs.pages;
}

// The same where pages and frames fit 32 bits, as they do below 16 TiB: two
// registers of pages become one, so that a step is for sixteen.
template <bool kStream>
[[DMDAX_AVX512]] bool SearchNarrow(const FewRuns& runs, const uint64_t* pages,
                                   size_t n, uint64_t* pfns) {
  constexpr __mmask16 kOdd = 0xaaaa, kEven = 0x5555;
  alignas(64) uint32_t starts[16] = {}, offsets[16] = {};
  uint64_t offset = runs.offset;
  for (size_t k = 0; k < FewRuns::kMost; ++k) {
    offsets[k] = static_cast<uint32_t>(offset);
    if (k + 1 == FewRuns::kMost) break;
    // What is never reached starts beyond all pages.
    starts[k] =
        static_cast<uint32_t>(std::min(runs.start[k], uint64_t{0xffffffff}));
    offset += runs.step[k];
  }
  const __m512i start_of = _mm512_load_si512(starts);
  const __m512i offset_of = _mm512_load_si512(offsets);
  const __m512i first = Broadcast32(starts[1]), middle = Broadcast32(starts[3]);
  const __m512i second = Broadcast32(starts[5]);
  const __m512i one = Broadcast32(1), two = Broadcast32(2),
                four = Broadcast32(4);
  __m512i highest = _mm512_setzero_si512(), any = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += 16) {
    const __m512i low = _mm512_loadu_si512(pages + i);
    const __m512i high = _mm512_loadu_si512(pages + i + 8);
    any = _mm512_ternarylogic_epi64(any, low, high, 0xfe);  // a | b | c
    // Page i + 8 goes beside page i, where the upper half was 0.
    const __m512i page = _mm512_castps_si512(_mm512_mask_moveldup_ps(
        _mm512_castsi512_ps(low), kOdd, _mm512_castsi512_ps(high)));
    highest = _mm512_max_epu32(highest, page);
    const __mmask16 upper = _mm512_cmpge_epu32_mask(page, middle);
    const __mmask16 odd = _mm512_cmpge_epu32_mask(
        page, _mm512_mask_blend_epi32(upper, first, second));
    __m512i run = _mm512_maskz_mov_epi32(upper, four);
    run = _mm512_mask_add_epi32(run, odd, run, two);
    run = _mm512_mask_add_epi32(
        run,
        _mm512_cmpge_epu32_mask(page, _mm512_permutexvar_epi32(run, start_of)),
        run, one);
    const __m512i pfn =
        _mm512_add_epi32(page, _mm512_permutexvar_epi32(run, offset_of));
    const __m512i low_pfn = _mm512_maskz_mov_epi32(kEven, pfn);
    const __m512i high_pfn = _mm512_srli_epi64(pfn, 32);
    StorePfns<kStream>(pfns + i, low_pfn);
    StorePfns<kStream>(pfns + i + 8, high_pfn);
  }
  FinishPfns<kStream>();
  return _mm512_reduce_or_epi64(any) >> 32 == 0 &&
         (n == 0 || _mm512_reduce_max_epu32(highest) < runs.pages);
}

using Kernel = bool (*)(const FewRuns&, const uint64_t*, size_t, uint64_t*);

bool Avx512(const FewRuns& runs, const uint64_t* pages, size_t n,
            uint64_t* pfns) {
  const bool stream = n >= kStreamingPages;
  Kernel kernel = stream ? Search<false, true> : Search<false, false>;
  size_t block = 8;
  if (runs.more == 0) {
    kernel = stream ? Search<true, true> : Search<true, false>;
  } else if (runs.narrow) {
    kernel = stream ? SearchNarrow<true> : SearchNarrow<false>;
    block = 16;
  }
  const auto whole = [&](const uint64_t* in, size_t count, uint64_t* to) {
    return kernel(runs, in, count, to);
  };
  const auto rest = [&](const uint64_t* in, size_t count, uint64_t* to) {
    return Choose(runs, in, count, to);
  };
  return InWholeBlocks(block, pages, n, pfns, whole, rest);
}
#endif

}  // namespace

bool TranslateFewRuns(SimdLevel level, const FewRuns& runs,
                      const uint64_t* pages, size_t n, uint64_t* pfns) {
#ifdef __x86_64__
  if (level >= SimdLevel::kAvx512) return Avx512(runs, pages, n, pfns);
  if (level == SimdLevel::kAvx2) return Avx2(runs, pages, n, pfns);
#endif
  (void)level;
  return Plain(runs, pages, n, pfns);
}

}  // namespace dmdax
