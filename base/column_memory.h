// SPDX-License-Identifier: Apache-2.0
//
// Memory for Column: realloc(), which for large blocks keeps what was given
// back for the next who asks.
//
//   void* p = ReallocColumn(nullptr, 0, 8 << 20);
//   p = ReallocColumn(p, 8 << 20, 16 << 20);
//   ReallocColumn(p, 16 << 20, 0);             // free
//
// A page that a process touches for the first time is dear: for a table of a
// million rows fresh memory costs as much as parsing and compiling what goes
// there (the benchmark family `load:N`).  At most 64 MiB are kept.
//
// Large blocks are whole huge pages, if the kernel has them.  A random read of
// an index of 13 MB otherwise misses the TLB as well as the cache, which in a
// guest costs more than the cache line: it doubles the time of a lookup among a
// million extents (measured with `targets:1048576`).
// Threading: thread-safe.
#ifndef DMDAX_BASE_COLUMN_MEMORY_H_
#define DMDAX_BASE_COLUMN_MEMORY_H_

#include <cstddef>

namespace dmdax {

// The first min(old_size, new_size) bytes stay; others have any value.  Sizes
// are what was asked for.  Null for size 0; ends the program if there is no
// memory, as operator new does without exceptions.
void* ReallocColumn(void* old, size_t old_size, size_t new_size);

}  // namespace dmdax

#endif  // DMDAX_BASE_COLUMN_MEMORY_H_
