// SPDX-License-Identifier: Apache-2.0
//
// Many pages in the runs of a NarrowExtents, for processors with AVX-512.
//
//   RunSearch search{.entries = extents.entries(),
//                    .special = NarrowExtents::kSpecial, .end = 64,
//                    .nr_pages = 512, .pfns = pfns, .lengths = nullptr};
//   for (size_t i = 0; i < n; ++i) {
//     i = AnswerFromSlots(search, slots, shift, pages, i, n);
//     if (i < n) AskTheChain(pages[i]);   // it is in no run
//   }
//
// Eight starts are compared at once.  A loop mispredicts a jump for every other
// page when there is one slot an extent.  Among a million extents this halves
// the time, together with the fetching ahead (the benchmark family `targets:N`,
// measure `batch`).  The plain version is FindExtentFrom().
// Threading: pure functions.
#ifndef DMDAX_DM_MAP_RUN_SEARCH_H_
#define DMDAX_DM_MAP_RUN_SEARCH_H_

#include <cstddef>
#include <cstdint>

#include "dax/dax_fast_path.h"
#include "dm/map/batch_kernels.h"

namespace dmdax {

// How many starts are compared at once.  So many must be readable after any
// extent.
inline constexpr size_t kSearchPadding = 8;

// The extent that holds `page`, which is `extent` or after it.
template <typename Word>
inline size_t FindExtentFrom(const ExtentEntry<Word>* entries, size_t extent,
                             uint64_t page) {
  while (entries[extent + 1].start <= page) ++extent;
  return extent;
}

struct RunSearch {
  const ExtentEntry<uint32_t>* entries;
  uint32_t special;  // a value from here on is no frame
  uint64_t end;      // no page from here on is in an extent
  int64_t nr_pages;  // that are asked for
  uint64_t* pfns;    // out
  int64_t* lengths;  // out, or null
};

// Whether the functions below may be called.
template <typename Word>
bool CanSearchRuns(SimdLevel level) {
  return sizeof(Word) == sizeof(uint32_t) && level >= SimdLevel::kAvx512;
}

// Answers pages[i], pages[i + 1] ... before pages[n] until one is in no run;
// returns which.  The search for a page begins at slots[page >> shift].
size_t AnswerFromSlots(const RunSearch& search, const uint16_t* slots,
                       uint32_t shift, const uint64_t* pages, size_t i,
                       size_t n);
// The search for pages[i] begins at starts[i - first].
size_t AnswerFromStarts(const RunSearch& search, const uint32_t* starts,
                        size_t first, const uint64_t* pages, size_t i,
                        size_t n);

}  // namespace dmdax

#endif  // DMDAX_DM_MAP_RUN_SEARCH_H_
