// SPDX-License-Identifier: Apache-2.0
//
// Call: one request to the machine's server, and its answer.
//
//   Message m(DMDAX_OP_READ, file.handle);
//   m.head.arg[1] = 512;
//   m.out = buffer; m.out_size = 512;
//   int error = Call(m);        // 0 or an errno; m.head is the answer's
//
// A process keeps a few connections, each with one request under way; a thread,
// a handler or a child of fork(2) that finds none makes one.  They are looked
// at before they are used: a program may have closed all descriptors.
//
// A server that is gone is EIO, and one line on stderr.
// Threading: thread-safe, and async-signal-safe.
#ifndef DMDAX_RUN_PRELOAD_CLIENT_H_
#define DMDAX_RUN_PRELOAD_CLIENT_H_

#include <cstddef>
#include <cstdint>

#include "server/protocol.h"

namespace dmdax::preload {

struct Message {
  explicit Message(dmdax_op op, uint64_t handle = 0) {
    head.op = static_cast<uint16_t>(op);
    head.handle = handle;
  }
  dmdax_message head = {};
  const void* in = nullptr;  // the request's bytes
  size_t in_size = 0;
  int in_fd = -1;       // a descriptor that goes along, or none
  void* out = nullptr;  // where the answer's bytes go
  size_t out_size = 0;  // how many at most; then, how many there are
  // `out` is no program's memory: all of it may be written to.
  bool out_is_ours = false;
  bool out_cloexec = true;
  int out_fd = -1;  // the descriptor that came
  // A signal's handler ends it, with EINTR.  Of others that take long it runs
  // when they are over.
  bool interruptible = false;
};

int Call(Message& message);

// Whether there is a machine to speak to: $DMDAX_SOCKET.
bool HaveMachine();
const char* MachineSocket();  // its path

// A line of ours on stderr.
void SayLine(const char* line);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_CLIENT_H_
