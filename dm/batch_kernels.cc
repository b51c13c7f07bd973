// SPDX-License-Identifier: Apache-2.0
#include "dm/batch_kernels.h"

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

[[gnu::target("avx512f,avx512vl,avx512dq,prefer-vector-width=512")]] bool
Avx512(const FewRuns& runs, const uint64_t* pages, size_t n, uint64_t* pfns) {
  return Choose(runs, pages, n, pfns);
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
