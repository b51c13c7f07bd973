// SPDX-License-Identifier: Apache-2.0
//
// Memory for Column: a realloc() that keeps large blocks which were freed, for
// the next caller.
//
//   void* p = ReallocColumn(nullptr, 0, 8 << 20);
//   p = ReallocColumn(p, 8 << 20, 16 << 20);
//   ReallocColumn(p, 16 << 20, 0);             // free
//
// The first touch of a page is expensive: for a table of a million rows, fresh
// memory costs as much as parsing and compiling the rows (the benchmark family
// `load:N`).  At most 64 MiB are kept.  A block that is too small, because its
// last user had needed less than it asked for, is made larger: only what it
// lacks is fresh.
//
// Large blocks are whole huge pages, if the kernel has them.  Otherwise a
// random read of an index of 13 MB misses the TLB as well as the cache.  In a
// guest that costs more than the cache line, and doubles the time of a lookup
// among a million extents (measured with `targets:1048576`).
// Threading: thread-safe.
#ifndef DMDAX_BASE_COLUMN_MEMORY_H_
#define DMDAX_BASE_COLUMN_MEMORY_H_

#include <cstddef>

namespace dmdax {

// The first min(old_size, new_size) bytes are kept; the others have any value.
// `old_size` is the size that was asked for.  Null for size 0.  Ends the
// program if there is no memory, as operator new does without exceptions.
void* ReallocColumn(void* old, size_t old_size, size_t new_size);

}  // namespace dmdax

#endif  // DMDAX_BASE_COLUMN_MEMORY_H_
