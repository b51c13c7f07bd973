// SPDX-License-Identifier: Apache-2.0
//
// ext4: what truncate(2) and fallocate(2) do to a file, which may be mapped.
//
//   int err = Ext4Fallocate(fs, inode, FALLOC_FL_ZERO_RANGE, 100, 8192);
//
// Units are bytes.  Results are 0 or -errno, EROFS once the journal has
// aborted.  `fs` zeroes parts of blocks, which needs its iomap_begin.
//
// Mirrors: fs/ext4/extents.c ext4_fallocate, ext4_zero_range,
// ext4_collapse_range, ext4_insert_range, ext4_alloc_file_blocks;
// fs/ext4/inode.c ext4_setattr, ext4_punch_hole, ext4_zero_partial_blocks
// (5.10, 6.1, 6.12, 7.2).  Threading: thread-compatible.
#ifndef DMDAX_FS_EXT4_FALLOCATE_H_
#define DMDAX_FS_EXT4_FALLOCATE_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "fs/file_system.h"

namespace dmdax {

// ext4_writepages() of blocks that are dirty: [first, first + nr) have blocks
// and are written afterwards, as far as the file reaches.
// `takes`: whether the device takes bytes [at, at + length).  False: not all.
bool Ext4Writepages(
    DaxInode& inode, uint64_t first, uint64_t nr,
    absl::FunctionRef<bool(uint64_t at, uint64_t length)> takes);

int Ext4SetSize(FileSystem& fs, DaxInode& inode, uint64_t size);
int Ext4Fallocate(FileSystem& fs, DaxInode& inode, int mode, uint64_t offset,
                  uint64_t length);

}  // namespace dmdax

#endif  // DMDAX_FS_EXT4_FALLOCATE_H_
