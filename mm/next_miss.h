// SPDX-License-Identifier: Apache-2.0
//
// Where a run of cached pages ends, as the kernel's tree of the page cache
// counts it.
//
//   PageCacheNextMiss(profile, mapping, 8, 32);  // 12 if pages 8 to 11 are
//   there
//
// The count is not exact.  A walk that begins in the middle of a large folio
// stands on the folio's first slot while the index stays where it was, so that
// the miss that it finds is reported that much too late, up to the end of the
// node of 64 slots.
//
// Mirrors: page_cache_next_miss of mm/filemap.c; xas_load, xas_descend,
// xas_next and __xas_next of lib/xarray.c (6.1, 6.12).
// Threading: pure function.
#ifndef DMDAX_MM_NEXT_MISS_H_
#define DMDAX_MM_NEXT_MISS_H_

#include <cstdint>

#include "mm/vm_area.h"

namespace dmdax {

// The index of the first of `max` pages from `index` on that is not cached.  If
// all are: index + max - 1, or 0 in kernels that say so
// (FaultProfile::next_miss_is_outside).
uint64_t PageCacheNextMiss(const FaultProfile& profile,
                           const AddressSpace& mapping, uint64_t index,
                           uint64_t max);

}  // namespace dmdax

#endif  // DMDAX_MM_NEXT_MISS_H_
