// SPDX-License-Identifier: Apache-2.0
//
// What the AVX-512 kernels of batch_kernels.cc and stripe_kernels.cc share:
// the split into whole registers, and how answers leave a register.
// Threading: pure functions.
#ifndef DMDAX_DM_MAP_WHOLE_BLOCKS_H_
#define DMDAX_DM_MAP_WHOLE_BLOCKS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace dmdax {

// Calls whole(pages, n, pfns) for whole blocks of `block` pages, from the first
// of `pfns` that begins a cache line, and rest() for the pages before and
// behind them.  True if all of them return true.
template <typename Whole, typename Rest>
bool InWholeBlocks(size_t block, const uint64_t* pages, size_t n,
                   uint64_t* pfns, const Whole& whole, const Rest& rest) {
  const size_t unaligned =
      (64 - reinterpret_cast<uintptr_t>(pfns) % 64) % 64 / sizeof(uint64_t);
  const size_t first = std::min(n, unaligned);
  const size_t last = first + (n - first) / block * block;
  return rest(pages, first, pfns) &&
         whole(pages + first, last - first, pfns + first) &&
         rest(pages + last, n - last, pfns + last);
}

#ifdef __x86_64__
// Eight answers.  kStream: past the cache, to where a cache line begins; ends
// with FinishPfns().
template <bool kStream>
[[gnu::target("avx512f"), gnu::always_inline]] inline void StorePfns(
    uint64_t* pfns, __m512i eight) {
  if constexpr (kStream) {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(pfns), eight);
  } else {
    _mm512_storeu_si512(pfns, eight);
  }
}

template <bool kStream>
[[gnu::always_inline]] inline void FinishPfns() {
  if constexpr (kStream) _mm_sfence();
}
#endif

}  // namespace dmdax

#endif  // DMDAX_DM_MAP_WHOLE_BLOCKS_H_
