// SPDX-License-Identifier: Apache-2.0
//
// MachineClient: requests to a resident machine, each with its answer.
//
//   absl::StatusOr<std::unique_ptr<MachineClient>> machine =
//       MachineClient::Connect(path);
//   Exchange e(DMDAX_OP_READ, handle);
//   e.head.arg[1] = 512;
//   const int error = (*machine)->Call(e);   // 0 or an errno
//   e.out;                                   // the bytes
//
// Each call has a connection to itself while it is under way; connections are
// kept for the next.  A server of this process is asked without one, but for
// what has to wait.  A remark of the server goes to stderr.  A server that is
// gone is EIO, and one line on stderr.
// Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_MACHINE_CLIENT_H_
#define DMDAX_RUN_NOTIFY_MACHINE_CLIENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/fd.h"
#include "server/protocol.h"

namespace dmdax {
class Server;
}  // namespace dmdax

namespace dmdax::run {

struct Exchange {
  explicit Exchange(dmdax_op op, uint64_t handle = 0) {
    head.op = static_cast<uint16_t>(op);
    head.handle = handle;
  }
  dmdax_message head = {};  // the request's, then the answer's
  absl::string_view in;     // the request's bytes
  int in_fd = -1;           // a descriptor that goes along, or none
  std::string out;          // the answer's bytes
  Fd out_fd;                // and descriptor
  // The answer has come, as opposed to an error of our own.
  bool answered = false;
};

class MachineClient {
 public:
  // ENOENT, ECONNREFUSED and the like: nobody is there; EPROTONOSUPPORT.
  static absl::StatusOr<std::unique_ptr<MachineClient>> Connect(
      std::string socket_path);
  // A server of this process, which may not have begun to serve.
  static std::unique_ptr<MachineClient> Of(Server& server,
                                           std::string socket_path);

  // The top of the scratch tree.
  const std::string& tree() const { return tree_; }
  // Another one: another server, which knows nothing of the handles so far.
  uint64_t epoch() const { return epoch_; }

  int Call(Exchange& exchange);
  // `give_up` is asked now and then while there is no answer: 0, or the errno
  // with which the call is to end.
  int Call(Exchange& exchange, absl::FunctionRef<int()> give_up);

 private:
  explicit MachineClient(std::string path) : path_(std::move(path)) {}

  // Nothing: a connection is needed.
  std::optional<int> CallHere(Exchange& exchange);
  absl::StatusOr<Fd> Open();
  Fd Take();
  void Give(Fd socket);
  int Gone();
  int Begin(Exchange& exchange, Fd& socket);
  int Finish(Exchange& exchange, Fd socket);

  const std::string path_;
  std::string tree_;
  std::atomic<uint64_t> epoch_{0};
  std::atomic<uint64_t> serial_{0};
  std::atomic<bool> gone_{false};
  absl::Mutex lock_;
  std::vector<Fd> idle_ ABSL_GUARDED_BY(lock_);
  uint64_t server_pid_ ABSL_GUARDED_BY(lock_) = 0;
  Server* server_ = nullptr;  // of this process
};

// One line on stderr.
void Say(absl::string_view line);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_MACHINE_CLIENT_H_
