// SPDX-License-Identifier: Apache-2.0
//
// Move: bytes between a device and the memory of a task.
//
//   int64_t n = Move(call, file, Direction::kRead, address, 512, offset);
//
// Long transfers are done in pieces: what was moved before an error is the
// result.  Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_DATA_H_
#define DMDAX_RUN_NOTIFY_DATA_H_

#include <cstdint>

#include "run/notify/call.h"
#include "server/protocol.h"

namespace dmdax::run {

enum class Direction { kRead, kWrite };
inline constexpr uint64_t kAtPosition = DMDAX_AT_POSITION;

// How many bytes, or -errno.  `offset` may be kAtPosition.
int64_t Move(Call& call, const OpenFile& file, Direction direction,
             uint64_t address, uint64_t size, uint64_t offset);
// The same with `count` structs iovec at `address`.
int64_t MoveParts(Call& call, const OpenFile& file, Direction direction,
                  uint64_t address, uint64_t count, uint64_t offset);
// 0 or an errno.
int SyncBytes(Call& call, const OpenFile& file);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_DATA_H_
