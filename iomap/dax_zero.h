// SPDX-License-Identifier: Apache-2.0
//
// DaxZeroRange: zeroes bytes of a DAX file through its device, as truncate(2)
// and fallocate(2) do with the rest of a block that they cut.
//
//   int err = DaxZeroRange(inode, /*pos=*/4190000, /*len=*/208, ops, nullptr);
//
// Holes and unwritten extents are zero already and are only looked up.  Units
// are bytes.  Events go to the inode's recorder.
//
// Mirrors: fs/dax.c dax_zero_range, dax_zero_iter, dax_memzero,
// dax_truncate_page (6.1).  Threading: thread-compatible.
#ifndef DMDAX_IOMAP_DAX_ZERO_H_
#define DMDAX_IOMAP_DAX_ZERO_H_

#include <cstdint>

#include "iomap/dax_inode.h"
#include "iomap/iomap.h"

namespace dmdax {

// 0 or -errno.  *did_zero (may be null) becomes true if bytes were written.
int DaxZeroRange(DaxInode& inode, uint64_t pos, uint64_t len, IomapOps& ops,
                 bool* did_zero);

// The rest of the block that `pos` is in; nothing when it begins there.
int DaxTruncatePage(DaxInode& inode, uint64_t pos, IomapOps& ops,
                    bool* did_zero);

}  // namespace dmdax

#endif  // DMDAX_IOMAP_DAX_ZERO_H_
