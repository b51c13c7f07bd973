// SPDX-License-Identifier: Apache-2.0
//
// What of a file reads as zeros: holes, and blocks that were never written.  A
// read of either maps the zero page; a write of the second gets these blocks,
// and of the first nobody knows which.
//
// Mirrors: dax_iomap_pte_fault and dax_iomap_pmd_fault of fs/dax.c (6.1).
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_ZERO_PAGE_H_
#define DMDAX_TOOLS_CHECK_ZERO_PAGE_H_

#include <cstdint>

#include "mm/vm_area.h"

namespace dmdax {

struct ReadsAsZeros {
  bool holes = false, unwritten = false;
};

// Of bytes [begin, end).
ReadsAsZeros ZerosOf(const File& file, uint64_t begin, uint64_t end);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_ZERO_PAGE_H_
