// SPDX-License-Identifier: Apache-2.0
//
// TransferDirect: bytes of a device that are moved without a message, in the
// file that has them.
//
//   size_t done = TransferDirect(file, Direction::kWrite, bytes, size, offset);
//   // the rest by message; 0 where there is no lease (server/protocol.h)
//
// Threading: thread-safe, async-signal-safe.
#ifndef DMDAX_RUN_PRELOAD_LEASE_H_
#define DMDAX_RUN_PRELOAD_LEASE_H_

#include <cstddef>
#include <cstdint>

#include "run/preload/data.h"
#include "run/preload/file.h"

namespace dmdax::preload {

// Whether there may be a lease: asking costs a message.
bool MayTransferDirect(const File& file, Direction direction);

// How many of the bytes; what an error kept back is the server's to say.
size_t TransferDirect(const File& file, Direction direction, char* buffer,
                      size_t size, uint64_t offset);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_LEASE_H_
