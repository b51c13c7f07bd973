// SPDX-License-Identifier: Apache-2.0
//
// What every contender is asked, and what is kept of its answer.
// Threading: pure functions.
#ifndef DMDAX_BENCH_WHOLE_H_
#define DMDAX_BENCH_WHOLE_H_

#include <cstdint>

namespace dmdax::bench {

// Pages asked for in every query: a 2 MiB mapping's worth.
inline constexpr long kAskedPages = 512;

// What a contender answers: something that depends on the whole translation,
// page frame, number of pages and address.
inline uint64_t Whole(uint64_t pfn, int64_t pages, const void* kaddr) {
  // No address has bit 63.
  return pfn + static_cast<uint64_t>(pages) +
         (reinterpret_cast<uintptr_t>(kaddr) >> 63);
}

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_WHOLE_H_
