// SPDX-License-Identifier: Apache-2.0
//
// Reads and writes of a device of the machine, as libc's calls do them.
//
//   Transfer(file, Direction::kRead, buffer, size, offset);  // pread(2)
//
// Long ones are done in pieces: what was moved before an error is the result.
// A buffer that is no memory is EFAULT.
// Threading: thread-safe, async-signal-safe.
#ifndef DMDAX_RUN_PRELOAD_DATA_H_
#define DMDAX_RUN_PRELOAD_DATA_H_

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

#include "run/preload/file.h"

namespace dmdax::preload {

enum class Direction { kRead, kWrite };
inline constexpr uint64_t kAtPosition = DMDAX_AT_POSITION;

// How many bytes, or -1 with errno.
ssize_t Transfer(const File& file, Direction direction, void* buffer,
                 size_t size, uint64_t offset);
ssize_t TransferParts(const File& file, Direction direction, const iovec* parts,
                      int n, uint64_t offset);
off_t Seek(const File& file, off_t offset, int whence);
int Sync(const File& file);  // 0 or -1

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_DATA_H_
