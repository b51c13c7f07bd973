// SPDX-License-Identifier: Apache-2.0
//
// The descriptor that stands for /dev/mapper/control.
//
//   int fd = OpenControlFile(O_RDWR | O_CLOEXEC, global_event_nr);
//   IsControlFile(fd);            // true; of dup(fd), too
//   SetReadable(fd, true);        // poll(2), select(2), epoll(7): POLLIN
//
// What it is lies in the file and not in a table of ours, so that every copy is
// the node too, whether dup(2), fork(2), execve(2) or SCM_RIGHTS made it, and
// nothing is left of one that is closed, however that was done.  The file is a
// listening socket: its name says what it is, and as the control node it polls
// POLLIN or nothing at all.
//
// Errors: -1 with errno.  Threading: thread-safe.
#ifndef DMDAX_TOOLS_PRELOAD_CONTROL_FILE_H_
#define DMDAX_TOOLS_PRELOAD_CONTROL_FILE_H_

#include <cstdint>

namespace dmdax::preload {

// The lowest free descriptor, with those of open(2)'s `flags` that matter:
// O_CLOEXEC and O_NONBLOCK.
int OpenControlFile(int flags, uint64_t event_nr);
bool IsControlFile(int fd);

// The event number that the file has seen, one for all copies.
uint64_t EventNrSeen(int fd);
void SetEventNrSeen(int fd, uint64_t event_nr);

// Does nothing if `fd` is none (or none any more).
void SetReadable(int fd, bool readable);

}  // namespace dmdax::preload

#endif  // DMDAX_TOOLS_PRELOAD_CONTROL_FILE_H_
