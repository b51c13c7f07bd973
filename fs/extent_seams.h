// SPDX-License-Identifier: Apache-2.0
//
// SeamsOf: where one extent of a file goes on with the next, in the file and on
// the device.  An inode has both as one; who lists the extents of a file system
// keeps them apart where it does, which decides about huge pages.
//
// Mirrors: nothing.
// Threading: pure function.
#ifndef DMDAX_FS_EXTENT_SEAMS_H_
#define DMDAX_FS_EXTENT_SEAMS_H_

#include <vector>

#include "iomap/file_extents.h"

namespace dmdax {

struct ExtentSeam {
  FileExtent before, after;
};

// Those between extents that have blocks, listed in any order; in the order of
// the file.
std::vector<ExtentSeam> SeamsOf(std::vector<FileExtent> listed);

}  // namespace dmdax

#endif  // DMDAX_FS_EXTENT_SEAMS_H_
