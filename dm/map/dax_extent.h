// SPDX-License-Identifier: Apache-2.0
//
// DaxExtent: pages next to each other with one answer; 16 bytes.
//
//   std::vector<DaxExtent> extents(4096);
//   uint64_t page = 0;
//   size_t n = md.Extents(&page, end, absl::MakeSpan(extents));
//   // extents[0] begins at page 0, each other where the one before it ends
//
// Where an extent begins is not stored: extents adjoin.
// Threading: plain values.
#ifndef DMDAX_DM_MAP_DAX_EXTENT_H_
#define DMDAX_DM_MAP_DAX_EXTENT_H_

#include <cstdint>

#include "dax/dax_fast_path.h"

namespace dmdax {

struct DaxExtent {
  int64_t pfn = 0;     // of the first page; -errno: no page has a frame
  uint64_t pages = 0;  // at least 1

  // An answer of DaxDirectAccess(); an error is that of one page.
  static DaxExtent Of(DaxFrames frames) {
    if (frames.ret <= 0) return {frames.ret, 1};
    return {static_cast<int64_t>(frames.pfn),
            static_cast<uint64_t>(frames.ret)};
  }
  friend bool operator==(const DaxExtent&, const DaxExtent&) = default;
};
static_assert(sizeof(DaxExtent) == 16);

}  // namespace dmdax

#endif  // DMDAX_DM_MAP_DAX_EXTENT_H_
