// SPDX-License-Identifier: Apache-2.0
//
// DiffPages: how many pages of two devices get different answers.
//
//   absl::StatusOr<PageDiff> diff = DiffPages(a, b, 512, DiffBy::kLayout);
//   if (!diff->equal()) std::cout << diff->frames.first << "\n";
//
// A device is compared run by run, and of what repeats (dax/dax_piece.h) two
// periods tell of all others: a hundred terabytes of stripes cost what a few
// megabytes cost.
// Threading: as DaxQuery.
#ifndef DMDAX_TOOLS_DIFF_PAGE_DIFF_H_
#define DMDAX_TOOLS_DIFF_PAGE_DIFF_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "tools/dax_query.h"

namespace dmdax {

// What repeats is taken from the targets' dax_layout; or nothing is, and every
// run of every page is asked for.
enum class DiffBy { kLayout, kChain };

struct PageDiff {
  struct Count {
    uint64_t pages = 0;  // that differ
    uint64_t first = 0;  // the lowest of them
  };
  uint64_t pages = 0;  // of the larger device
  // Requests for one page get another frame or error.
  Count frames;
  // The frame is the same, but a request of nr_pages gets more or fewer pages,
  // or another error.
  Count runs;

  bool equal() const { return frames.pages == 0 && runs.pages == 0; }
};

// The most that nr_pages may be: those of a PUD.
inline constexpr int64_t kMostDiffPages = 262144;

// How long an answer may take.
struct DiffBounds {
  // The most questions, each of which counts once for each of `levels`.
  uint64_t most_asked = uint64_t{1} << 25;
  // The mapped devices that a question walks down, from 1 on.
  int levels = 1;
};

// nr_pages from 1 on.  Behind the end of the smaller device its pages have the
// error that they get.  EINVAL: a target's dax_layout contradicts its
// direct_access.  EFBIG: so little repeats that there are more questions than
// `bounds` has.
absl::StatusOr<PageDiff> DiffPages(const DaxQuery& a, const DaxQuery& b,
                                   int64_t nr_pages, DiffBy by,
                                   const DiffBounds& bounds = {});

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DIFF_PAGE_DIFF_H_
