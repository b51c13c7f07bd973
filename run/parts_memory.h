// SPDX-License-Identifier: Apache-2.0
//
// MemoryOfParts: what READ and WRITE are told of the memory of readv(2)'s parts
// (DMDAX_MEMORY).  A device that is open with O_DIRECT refuses the call if one
// part is not as it has to be, before anything is moved.
//
//   e.head.flags = MemoryOfParts(parts.data(), parts.size());
//
// It needs nothing but libc: a preload library has it too.
// Mirrors: iov_iter_is_aligned of lib/iov_iter.c, which looks at empty parts,
// but not at those behind the last byte.  Threading: stateless.
#ifndef DMDAX_RUN_PARTS_MEMORY_H_
#define DMDAX_RUN_PARTS_MEMORY_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "server/protocol.h"

namespace dmdax::run {

inline uint32_t MemoryOfParts(const iovec* parts, size_t n) {
  while (n > 0 && parts[n - 1].iov_len == 0) --n;
  uintptr_t addresses = 0;
  size_t lengths = 0;
  for (size_t i = 0; i < n; ++i) {
    addresses |= reinterpret_cast<uintptr_t>(parts[i].iov_base);
    lengths |= parts[i].iov_len;
  }
  // One part is as long as the call, which is looked at without it.
  return DMDAX_MEMORY(addresses, n > 1 ? lengths : 0);
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_PARTS_MEMORY_H_
