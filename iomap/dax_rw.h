// SPDX-License-Identifier: Apache-2.0
//
// DaxIomapWrite: write(2) to a DAX file that others may have mapped.
//
//   int64_t written = DaxIomapWrite(inode, /*pos=*/0, /*len=*/4096, ops);
//
// Blocks that are new or copied may be mapped as they were before, so such a
// range is unmapped everywhere and its clean entries are dropped.
//
// Mirrors: fs/dax.c dax_iomap_rw, dax_iomap_iter (6.1; 6.12).
// Threading: thread-compatible.
#ifndef DMDAX_IOMAP_DAX_RW_H_
#define DMDAX_IOMAP_DAX_RW_H_

#include <cstdint>

#include "iomap/dax_inode.h"
#include "iomap/iomap.h"

namespace dmdax {

// Bytes written, or -errno when there are none.  i_size is the caller's.
int64_t DaxIomapWrite(DaxInode& inode, uint64_t pos, uint64_t len,
                      IomapOps& ops);

}  // namespace dmdax

#endif  // DMDAX_IOMAP_DAX_RW_H_
