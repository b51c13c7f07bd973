// SPDX-License-Identifier: Apache-2.0
//
// CutToHole: what of an allocation fits where a file has no blocks.
//
// An extent size hint makes an allocation larger than what was asked for, but
// never reaches into blocks that the file has.
// Mirrors: xfs_bmap_extsize_align (fs/xfs/libxfs/xfs_bmap.c, 6.1).
// Threading: a pure function.
#ifndef DMDAX_IOMAP_CUT_TO_HOLE_H_
#define DMDAX_IOMAP_CUT_TO_HOLE_H_

#include <cstdint>

#include "iomap/file_extents.h"

namespace dmdax {

// The part of `fresh`, blocks for byte `pos` of the file, at which nothing is
// but holes and delayed allocations.
FileExtent CutToHole(const FileExtents& file, const FileExtent& fresh,
                     uint64_t pos);

}  // namespace dmdax

#endif  // DMDAX_IOMAP_CUT_TO_HOLE_H_
