// SPDX-License-Identifier: Apache-2.0
//
// Truncation of the page cache: which pages go, and what becomes of a large
// folio that the range cuts.
//
//   TruncateInodePagesRange(profile, mapping, 4096, 12288);  // two pages
//   TruncateInodePagesRange(profile, mapping, 100, kEndOfCache);
//
// A folio that is cut is split: into single pages, or since 6.15 in halves down
// to the cut, so that what lies further away stays large.  A split unmaps all
// of it.  A dirty folio can not be split as long as the file system holds on to
// it (AddressSpace::no_private): it stays, with zeroes in the range, and some
// kernels unmap it.
//
// Mirrors: mm/truncate.c truncate_inode_pages_range,
// truncate_inode_partial_folio, try_folio_split_or_unmap; mm/huge_memory.c
// split_huge_page_to_list, folio_split (6.1, 6.12, 7.2).
// Threading: thread-compatible, as the AddressSpace.
#ifndef DMDAX_MM_TRUNCATE_H_
#define DMDAX_MM_TRUNCATE_H_

#include <cstdint>

#include "mm/page.h"
#include "mm/vm_area.h"

namespace dmdax {

inline constexpr uint64_t kEndOfCache = ~uint64_t{0};

// Bytes [start, end) of the file leave the cache, as far as they are whole
// pages; of the others the contents go.  What maps the pages must be unmapped
// before.  start < end; kEndOfCache: all that follows.
void TruncateInodePagesRange(const FaultProfile& profile, AddressSpace& mapping,
                             uint64_t start, uint64_t end);

// Folios that are clean and not mapped leave the cache, as far as it goes:
// what drop_caches and posix_fadvise(POSIX_FADV_DONTNEED) do.
// Mirrors: invalidate_mapping_pages.
void InvalidateMappingPages(const MemMap& mem, AddressSpace& mapping);

}  // namespace dmdax

#endif  // DMDAX_MM_TRUNCATE_H_
