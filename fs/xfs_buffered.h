// SPDX-License-Identifier: Apache-2.0
//
// xfs files that are not DAX: a write reserves blocks, and gets them when its
// pages are written back.
// Mirrors: xfs_buffered_write_iomap_begin, xfs_bmapi_reserve_delalloc,
// xfs_vm_writepages (6.1).
// Threading: as the inode.
#ifndef DMDAX_FS_XFS_BUFFERED_H_
#define DMDAX_FS_XFS_BUFFERED_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "fs/xfs_eof.h"
#include "iomap/dax_inode.h"
#include "iomap/iomap.h"

namespace dmdax {

// The answer to a write (IOMAP_ZERO: to zeroing, which reserves nothing) of
// `length` bytes at `pos`: extents come whole, what is new by itself, and what
// is to be zeroed cut to the range by some kernels.  0, or -ENOSPC.
int XfsBufferedWriteBegin(const XfsEof& eof, DaxInode& inode, uint64_t pos,
                          uint64_t length, unsigned flags, Iomap* iomap);

// Writes pages [first, first + nr) back: delayed allocations become blocks,
// whole, and what is written of unwritten ones is converted.
// `takes`: whether the device takes bytes [at, at + length).  What it does not
// take stays unwritten.  False: there was such.
bool XfsWritepages(DaxInode& inode, uint64_t first, uint64_t nr,
                   absl::FunctionRef<bool(uint64_t at, uint64_t length)> takes);

// xfs_discard_folio(), of the same pages: blocks for them could not be had, and
// what was reserved is given back.  False: there was such.
bool XfsDiscard(DaxInode& inode, uint64_t first, uint64_t nr);

}  // namespace dmdax

#endif  // DMDAX_FS_XFS_BUFFERED_H_
