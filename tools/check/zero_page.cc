// SPDX-License-Identifier: Apache-2.0
#include "tools/check/zero_page.h"

#include "iomap/dax_inode.h"

namespace dmdax {

ReadsAsZeros ZerosOf(const File& file, uint64_t begin, uint64_t end) {
  ReadsAsZeros zeros;
  if (file.f_inode->type != InodeType::kRegular) return zeros;
  const FileExtents& extents =
      static_cast<const DaxInode*>(file.f_inode)->extents;
  for (uint64_t at = begin; at < end && !(zeros.holes && zeros.unwritten);) {
    const FileExtent extent = extents.Find(at);
    zeros.holes |= extent.type == IOMAP_HOLE;
    zeros.unwritten |= extent.type == IOMAP_UNWRITTEN;
    at = extent.end();
  }
  return zeros;
}

}  // namespace dmdax
