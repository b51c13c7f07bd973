// SPDX-License-Identifier: Apache-2.0
//
// xfs: the extent that a lookup finds where blocks are shared between files.
//
// Units are bytes.
//
// Mirrors: fs/xfs/xfs_reflink.c xfs_reflink_trim_around_shared;
// fs/xfs/libxfs/xfs_bmap.c xfs_bmap_add_extent_hole_real (5.10, 6.1, 6.12,
// 7.2).
// Threading: thread-compatible.
#ifndef DMDAX_FS_XFS_REFLINK_H_
#define DMDAX_FS_XFS_REFLINK_H_

#include <cstdint>
#include <vector>

#include "iomap/dax_inode.h"

namespace dmdax {

// The extent from `pos` on, with neighbours that adjoin: xfs merges them, and
// does not ask whether they are shared.  Who wants `length` bytes gets no less
// than that if they are there, and perhaps more.
FileExtent XfsMergedAt(const DaxInode& inode, uint64_t pos, uint64_t length);

// xfs_reflink_trim_around_shared(): cuts `extent` where blocks begin or end to
// be shared, and says whether these are.  The files that are known, `inodes`,
// tell; what FIEMAP said stands for files that nobody named.
void XfsReflinkTrimAroundShared(const std::vector<DaxInode*>& inodes,
                                const DaxInode& inode, FileExtent* extent);

}  // namespace dmdax

#endif  // DMDAX_FS_XFS_REFLINK_H_
