// SPDX-License-Identifier: Apache-2.0
#include "fs/xfs_reflink.h"

#include <algorithm>
#include <cstdint>

namespace dmdax {

FileExtent XfsMergedAt(const DaxInode& inode, uint64_t pos, uint64_t length) {
  FileExtent merged = inode.extents.Find(pos);
  if (merged.type != IOMAP_MAPPED && merged.type != IOMAP_UNWRITTEN) {
    return merged;
  }
  while (merged.length < length) {
    const FileExtent next = inode.extents.Find(merged.end());
    if (next.type != merged.type ||
        next.physical != merged.physical + merged.length) {
      break;
    }
    merged.length += next.length;
  }
  return merged;
}

void XfsReflinkTrimAroundShared(const std::vector<DaxInode*>& inodes,
                                const DaxInode& inode, FileExtent* extent) {
  if (!extent->shared || inodes.size() < 2) return;
  const uint64_t from = extent->physical;
  uint64_t to = from + extent->length;
  bool shared = false;
  for (const DaxInode* other : inodes) {
    if (other == &inode) continue;
    for (const FileExtent& theirs : other->extents.All()) {
      if (theirs.type != IOMAP_MAPPED && theirs.type != IOMAP_UNWRITTEN)
        continue;
      const uint64_t end = theirs.physical + theirs.length;
      if (theirs.physical <= from && from < end) {
        shared = true;
        to = std::min(to, end);
      } else if (theirs.physical > from && !shared) {
        to = std::min(to, theirs.physical);
      }
    }
  }
  extent->shared = shared;
  extent->length = to - from;
}

}  // namespace dmdax
