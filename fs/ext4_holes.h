// SPDX-License-Identifier: Apache-2.0
//
// Ext4EndOfHole: how far ext4 says that a hole goes, which is not always to the
// next extent.
//
//   uint64_t end = Ext4EndOfHole(inode, /*pos=*/8 << 20, /*length=*/2 << 20);
//
// A file with extents has its extent status tree (iomap/known_holes.h); one
// with indirect blocks counts to the end of the tree of pointers that is
// missing, which may be a single block; 7.3 to the next block.  Units are
// bytes.
//
// Mirrors: ext4_ext_put_gap_in_cache of fs/ext4/extents.c, ext4_ind_map_blocks
// of fs/ext4/indirect.c (6.1).  Threading: thread-compatible.
#ifndef DMDAX_FS_EXT4_HOLES_H_
#define DMDAX_FS_EXT4_HOLES_H_

#include <cstdint>

#include "iomap/dax_inode.h"

namespace dmdax {

// EXT4_NDIR_BLOCKS, and the pointers in a block of 4096 bytes: where the blocks
// of a file without extents are listed.
inline constexpr uint64_t kExt4DirectBlocks = 12;
inline constexpr uint64_t kExt4Pointers = 4096 / sizeof(uint32_t);

// `pos` lies in a hole that goes on for `length` bytes; the answer is not
// beyond them.  Remembers what was looked up.
uint64_t Ext4EndOfHole(DaxInode& inode, uint64_t pos, uint64_t length);

// Where an allocation at `pos` of a file with indirect blocks ends at the
// latest: with the block of pointers.
uint64_t Ext4PointersEnd(uint64_t pos);

}  // namespace dmdax

#endif  // DMDAX_FS_EXT4_HOLES_H_
