// SPDX-License-Identifier: Apache-2.0
//
// xfs: what truncate(2) and fallocate(2) do to a file, which may be mapped.
//
//   int err = XfsFallocate(fs, inode, FALLOC_FL_ZERO_RANGE, 100, 8192);
//
// Units are bytes.  Results are 0 or -errno.  `fs` zeroes parts of blocks,
// which needs its iomap_begin.
//
// Mirrors: fs/xfs/xfs_file.c xfs_file_fallocate; fs/xfs/xfs_bmap_util.c
// xfs_free_file_space, xfs_flush_unmap_range, xfs_prepare_shift;
// fs/xfs/xfs_iops.c xfs_setattr_size (5.10, 6.1, 6.12, 7.2).
// Threading: thread-compatible.
#ifndef DMDAX_FS_XFS_FALLOCATE_H_
#define DMDAX_FS_XFS_FALLOCATE_H_

#include <cstdint>

#include "fs/file_system.h"

namespace dmdax {

int XfsSetSize(FileSystem& fs, DaxInode& inode, uint64_t size);
int XfsFallocate(FileSystem& fs, DaxInode& inode, int mode, uint64_t offset,
                 uint64_t length);

}  // namespace dmdax

#endif  // DMDAX_FS_XFS_FALLOCATE_H_
