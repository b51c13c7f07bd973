// SPDX-License-Identifier: Apache-2.0
//
// Connection: one client's socket, from which whole requests come and into
// which answers go, neither of which blocks.
//
//   Connection connection(std::move(socket));
//   if (!connection.Receive()) Forget(connection);   // hung up
//   while (std::optional<Request> request = connection.Next()) {
//     connection.Send(request->head, {.bytes = "dm-0"});
//   }
//
// What is no message is answered here, and is the connection's last: see
// server/protocol.h.  Threading: thread-compatible.
#ifndef DMDAX_SERVER_CONNECTION_H_
#define DMDAX_SERVER_CONNECTION_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "server/protocol.h"

namespace dmdax {

struct Request {
  dmdax_message head = {};
  std::string bytes;
  std::vector<Fd> fds;
};

struct Answer {
  int error = 0;
  uint64_t handle = 0;
  uint64_t arg0 = 0, arg1 = 0;
  uint32_t flags = 0;
  std::string bytes;
  std::string text;  // a remark for people
  Fd fd = Fd();      // or none
};

class Connection {
 public:
  explicit Connection(Fd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  // Takes what has come.  False: that was the end.
  bool Receive();
  std::optional<Request> Next();
  // As much as the socket takes goes at once.
  void Send(const dmdax_message& request, Answer answer);
  // Sends what is left.  False: nobody takes it any more.
  bool Flush();
  // Something is left, so that EPOLLOUT is waited for.
  bool has_unsent() const { return !out_.empty(); }
  // So much is left that no more requests should be taken.
  bool is_full() const { return unsent_ > kMostUnsent; }
  // All that is to be said has been said.
  bool is_over() const { return last_ && out_.empty(); }

 private:
  static constexpr size_t kMostUnsent = 8 << 20;
  // The bytes of a longer message are received where they are wanted, if it is
  // no longer than a write.
  static constexpr size_t kLong = 16 << 10;
  struct Piece {
    dmdax_message head = {};
    std::string bytes;
    size_t sent = 0;  // of both
    Fd fd;
    size_t size() const { return sizeof(head) + bytes.size(); }
  };
  void Refuse(const dmdax_message& head, int error);
  // Whether a message may begin so; if not, it has been refused.
  bool Accepts(const dmdax_message& head);
  // Of `long_`; 0: there is none, or it is whole.
  size_t missing() const {
    return long_ ? long_->head.length - sizeof(dmdax_message) - have_ : 0;
  }
  std::optional<Request> WithFds(Request request);

  Fd socket_;
  std::string in_;
  size_t taken_ = 0;  // of in_
  std::optional<Request> long_;
  size_t have_ = 0;  // of its bytes
  std::deque<Fd> fds_;
  std::deque<Piece> out_;
  size_t unsent_ = 0;
  bool last_ = false;
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_CONNECTION_H_
