// SPDX-License-Identifier: Apache-2.0
//
// Readahead: which pages a fault on a cached file brings into the page cache,
// and where the mark lies that makes a later fault read on.
//
//   if (!cached) {
//     SyncMmapReadahead(vmf);             // read around the page
//   } else if (AsyncMmapReadahead(vmf)) {
//     return VM_FAULT_RETRY;              // the page was the marked one
//   }
//
// Mirrors: mm/readahead.c page_cache_ra_order, do_page_cache_ra,
// ondemand_readahead, page_cache_async_ra; do_sync_mmap_readahead,
// do_async_mmap_readahead of mm/filemap.c (5.10, 6.1, 6.12, 7.2).  The count of
// misses that turns it off is not kept: files must be of many megabytes for
// that.  Threading: thread-compatible.
#ifndef DMDAX_MM_READAHEAD_H_
#define DMDAX_MM_READAHEAD_H_

#include <cstdint>

#include "mm/vm_area.h"

namespace dmdax {

// Pages of the file of the fault, the last one perhaps in part.
uint64_t FilePages(const VmFault& vmf);

// A folio of fresh memory in the cache of a file, with no page of it there yet.
void FilemapAddFolio(MemMap& mem, AddressSpace& mapping, uint64_t index,
                     int order);

// do_sync_mmap_readahead(): the page is not cached, and is afterwards.
void SyncMmapReadahead(VmFault& vmf);

// do_async_mmap_readahead(): whether the cached page had the mark, and so the
// lock was dropped to read on.
[[nodiscard]] bool AsyncMmapReadahead(VmFault& vmf);

}  // namespace dmdax

#endif  // DMDAX_MM_READAHEAD_H_
