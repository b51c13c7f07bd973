// SPDX-License-Identifier: Apache-2.0
//
// Connection: what one client of nbdkit asks of a resident machine.
//
//   Connection machine(Connection::kServing);
//   int error = machine.Connect("/tmp/state/.socket");  // and machine.tree()
//   dmdax_message sync = {.op = DMDAX_OP_SYNC, .handle = handle};
//   error = machine.Call(&sync);  // 0 or an errno; `sync` is the answer
//
// A machine that is gone is EIO, now and for ever.  While it waits for an
// answer (of a device that is suspended there is none) it looks whether nbdkit
// is to end, or its client has gone: ESHUTDOWN, and the request is taken back.
// Before nbdkit serves it cannot be asked: kStarting.
// Threading: one request at a time.
#ifndef DMDAX_RUN_NBDKIT_CONNECTION_H_
#define DMDAX_RUN_NBDKIT_CONNECTION_H_

#include <cstddef>
#include <string>

#include "server/protocol.h"

namespace dmdax::nbd {

// The bytes of a request, and where those of its answer go.
struct Bytes {
  const void* in = nullptr;
  size_t in_size = 0;
  void* out = nullptr;
  size_t out_size = 0;    // room; then, how many came
  int* out_fd = nullptr;  // the descriptor that came, if one did
};

class Connection {
 public:
  enum When { kStarting, kServing };
  explicit Connection(When when) : when_(when) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { Close(); }

  // Connects and says HELLO.
  int Connect(const std::string& socket);
  // Where the machine's names are: docs/protocol.md, "Names are files".
  const std::string& tree() const { return tree_; }

  int Call(dmdax_message* message, Bytes bytes = {}) {
    return Call(message, &bytes);
  }
  int Call(dmdax_message* message, Bytes* bytes);

 private:
  void Close();
  int WaitForBytes();
  int Receive(void* to, size_t size, Bytes* bytes);
  int ReceiveRest(size_t size, size_t text, Bytes* bytes);
  int Exchange(dmdax_message* message, Bytes* bytes);

  const When when_;
  int fd_ = -1;
  uint64_t serial_ = 0;
  std::string tree_;
};

}  // namespace dmdax::nbd

#endif  // DMDAX_RUN_NBDKIT_CONNECTION_H_
