// SPDX-License-Identifier: Apache-2.0
#include "server/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "server/fd_message.h"

namespace dmdax {
namespace {

constexpr size_t kHeader = sizeof(dmdax_message);
constexpr size_t kRead = 256 << 10;
// More with one message than any request needs are not taken.
constexpr size_t kMostFds = 4;

// The descriptors that came with the bytes.
void TakeFds(msghdr& message, std::deque<Fd>& fds) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr;
       c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

bool Connection::Receive() {
  if (last_) {  // whatever comes is not looked at
    char ignored[4096];
    const ssize_t n = recv(fd(), ignored, sizeof(ignored), MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
  }
  if (taken_ > 0) {
    in_.erase(0, taken_);
    taken_ = 0;
  }
  // One for all: what has come is appended where it belongs.
  static thread_local std::vector<char> buffer(kRead);
  iovec to = {buffer.data(), buffer.size()};
  char space[CMSG_SPACE(kMostFds * sizeof(int))];
  msghdr message = {};
  message.msg_iov = &to;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof(space);
  const ssize_t n = recvmsg(fd(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  const int error = errno;
  if (n > 0) {
    in_.append(buffer.data(), static_cast<size_t>(n));
    TakeFds(message, fds_);
  }
  return n > 0 || (n < 0 && (error == EAGAIN || error == EINTR));
}

std::optional<Request> Connection::Next() {
  if (last_ || in_.size() - taken_ < kHeader) return std::nullopt;
  Request request;
  memcpy(&request.head, in_.data() + taken_, kHeader);
  const dmdax_message& head = request.head;
  if (head.version != DMDAX_PROTOCOL && head.op != DMDAX_OP_HELLO) {
    Refuse(head, EPROTONOSUPPORT);
    return std::nullopt;
  }
  if (head.length < kHeader || head.length - kHeader > DMDAX_MAX_PAYLOAD ||
      head.fds > kMostFds) {
    Refuse(head, EPROTO);
    return std::nullopt;
  }
  if (in_.size() - taken_ < head.length) return std::nullopt;
  if (fds_.size() < head.fds) {
    Refuse(head, EPROTO);
    return std::nullopt;
  }
  request.bytes = in_.substr(taken_ + kHeader, head.length - kHeader);
  taken_ += head.length;
  for (uint32_t i = 0; i < head.fds; ++i) {
    request.fds.push_back(std::move(fds_.front()));
    fds_.pop_front();
  }
  return request;
}

void Connection::Refuse(const dmdax_message& head, int error) {
  Send(head, {.error = error});
  last_ = true;
  in_.clear();
  taken_ = 0;
}

void Connection::Send(const dmdax_message& request, Answer answer) {
  if (last_) return;
  dmdax_message head = {};
  head.length =
      static_cast<uint32_t>(kHeader + answer.bytes.size() + answer.text.size());
  head.version = DMDAX_PROTOCOL;
  head.op = request.op;
  head.serial = request.serial;
  head.handle = answer.handle;
  head.flags = answer.flags;
  head.error = answer.error;
  head.arg[0] = answer.arg0;
  head.arg[1] = answer.arg1;
  head.text = static_cast<uint32_t>(answer.text.size());
  head.fds = answer.fd.ok() ? 1 : 0;
  Piece piece;
  piece.bytes.reserve(head.length);
  piece.bytes.append(reinterpret_cast<const char*>(&head), kHeader);
  piece.bytes += answer.bytes;
  piece.bytes += answer.text;
  piece.fd = std::move(answer.fd);
  unsent_ += piece.bytes.size();
  out_.push_back(std::move(piece));
  Flush();
}

bool Connection::Flush() {
  while (!out_.empty()) {
    Piece& piece = out_.front();
    iovec from = {piece.bytes.data() + piece.sent,
                  piece.bytes.size() - piece.sent};
    FdRoom room;
    msghdr message = {};
    message.msg_iov = &from;
    message.msg_iovlen = 1;
    if (piece.fd.ok() && piece.sent == 0) {
      PutFd(piece.fd.get(), &room, &message);
    }
    const ssize_t n = sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    piece.sent += static_cast<size_t>(n);
    unsent_ -= static_cast<size_t>(n);
    piece.fd = Fd();  // it is on its way
    if (piece.sent == piece.bytes.size()) out_.pop_front();
  }
  return true;
}

}  // namespace dmdax
