// SPDX-License-Identifier: Apache-2.0
#include "run/preload/client.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "run/preload/libc.h"
#include "run/send_message.h"
#include "run/socket_address.h"
#include "server/fd_message.h"

namespace dmdax::preload {
namespace {

constexpr int kSlots = 8;
// Out of the way of programs that expect low numbers.
constexpr int kHighFd = 700, kLessHighFd = 200;

// Connections that nobody uses now: the descriptor and, to know it again, its
// inode.  Both in one word, so that a handler sees none half.
std::atomic<uint64_t> slots[kSlots];
// Whose they are: a child that did not come from fork(3) must not take them.
std::atomic<pid_t> owner = 0;

uint64_t Pack(int fd, uint64_t inode) {
  return inode << 24 | static_cast<uint64_t>(fd + 1);
}
int FdOf(uint64_t slot) { return static_cast<int>(slot & 0xffffff) - 1; }

// One that a call has.
struct Connection {
  int fd = -1;        // none: errno says why
  uint64_t slot = 0;  // as it is kept; 0: it is not
};

// Of a socket; 0: it is none.
uint64_t InodeOf(int fd) {
  struct stat st;
  if (NEXT(fstat)(fd, &st) != 0 || !S_ISSOCK(st.st_mode)) return 0;
  return st.st_ino & 0xffffffffff;
}

void Close(int fd) { NEXT(close)(fd); }

// After fork(3) the child's are its own; those of the parent are not touched.
void InChild() {
  for (std::atomic<uint64_t>& slot : slots) {
    const uint64_t was = slot.exchange(0);
    if (was != 0 && InodeOf(FdOf(was)) == was >> 24) Close(FdOf(was));
  }
  owner = getpid();
}

__attribute__((constructor)) void WatchForks() { InChildOfFork(&InChild); }

const char* SocketPath() {
  static const char* const path = getenv(DMDAX_SOCKET_ENV);
  return path;
}

void Say(const char* what, const char* more) {
  char line[512];
  const int n = snprintf(line, sizeof(line), "dmdax: %s%s\n", what, more);
  if (n < 0) return;
  const size_t size = static_cast<size_t>(n) < sizeof(line)
                          ? static_cast<size_t>(n)
                          : sizeof(line) - 1;
  [[maybe_unused]] const ssize_t ignored = NEXT(write)(2, line, size);
}

int Gone() {
  static std::atomic<bool> said = false;
  if (!said.exchange(true)) {
    Say("the machine is gone: no server at ", SocketPath());
  }
  return EIO;
}

// By its mode: the program has become another user.
int Refused() {
  static std::atomic<bool> said = false;
  if (!said.exchange(true)) {
    Say("the machine is another user's: no access to ", SocketPath());
  }
  return EIO;
}

// An answer that takes longer is waited for as the kernel waits for a disk.
constexpr suseconds_t kLongUs = 50'000, kNeverLong = 0;
void SetLong(int socket, suseconds_t us) {
  const timeval look = {.tv_sec = 0, .tv_usec = us};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look));
}

// What a signal may end waits without: with a timeout no receive is begun anew
// behind a handler that has SA_RESTART.
class Interruptible {
 public:
  Interruptible(int socket, const Message& m)
      : socket_(m.interruptible ? socket : -1) {
    if (socket_ >= 0) SetLong(socket_, kNeverLong);
  }
  ~Interruptible() {
    if (socket_ >= 0) SetLong(socket_, kLongUs);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  const int socket_;
};

// A connection, or -1 with errno.
int Connect() {
  sockaddr_un name;
  const int directory = run::SocketAddressOf(SocketPath(), &name);
  int fd = -1;
  if (directory != run::kNoAddress) {
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  }
  int connected = -1;
  if (fd >= 0) {
    do {
      connected =
          connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name));
    } while (connected != 0 && errno == EINTR);
  }
  const int error = errno;
  if (directory >= 0) Close(directory);
  if (connected != 0) {
    if (fd >= 0) Close(fd);
    errno = error;
    return -1;
  }
  SetLong(fd, kLongUs);
  int high = NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, kHighFd);
  if (high < 0) high = NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, kLessHighFd);
  if (high < 0) return fd;
  Close(fd);
  return high;
}

bool PoolIsOurs() {
  const pid_t self = getpid();
  pid_t nobody = 0;
  return owner == self || owner.compare_exchange_strong(nobody, self);
}

Connection TakeConnection() {
  const bool pool_is_ours = PoolIsOurs();
  if (pool_is_ours) {
    for (std::atomic<uint64_t>& slot : slots) {
      const uint64_t was = slot.exchange(0);
      if (was == 0) continue;
      if (InodeOf(FdOf(was)) == was >> 24) return {FdOf(was), was};
    }
  }
  const int fd = Connect();
  return {fd, fd >= 0 && pool_is_ours ? Pack(fd, InodeOf(fd)) : 0};
}

void GiveConnection(const Connection& connection) {
  if (connection.slot != 0) {
    for (std::atomic<uint64_t>& slot : slots) {
      uint64_t none = 0;
      if (slot.compare_exchange_strong(none, connection.slot)) return;
    }
  }
  Close(connection.fd);
}

// A signal that has a handler waits until the call is over, as one waits for
// who reads a disk (TASK_KILLABLE); one that has none ends the program.
class HeldSignals {
 public:
  HeldSignals() = default;
  ~HeldSignals() {
    if (held_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  void Hold() {
    if (held_) return;
    sigset_t handled;
    sigemptyset(&handled);
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
      struct sigaction action;
      if (IsOfTheThread(signal) || sigaction(signal, nullptr, &action) != 0 ||
          action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) {
        continue;
      }
      sigaddset(&handled, signal);
    }
    held_ = pthread_sigmask(SIG_BLOCK, &handled, &before_) == 0;
  }

 private:
  // What its own instructions raise can not wait.
  static bool IsOfTheThread(int signal) {
    return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE ||
           signal == SIGILL || signal == SIGTRAP || signal == SIGSYS;
  }

  bool held_ = false;
  sigset_t before_;
};

// Some of it, at least a byte: how many.  Else -EINTR, -EAGAIN (it takes long),
// -EFAULT or -EIO.
ssize_t ReceiveSome(int socket, iovec* parts, size_t n_parts, Message& m) {
  int fd = -1;
  const ssize_t n = ReceiveWithFd(socket, parts, n_parts,
                                  m.out_cloexec ? MSG_CMSG_CLOEXEC : 0, &fd);
  if (fd >= 0) m.out_fd = fd;
  if (n > 0) return n;
  const bool known = errno == EINTR || errno == EAGAIN || errno == EFAULT;
  return n < 0 && known ? -errno : -EIO;
}

// All of it: 0, EFAULT or EIO.
int Receive(int socket, void* to, size_t size, Message& m) {
  size_t done = 0;
  while (done < size) {
    iovec part = {static_cast<char*>(to) + done, size - done};
    const ssize_t n = ReceiveSome(socket, &part, 1, m);
    if (n == -EINTR || n == -EAGAIN) continue;
    if (n < 0) return static_cast<int>(-n);
    done += static_cast<size_t>(n);
  }
  return 0;
}

bool IsAnswer(const dmdax_message& answer) {
  return answer.length >= sizeof(answer) &&
         answer.text <= answer.length - sizeof(answer);
}

// The header: 0, EINTR (if it may be), or EIO.  Most answers come whole, in one
// call: `have` of the bytes behind it are in `m.out`.
int ReceiveHead(int socket, dmdax_message* answer, Message& m, size_t* have) {
  char* const head = reinterpret_cast<char*>(answer);
  iovec parts[2] = {{head, sizeof(*answer)}, {m.out, m.out_size}};
  HeldSignals signals;
  const Interruptible interruptible(socket, m);
  ssize_t n;
  do {
    n = ReceiveSome(socket, parts, m.out_is_ours ? 2 : 1, m);
    if (n == -EINTR && m.interruptible) return EINTR;
    if (n == -EAGAIN) signals.Hold();
  } while (n == -EINTR || n == -EAGAIN);
  if (n < 0) return EIO;
  const auto come = static_cast<size_t>(n);
  *have = 0;
  if (come < sizeof(*answer)) {
    const size_t missing = sizeof(*answer) - come;
    if (Receive(socket, head + come, missing, m) != 0) return EIO;
  } else {
    *have = come - sizeof(*answer);
  }
  return IsAnswer(*answer) && *have <= answer->length - sizeof(*answer) ? 0
                                                                        : EIO;
}

// What is behind the header, of which `have` is in `m.out`.
int ReceiveBytes(int socket, const dmdax_message& answer, Message& m,
                 size_t have) {
  size_t size = answer.length - sizeof(answer) - answer.text;
  const size_t wanted = size < m.out_size ? size : m.out_size;
  char* const out = static_cast<char*>(m.out);
  if (have < wanted) {
    const int error = Receive(socket, out + have, wanted - have, m);
    if (error != 0) return error;
    have = wanted;
  }
  m.out_size = wanted;
  char rest[512];
  for (size -= wanted; size > 0;) {
    const size_t n = size < sizeof(rest) ? size : sizeof(rest);
    if (const int error = Receive(socket, rest, n, m)) return error;
    size -= n;
  }
  // What came with the bytes, and had room behind them, is of the remark.
  const char* early = out + wanted;
  have -= wanted;
  for (size_t text = answer.text; text > 0;) {
    const size_t n = text < sizeof(rest) - 1 ? text : sizeof(rest) - 1;
    const size_t here = have < n ? have : n;
    if (here > 0) memcpy(rest, early, here);
    early += here;
    have -= here;
    const int error = Receive(socket, rest + here, n - here, m);
    if (error != 0) return error;
    rest[n] = '\0';
    Say(rest, "");
    text -= n;
  }
  return 0;
}

int CallOn(const Connection& connection, Message& m) {
  dmdax_message answer;
  size_t have;
  int error = ReceiveHead(connection.fd, &answer, m, &have);
  if (error == 0) error = ReceiveBytes(connection.fd, answer, m, have);
  if (error != 0) {
    Close(connection.fd);
    return error == EIO ? Gone() : error;
  }
  if (answer.serial != m.head.serial) {
    // A server of another version, or one that does not take us.
    Close(connection.fd);
    Say("the machine's server refuses: ", strerror(answer.error));
    return answer.error != 0 ? answer.error : EIO;
  }
  GiveConnection(connection);
  m.head = answer;
  return answer.error;
}

}  // namespace

void SayLine(const char* line) { Say(line, ""); }

bool HaveMachine() {
  const char* const path = SocketPath();
  return path != nullptr && *path != '\0';
}

const char* MachineSocket() { return SocketPath(); }

int Call(Message& m) {
  static std::atomic<uint64_t> serial = 0;
  m.head.length = static_cast<uint32_t>(sizeof(m.head) + m.in_size);
  m.head.version = DMDAX_PROTOCOL;
  m.head.serial = ++serial;
  m.head.fds = m.in_fd >= 0 ? 1 : 0;
  if (m.in_size > DMDAX_MAX_PAYLOAD) return ENOMEM;
  // A connection that was kept may be to a server that has ended since.
  for (int i = 0; i <= kSlots; ++i) {
    const Connection connection = TakeConnection();
    if (connection.fd < 0) return errno == EACCES ? Refused() : Gone();
    const int error =
        run::SendMessage(connection.fd, m.head, m.in, m.in_size, m.in_fd);
    if (error == 0) return CallOn(connection, m);
    Close(connection.fd);
    if (error == EFAULT) return error;
  }
  return Gone();
}

}  // namespace dmdax::preload
