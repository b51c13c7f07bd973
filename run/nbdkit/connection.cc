// SPDX-License-Identifier: Apache-2.0
#include "run/nbdkit/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "run/nbdkit/nbdkit.h"
#include "run/send_message.h"
#include "run/socket_address.h"
#include "server/fd_message.h"

namespace dmdax::nbd {
namespace {

constexpr int kLookAroundMs = 200;

}  // namespace

void Connection::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

int Connection::Connect(const std::string& socket) {
  sockaddr_un name;
  const int directory = run::SocketAddressOf(socket.c_str(), &name);
  if (directory == run::kNoAddress) return errno;
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int error = 0;
  if (fd_ < 0 || connect(fd_, reinterpret_cast<const sockaddr*>(&name),
                         sizeof(name)) != 0) {
    error = errno;
  }
  if (directory >= 0) close(directory);
  if (error != 0) return error;
  dmdax_message hello = {};
  hello.op = DMDAX_OP_HELLO;
  char tree[PATH_MAX];
  Bytes bytes = {.out = tree, .out_size = sizeof(tree)};
  error = Call(&hello, &bytes);
  if (error == 0 && hello.version != DMDAX_PROTOCOL) error = EPROTONOSUPPORT;
  tree_.assign(tree, error == 0 ? bytes.out_size : 0);
  return error;
}

// Until there is something to read.
int Connection::WaitForBytes() {
  for (;;) {
    pollfd one = {.fd = fd_, .events = POLLIN, .revents = 0};
    const int n = poll(&one, 1, when_ == kServing ? kLookAroundMs : -1);
    if (n > 0) return 0;
    if (n < 0 && errno != EINTR) return errno;
    if (n == 0 && nbdkit_nanosleep(0, 1) != 0) return ESHUTDOWN;
  }
}

int Connection::Receive(void* to, size_t size, Bytes* bytes) {
  size_t done = 0;
  while (done < size) {
    if (const int error = WaitForBytes()) return error;
    iovec part = {static_cast<char*>(to) + done, size - done};
    int fd = -1;
    const ssize_t n = ReceiveWithFd(fd_, &part, 1, MSG_CMSG_CLOEXEC, &fd);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return EIO;
    done += static_cast<size_t>(n);
    if (fd >= 0) {
      if (bytes->out_fd != nullptr) {
        *bytes->out_fd = fd;
      } else {
        close(fd);
      }
    }
  }
  return 0;
}

// The answer's bytes, of which the last `text` are a remark.
int Connection::ReceiveRest(size_t size, size_t text, Bytes* bytes) {
  std::string rest(size - std::min(size - text, bytes->out_size), '\0');
  bytes->out_size = size - rest.size();
  int error = Receive(bytes->out, bytes->out_size, bytes);
  if (error == 0) error = Receive(rest.data(), rest.size(), bytes);
  if (error == 0 && text > 0) {
    nbdkit_error("%s", rest.c_str() + (rest.size() - text));
  }
  return error;
}

int Connection::Exchange(dmdax_message* message, Bytes* bytes) {
  int error =
      run::SendMessage(fd_, *message, bytes->in, bytes->in_size, /*fd=*/-1);
  if (error != 0) return EIO;
  dmdax_message answer;
  error = Receive(&answer, sizeof(answer), bytes);
  if (error != 0) return error;
  const size_t size = answer.length - sizeof(answer);
  if (answer.length < sizeof(answer) || answer.text > size) return EIO;
  error = ReceiveRest(size, answer.text, bytes);
  if (error != 0) return error;
  // One that takes nobody, or not us, answers nothing that was asked.
  if (answer.serial != message->serial) {
    return answer.error != 0 ? answer.error : EIO;
  }
  *message = answer;
  return 0;
}

int Connection::Call(dmdax_message* message, Bytes* bytes) {
  if (fd_ < 0) return EIO;
  message->length = static_cast<uint32_t>(sizeof(*message) + bytes->in_size);
  message->version = DMDAX_PROTOCOL;
  message->serial = ++serial_;
  if (const int error = Exchange(message, bytes)) {
    Close();
    return error;
  }
  return message->error;
}

}  // namespace dmdax::nbd
