// SPDX-License-Identifier: Apache-2.0
//
// Server: a resident machine that answers at a socket.
//
//   Resident machine(*std::move(session));
//   absl::StatusOr<std::unique_ptr<ScratchTree>> tree = ScratchTree::Make();
//   absl::StatusOr<Fd> listener = ListenAt((*tree)->directory(), kSocketName);
//   Server server(machine, **tree, *std::move(listener));
//   absl::Status s = server.Run(signal_fd);
//
// One thread, which carries out one request after the other; those that wait
// are put aside, and looked at again when something has changed.  No client can
// make it wait: it takes what has come, and keeps what is not taken.  Requests
// of its own process need no socket: Do().
// Threading: Run() is one thread's, Do() and is_over() are anybody's meanwhile.
#ifndef DMDAX_SERVER_SERVER_H_
#define DMDAX_SERVER_SERVER_H_

#include <sys/epoll.h>

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/fd.h"
#include "server/connection.h"
#include "server/dispatch.h"
#include "server/handles.h"
#include "server/resident.h"
#include "server/scratch_tree.h"

namespace dmdax {

class Server {
 public:
  Server(Resident& machine, ScratchTree& tree, Fd listener);

  // The machine's tree is there and clients may connect, who wait until it is
  // served.  EMFILE and what else writing the tree answers.
  absl::Status Prepare();
  // Serves until `until` can be read (-1: nothing), or a client shuts it down.
  // Then all that was done is kept.  An error is the machine's or the host's,
  // never a client's.
  absl::Status Run(int until);
  // A client has shut it down.
  bool is_over() const;
  // What a client would be told.  Nothing: it would have to wait, at a socket;
  // nothing has been done.
  std::optional<Answer> Do(Request request);
  // Clients that have asked for nothing but an answer: other commands (run/),
  // each with its programs.
  bool has_holders() const;
  // Serves until the last of them has gone.  Nobody knows when a daemon goes
  // that a program has left behind.
  absl::Status RunForHolders();

 private:
  struct Client {
    Connection connection;
    std::string comm;
    std::list<Pending> waiting;
    bool asks = false;     // it has asked for more than an answer
    uint32_t watched = 0;  // the events of its socket that are waited for
  };

  absl::Status Loop(int until, absl::FunctionRef<bool()> is_over);
  // Does what an event is about; false: that was the end.
  bool See(const epoll_event& event);
  absl::Status Watch(int fd, uint64_t what, uint32_t events);
  // Follows changes of the state that others make.
  void WatchState();
  void Accept();
  void Serve(uint64_t id, uint32_t events);
  void Take(uint64_t id, Client& client);
  void Answered(uint64_t id, Client& client);
  // Handles that are open and not yet watched for their last close.
  void WatchHandles();
  // All that wait for a change, or for time to pass.
  void Retry();
  bool has_waiting() const;
  void KeepInTime();
  int TimeoutMs() const;
  int QuietMs() const;

  // Of all that follows, while it is served.
  mutable absl::Mutex lock_;
  Resident& machine_;
  ScratchTree& tree_;
  Fd listener_;
  Fd epoll_;
  bool watches_state_ = false;
  bool prepared_ = false;
  Fd reserve_;  // a descriptor for when there are no more
  Fd sooner_;   // eventfd(2): the wait is too long
  int waits_ms_ = 0;
  Handles handles_;
  Dispatch dispatch_;
  uint64_t last_client_ = 0;
  absl::Time retried_ = absl::InfinitePast();
  absl::Time unkept_since_ = absl::InfiniteFuture();
  std::map<uint64_t, Client> clients_;
  uint64_t last_watched_ = 0;  // of the handles
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_SERVER_H_
