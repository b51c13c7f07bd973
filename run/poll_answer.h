// SPDX-License-Identifier: Apache-2.0
//
// What poll(2) says of a file without a ->poll, as a block device is one: it is
// ready for reading and writing, whatever it was opened for, and no epoll(7)
// set takes it.
//
//   if (HasNoPoll(file.kind, file.dev)) entry.revents =
//       ReadyEvents(entry.events);   // 0: not asked for
//
// It needs nothing but libc: a preload library has it too.
// Mirrors: DEFAULT_POLLMASK of include/linux/poll.h, file_can_poll.
#ifndef DMDAX_RUN_POLL_ANSWER_H_
#define DMDAX_RUN_POLL_ANSWER_H_

#include <poll.h>
#include <stdint.h>

#include "server/protocol.h"

namespace dmdax::run {

// Of an open file of the machine.  The control node has one, and so has a file
// of /sys.
inline bool HasNoPoll(uint32_t kind, uint64_t dev) {
  return kind == DMDAX_KIND_BLOCK ||
         (kind == DMDAX_KIND_CHAR && dev != DMDAX_DEV(10, 236));
}

inline short ReadyEvents(short asked) {
  return static_cast<short>(asked &
                            (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM));
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_POLL_ANSWER_H_
