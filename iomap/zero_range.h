// SPDX-License-Identifier: Apache-2.0
//
// Zeroing of a range of a file that is not DAX, in its page cache.
//
//   bool did_zero = false;
//   const int err = IomapZeroRange(inode, 100, 3996, fs, &did_zero);
//
// What is zero on disk is passed by.  What kernels do when dirty pages lie over
// it is FaultProfile::iomap_zero_dirty.
//
// Mirrors: iomap_zero_range, iomap_zero_iter, iomap_zero_iter_flush_and_stale,
// iomap_fill_dirty_folios of fs/iomap/buffered-io.c (5.10, 6.1, 6.12, 6.16,
// 7.2).  A folio batch holds 31 folios; no more than the one at the end of the
// file is dirty here, because all callers have written the range back.
// Threading: as the inode.
#ifndef DMDAX_IOMAP_ZERO_RANGE_H_
#define DMDAX_IOMAP_ZERO_RANGE_H_

#include <cstdint>

#include "iomap/dax_inode.h"
#include "iomap/iomap.h"

namespace dmdax {

// Zeroes bytes [pos, pos + len): the pages are dirty afterwards.  `did_zero`,
// if not null, becomes true when something was zeroed, or a batch of dirty
// folios was gone through, even an empty one.  0, or what `ops` say.
int IomapZeroRange(DaxInode& inode, uint64_t pos, uint64_t len, IomapOps& ops,
                   bool* did_zero);

}  // namespace dmdax

#endif  // DMDAX_IOMAP_ZERO_RANGE_H_
