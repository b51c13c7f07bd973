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
// More with one message than any request needs are not taken; nor are more of
// those that no message has claimed.
constexpr size_t kMostFds = 4, kMostUnclaimed = 16;

// The descriptors that came with the bytes.
void TakeFds(msghdr& message, std::deque<Fd>& fds) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr;
       c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < n; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
      Fd owned(fd);
      if (fds.size() < kMostUnclaimed) fds.push_back(std::move(owned));
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
  while (true) {
    const size_t missing_bytes = missing();
    iovec to = {buffer.data(), buffer.size()};
    if (missing_bytes > 0) to = {long_->bytes.data() + have_, missing_bytes};
    char space[CMSG_SPACE(kMostFds * sizeof(int))];
    msghdr message = {};
    message.msg_iov = &to;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof(space);
    const ssize_t n = recvmsg(fd(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n <= 0) return n < 0 && (errno == EAGAIN || errno == EINTR);
    TakeFds(message, fds_);
    if (missing_bytes == 0) {
      in_.append(buffer.data(), static_cast<size_t>(n));
      return true;
    }
    have_ += static_cast<size_t>(n);
    if (missing() == 0) return true;
  }
}

bool Connection::Accepts(const dmdax_message& head) {
  if (head.version != DMDAX_PROTOCOL && head.op != DMDAX_OP_HELLO) {
    Refuse(head, EPROTONOSUPPORT);
    return false;
  }
  if (head.length < kHeader || head.length - kHeader > DMDAX_MAX_PAYLOAD ||
      head.fds > kMostFds) {
    Refuse(head, EPROTO);
    return false;
  }
  return true;
}

std::optional<Request> Connection::WithFds(Request request) {
  if (fds_.size() < request.head.fds) {
    Refuse(request.head, EPROTO);
    return std::nullopt;
  }
  for (uint32_t i = 0; i < request.head.fds; ++i) {
    request.fds.push_back(std::move(fds_.front()));
    fds_.pop_front();
  }
  // Descriptors come with the first byte of their message: what is left is of
  // one that did not speak of them.
  if (taken_ == in_.size()) fds_.clear();
  return request;
}

std::optional<Request> Connection::Next() {
  if (last_) return std::nullopt;
  if (long_) {
    if (missing() > 0) return std::nullopt;
    return WithFds(*std::exchange(long_, std::nullopt));
  }
  const size_t come = in_.size() - taken_;
  if (come < kHeader) return std::nullopt;
  Request request;
  memcpy(&request.head, in_.data() + taken_, kHeader);
  if (!Accepts(request.head)) return std::nullopt;
  const size_t length = request.head.length;
  if (come < length) {
    if (length < kLong || length > kHeader + DMDAX_MAX_IO) return std::nullopt;
    have_ = come - kHeader;
    request.bytes.reserve(length - kHeader);
    request.bytes.assign(in_, taken_ + kHeader);
    request.bytes.resize(length - kHeader);
    long_ = std::move(request);
    taken_ = in_.size();
    return std::nullopt;
  }
  request.bytes = in_.substr(taken_ + kHeader, length - kHeader);
  taken_ += length;
  return WithFds(std::move(request));
}

void Connection::Refuse(const dmdax_message& head, int error) {
  Send(head, {.error = error});
  last_ = true;
  in_.clear();
  taken_ = 0;
  long_.reset();
}

void Connection::Send(const dmdax_message& request, Answer answer) {
  if (last_) return;
  Piece piece;
  piece.bytes = std::move(answer.bytes);
  piece.bytes += answer.text;
  dmdax_message& head = piece.head;
  head.length = static_cast<uint32_t>(piece.size());
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
  piece.fd = std::move(answer.fd);
  unsent_ += piece.size();
  out_.push_back(std::move(piece));
  Flush();
}

bool Connection::Flush() {
  while (!out_.empty()) {
    Piece& piece = out_.front();
    iovec from[2] = {};
    msghdr message = {};
    message.msg_iov = from;
    if (piece.sent < kHeader) {
      from[message.msg_iovlen++] = {
          reinterpret_cast<char*>(&piece.head) + piece.sent,
          kHeader - piece.sent};
    }
    const size_t sent = std::max(piece.sent, kHeader) - kHeader;
    if (sent < piece.bytes.size()) {
      from[message.msg_iovlen++] = {piece.bytes.data() + sent,
                                    piece.bytes.size() - sent};
    }
    FdRoom room;
    if (piece.fd.ok() && piece.sent == 0) {
      PutFd(piece.fd.get(), &room, &message);
    }
    const ssize_t n = sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    piece.sent += static_cast<size_t>(n);
    unsent_ -= static_cast<size_t>(n);
    piece.fd = Fd();  // it is on its way
    if (piece.sent == piece.size()) out_.pop_front();
  }
  return true;
}

}  // namespace dmdax
