// SPDX-License-Identifier: Apache-2.0
//
// Where a file system that stays has room for a copy of a file in whole pages
// of 2 MiB, as far as its files are known.
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_FREE_PLACES_H_
#define DMDAX_TOOLS_CHECK_FREE_PLACES_H_

#include <cstdint>
#include <vector>

#include "iomap/file_extents.h"
#include "tools/check/cure.h"

namespace dmdax {

// Extents at multiples of 2 MiB for `bytes`, which is one too, of which no file
// of the subject's mount has a block, its own included: until it is copied both
// are there.  Those behind all other files come first.  Nothing: there is not
// so much, and what the file system needs itself.
std::vector<FileExtent> FreePlaces(const CureRequest& request, uint64_t bytes);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FREE_PLACES_H_
