// SPDX-License-Identifier: Apache-2.0
#include "run/notify/machine_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "run/send_message.h"
#include "server/connection.h"
#include "server/fd_message.h"
#include "server/server.h"
#include "server/socket.h"

namespace dmdax::run {
namespace {

constexpr int kLookMs = 50;

int Send(int socket, const Exchange& e) {
  return SendMessage(socket, e.head, e.in.data(), e.in.size(), e.in_fd);
}

// Some bytes, at least one: how many.  0: nobody is there any more.
size_t ReceiveSome(int socket, iovec* parts, size_t n_parts, Fd* fd) {
  ssize_t n;
  int number = -1;
  do {
    n = ReceiveWithFd(socket, parts, n_parts, MSG_CMSG_CLOEXEC, &number);
  } while (n < 0 && errno == EINTR);
  if (n <= 0) return 0;
  if (number >= 0) *fd = Fd(number);
  return static_cast<size_t>(n);
}

int Receive(int socket, char* to, size_t size, Fd* fd) {
  for (size_t done = 0; done < size;) {
    iovec part{to + done, size - done};
    const size_t n = ReceiveSome(socket, &part, 1, fd);
    if (n == 0) return EIO;
    done += n;
  }
  return 0;
}

// The answer, apart from its remark.
int ReceiveAnswer(int socket, Exchange& e, std::string* text) {
  dmdax_message answer;
  char* const head = reinterpret_cast<char*>(&answer);
  // Most come whole, in one call: nothing but this answer can be under way.
  char first[4096];
  iovec parts[2] = {{head, sizeof(answer)}, {first, sizeof(first)}};
  const size_t n = ReceiveSome(socket, parts, 2, &e.out_fd);
  if (n == 0) return EIO;
  size_t have = 0;
  if (n >= sizeof(answer)) {
    have = n - sizeof(answer);
  } else if (Receive(socket, head + n, sizeof(answer) - n, &e.out_fd) != 0) {
    return EIO;
  }
  if (answer.length < sizeof(answer) ||
      answer.length > sizeof(answer) + DMDAX_MAX_PAYLOAD ||
      answer.text > answer.length - sizeof(answer) ||
      have > answer.length - sizeof(answer)) {
    return EIO;
  }
  e.out.assign(first, have);
  e.out.resize(answer.length - sizeof(answer));
  const int error =
      Receive(socket, e.out.data() + have, e.out.size() - have, &e.out_fd);
  if (error != 0) return error;
  *text = e.out.substr(e.out.size() - answer.text);
  e.out.resize(e.out.size() - answer.text);
  const bool ours = answer.serial == e.head.serial;
  e.head = answer;
  return ours ? 0 : EPROTO;
}

}  // namespace

void Say(absl::string_view line) {
  const std::string text = absl::StrCat("dmdax: ", line, "\n");
  [[maybe_unused]] const ssize_t ignored = write(2, text.data(), text.size());
}

absl::StatusOr<std::unique_ptr<MachineClient>> MachineClient::Connect(
    std::string socket_path) {
  std::unique_ptr<MachineClient> machine(
      new MachineClient(std::move(socket_path)));
  absl::StatusOr<Fd> socket = machine->Open();
  if (!socket.ok()) return socket.status();
  machine->Give(*std::move(socket));
  return machine;
}

std::unique_ptr<MachineClient> MachineClient::Of(Server& server,
                                                 std::string socket_path) {
  std::unique_ptr<MachineClient> machine(
      new MachineClient(std::move(socket_path)));
  machine->server_ = &server;
  Exchange hello(DMDAX_OP_HELLO);
  machine->CallHere(hello);
  machine->tree_ = hello.out;
  machine->epoch_ = 1;
  const absl::MutexLock lock(&machine->lock_);
  machine->server_pid_ = hello.head.arg[0];
  return machine;
}

std::optional<int> MachineClient::CallHere(Exchange& e) {
  if (server_ == nullptr) return std::nullopt;
  if (e.in.size() > DMDAX_MAX_PAYLOAD) return ENOMEM;
  if (server_->is_over()) return Gone();
  Request request{.head = e.head, .bytes = std::string(e.in), .fds = {}};
  request.head.version = DMDAX_PROTOCOL;
  if (e.in_fd >= 0) {
    request.fds.emplace_back(fcntl(e.in_fd, F_DUPFD_CLOEXEC, 0));
  }
  std::optional<Answer> answer = server_->Do(std::move(request));
  if (!answer) return std::nullopt;
  e.head.handle = answer->handle;
  e.head.flags = answer->flags;
  e.head.error = answer->error;
  e.head.arg[0] = answer->arg0;
  e.head.arg[1] = answer->arg1;
  e.out = std::move(answer->bytes);
  e.out_fd = std::move(answer->fd);
  e.answered = true;
  if (!answer->text.empty()) Say(answer->text);
  return answer->error;
}

// A connection whose server has said who it is.
absl::StatusOr<Fd> MachineClient::Open() {
  absl::StatusOr<Fd> socket = ConnectTo(path_);
  if (!socket.ok()) return socket;
  Exchange hello(DMDAX_OP_HELLO);
  hello.head.length = sizeof(hello.head);
  hello.head.version = DMDAX_PROTOCOL;
  hello.head.serial = ++serial_;
  std::string text;
  int error = Send(socket->get(), hello);
  if (error == 0) error = ReceiveAnswer(socket->get(), hello, &text);
  // One that does not take us knows no request.
  if (error == EPROTO && hello.head.error != 0) error = 0;
  if (error != 0) {
    return ErrnoError(error,
                      absl::StrCat("the machine's server at ", path_,
                                   " does not answer: ", ErrnoText(error)));
  }
  if (hello.head.error != 0 || hello.head.version != DMDAX_PROTOCOL) {
    const int why = hello.head.error != 0 ? hello.head.error : EPROTONOSUPPORT;
    return ErrnoError(why, absl::StrCat("the machine's server at ", path_,
                                        " refuses: ", ErrnoText(why)));
  }
  absl::MutexLock lock(&lock_);
  if (server_pid_ != hello.head.arg[0]) {
    server_pid_ = hello.head.arg[0];
    ++epoch_;
    idle_.clear();
    // All threads read it: only the first is taken.
    if (tree_.empty()) {
      tree_ = hello.out;
    } else if (tree_ != hello.out) {
      Say(absl::StrCat("another server is at ", path_,
                       " now, with a tree of its own: names of the machine are "
                       "not found before the command is begun anew"));
    }
  }
  return socket;
}

Fd MachineClient::Take() {
  {
    absl::MutexLock lock(&lock_);
    if (!idle_.empty()) {
      Fd socket = std::move(idle_.back());
      idle_.pop_back();
      return socket;
    }
  }
  absl::StatusOr<Fd> socket = Open();
  return socket.ok() ? *std::move(socket) : Fd();
}

void MachineClient::Give(Fd socket) {
  constexpr size_t kMost = 8;
  absl::MutexLock lock(&lock_);
  if (idle_.size() < kMost) idle_.push_back(std::move(socket));
}

int MachineClient::Gone() {
  if (!gone_.exchange(true)) {
    Say(absl::StrCat("the machine is gone: no server at ", path_));
  }
  return EIO;
}

int MachineClient::Begin(Exchange& e, Fd& socket) {
  if (e.in.size() > DMDAX_MAX_PAYLOAD) return ENOMEM;
  e.head.length = static_cast<uint32_t>(sizeof(e.head) + e.in.size());
  e.head.version = DMDAX_PROTOCOL;
  e.head.serial = ++serial_;
  e.head.fds = e.in_fd >= 0 ? 1 : 0;
  // One that was kept may be to a server that has ended since; of which no
  // request can have come to anything.
  for (;;) {
    socket = Take();
    if (!socket.ok()) return Gone();
    if (Send(socket.get(), e) == 0) return 0;
  }
}

int MachineClient::Finish(Exchange& e, Fd socket) {
  std::string text;
  const int error = ReceiveAnswer(socket.get(), e, &text);
  if (error == EPROTO) return e.head.error != 0 ? e.head.error : EIO;
  if (error != 0) return Gone();
  e.answered = true;
  Give(std::move(socket));
  if (!text.empty()) Say(text);
  return e.head.error;
}

int MachineClient::Call(Exchange& e) {
  if (const std::optional<int> error = CallHere(e)) return *error;
  Fd socket;
  if (const int error = Begin(e, socket)) return error;
  return Finish(e, std::move(socket));
}

int MachineClient::Call(Exchange& e, absl::FunctionRef<int()> give_up) {
  if (const std::optional<int> error = CallHere(e)) return *error;
  Fd socket;
  if (const int error = Begin(e, socket)) return error;
  for (;;) {
    pollfd ready{socket.get(), POLLIN, 0};
    if (poll(&ready, 1, kLookMs) > 0) return Finish(e, std::move(socket));
    // The server takes a request back with its connection.
    if (const int error = give_up()) return error;
  }
}

}  // namespace dmdax::run
