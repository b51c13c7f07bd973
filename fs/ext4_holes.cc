// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4_holes.h"

#include <algorithm>

#include "base/round_up.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;

bool HasBlocks(const DaxInode& inode, uint64_t start, uint64_t length) {
  const FileExtent extent = inode.extents.Find(start);
  return extent.type != IOMAP_HOLE || extent.length < length;
}

// ext4_ind_map_blocks() of a block that is not there: it counts to the end of
// the largest tree of pointers that is missing.
uint64_t IndirectHole(const DaxInode& inode, uint64_t block) {
  if (block < kExt4DirectBlocks) return 1;
  uint64_t first = kExt4DirectBlocks;
  uint64_t tree = kExt4Pointers;
  for (; block >= first + tree; tree *= kExt4Pointers) first += tree;
  for (; tree > 1; tree /= kExt4Pointers) {
    const uint64_t start = first + (block - first) / tree * tree;
    if (!HasBlocks(inode, start * kBlock, tree * kBlock)) {
      return start + tree - block;
    }
  }
  return 1;
}

}  // namespace

uint64_t Ext4EndOfHole(DaxInode& inode, uint64_t pos, uint64_t length) {
  const uint64_t end = pos + length;
  if (inode.has_extents) {
    // ext4_ext_determine_hole(): in front of a file's first extent the look
    // remembers no more than what lies behind it.
    const FileExtent before = inode.extents.Before(pos);
    const bool is_first = before.length == 0 && !inode.extents.empty();
    return inode.known_holes.EndOf(pos, is_first ? pos : before.end(), end);
  }
  if (inode.profile->ext4_indirect_hole_is_whole) return end;
  const uint64_t tree_end =
      std::min(end, pos + IndirectHole(inode, pos / kBlock) * kBlock);
  if (!inode.profile->ext4_remembers_indirect_holes) return tree_end;
  // What is new is told as it was found; a later look finds it with the holes
  // beside it.
  const uint64_t known = inode.known_holes.End(pos);
  if (known != 0) return std::min(end, known);
  inode.known_holes.Remember(pos, tree_end);
  return tree_end;
}

uint64_t Ext4PointersEnd(uint64_t pos) {
  const uint64_t block = pos / kBlock;
  if (block < kExt4DirectBlocks) return kExt4DirectBlocks * kBlock;
  const uint64_t first = RoundDown(block - kExt4DirectBlocks, kExt4Pointers);
  return (kExt4DirectBlocks + first + kExt4Pointers) * kBlock;
}

}  // namespace dmdax
