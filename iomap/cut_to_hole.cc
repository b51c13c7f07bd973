// SPDX-License-Identifier: Apache-2.0
#include "iomap/cut_to_hole.h"

#include <algorithm>

namespace dmdax {

FileExtent CutToHole(const FileExtents& file, const FileExtent& fresh,
                     uint64_t pos) {
  uint64_t from = fresh.logical;
  uint64_t to = fresh.end();
  for (const FileExtent& extent : file.All()) {
    if (extent.type == IOMAP_HOLE || extent.type == IOMAP_DELALLOC) continue;
    if (extent.end() <= pos) from = std::max(from, extent.end());
    if (extent.logical > pos) to = std::min(to, extent.logical);
  }
  FileExtent part = fresh;
  part.logical = from;
  part.physical += from - fresh.logical;
  part.length = to - from;
  return part;
}

}  // namespace dmdax
