// SPDX-License-Identifier: Apache-2.0
#include "dm/batch_kernels.h"

#include <algorithm>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace dmdax {
namespace {

// Instead of searching, a page passes all starts and collects the steps of
// those at or before it: no jump, no load that depends on the page, hence
// any number of pages at a time.  The search of a single query takes
// 6.8 ns a page (its jumps are mispredicted), this 0.5 with AVX-512.
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
    if constexpr (kStream) {
      _mm512_stream_si512(reinterpret_cast<__m512i*>(pfns + i), pfn);
    } else {
      _mm512_storeu_si512(pfns + i, pfn);
    }
  }
  if constexpr (kStream) _mm_sfence();
  return n == 0 || _mm512_reduce_max_epu64(highest) < runs.pages;
}

template <bool kOneRun>
[[DMDAX_AVX512]] bool SearchAll(const FewRuns& runs, const uint64_t* pages,
                                size_t n, uint64_t* pfns) {
  // What is before an aligned register, and after the last whole one.
  const size_t first = std::min(n, PagesToAlignment(pfns));
  const size_t whole = (n - first) / 8 * 8, last = first + whole;
  const bool searched =
      n >= kStreamingPages
          ? Search<kOneRun, true>(runs, pages + first, whole, pfns + first)
          : Search<kOneRun, false>(runs, pages + first, whole, pfns + first);
  return searched && Choose(runs, pages, first, pfns) &&
         Choose(runs, pages + last, n - last, pfns + last);
}

bool Avx512(const FewRuns& runs, const uint64_t* pages, size_t n,
            uint64_t* pfns) {
  return runs.more == 0 ? SearchAll<true>(runs, pages, n, pfns)
                        : SearchAll<false>(runs, pages, n, pfns);
}
#endif

SimdLevel Detect() {
#ifdef __x86_64__
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq")) {
    return SimdLevel::kAvx512;
  }
  if (__builtin_cpu_supports("avx2")) return SimdLevel::kAvx2;
#endif
  return SimdLevel::kPlain;
}

}  // namespace

SimdLevel BestSimd() {
  static const SimdLevel best = Detect();
  return best;
}

bool TranslateFewRuns(SimdLevel level, const FewRuns& runs,
                      const uint64_t* pages, size_t n, uint64_t* pfns) {
#ifdef __x86_64__
  if (level == SimdLevel::kAvx512) return Avx512(runs, pages, n, pfns);
  if (level == SimdLevel::kAvx2) return Avx2(runs, pages, n, pfns);
#endif
  (void)level;
  return Plain(runs, pages, n, pfns);
}

}  // namespace dmdax
