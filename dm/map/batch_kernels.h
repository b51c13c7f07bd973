// SPDX-License-Identifier: Apache-2.0
//
// Kernels for batches over a map of a few runs, in the widths that the
// processor may have.
//
//   FewRuns runs{.offset = 1000, .pages = 64};   // one run: 1000, 1001 ...
//   if (!TranslateFewRuns(BestSimd(), runs, pages, n, pfns)) {
//     // a page lies outside the map; all of pfns must be done another way
//   }
//
// One source, compiled three times with other instructions allowed; which one
// runs is decided when the program does, never by -march.  Every level gives
// the same answers: tests force each.
// Threading: pure functions.
#ifndef DMDAX_DM_MAP_BATCH_KERNELS_H_
#define DMDAX_DM_MAP_BATCH_KERNELS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/simd.h"

namespace dmdax {

// Answers from this many pages on, which no cache will hold, go past it: with
// stores that do not first read the line they overwrite.
inline constexpr size_t kStreamingPages = (size_t{16} << 20) / sizeof(uint64_t);

// Up to eight runs that cover pages [0, pages).
struct FewRuns {
  static constexpr size_t kMost = 8;

  // Frame minus page of the first run, modulo 2^64.
  uint64_t offset = 0;
  uint64_t pages = 0;
  size_t more = 0;      // runs after the first
  bool narrow = false;  // whether all pages and frames are below 2^32 - 1
  // Where they begin, and what each adds to the offset of the one before.
  std::array<uint64_t, kMost> start{};
  std::array<uint64_t, kMost> step{};
};

// pfns[i] = the frame of pages[i].  False: a page is not below runs.pages,
// and what was written is of no use.
bool TranslateFewRuns(SimdLevel level, const FewRuns& runs,
                      const uint64_t* pages, size_t n, uint64_t* pfns);

}  // namespace dmdax

#endif  // DMDAX_DM_MAP_BATCH_KERNELS_H_
