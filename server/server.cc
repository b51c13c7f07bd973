// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/errno_status.h"
#include "server/socket.h"

namespace dmdax {
namespace {

// What an event is about: the kind in the top byte, an id below.
constexpr uint64_t kListener = uint64_t{1} << 56;
constexpr uint64_t kUntil = uint64_t{2} << 56;
constexpr uint64_t kClient = uint64_t{3} << 56;
constexpr uint64_t kHandle = uint64_t{4} << 56;
constexpr uint64_t kState = uint64_t{5} << 56;
constexpr uint64_t kSooner = uint64_t{6} << 56;
constexpr uint64_t kKind = uint64_t{0xff} << 56;

// How long bytes that were written stay unkept, and how often it is seen
// whether others have changed the state while somebody waits for that.
constexpr int kKeepMs = 1000;
constexpr int kLookMs = 50;
constexpr int kTimeMs = 1000;  // what waits may have an end of its own

// Each client and each open device takes a descriptor.
void TakeAllDescriptors() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A pipe or a socket that nobody reads any more is an errno.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before_);
  }
  ~NoSigpipe() {
    // One that has come is not for whoever comes after us.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    const timespec none = {};
    while (sigtimedwait(&pipe, nullptr, &none) > 0) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

Server::Server(Resident& machine, ScratchTree& tree, Fd listener)
    : machine_(machine),
      tree_(tree),
      listener_(std::move(listener)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      reserve_(open("/dev/null", O_RDONLY | O_CLOEXEC)),
      sooner_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      dispatch_(machine, tree, handles_) {}

absl::Status Server::Watch(int fd, uint64_t what, uint32_t events) {
  epoll_event event = {.events = events, .data = {.u64 = what}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0 ||
      (errno == EEXIST &&
       epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0)) {
    return absl::OkStatus();
  }
  return ErrnoError(errno, absl::StrCat("server: epoll: ", ErrnoText(errno)));
}

absl::Status Server::Prepare() {
  const absl::MutexLock lock(&lock_);
  if (prepared_) return absl::OkStatus();
  absl::Status s = Watch(listener_.get(), kListener, EPOLLIN);
  if (s.ok()) s = Watch(sooner_.get(), kSooner, EPOLLIN);
  if (s.ok()) s = tree_.Sync(machine_.session());
  prepared_ = s.ok();
  return s;
}

// There may be nothing to watch before the state's first change.
void Server::WatchState() {
  if (watches_state_ || machine_.watch_fd() < 0) return;
  watches_state_ = Watch(machine_.watch_fd(), kState, EPOLLIN).ok();
}

absl::Status Server::Run(int until) {
  return Loop(until, [] { return false; });
}

bool Server::has_holders() const {
  return std::any_of(clients_.begin(), clients_.end(),
                     [](const auto& client) { return !client.second.asks; });
}

absl::Status Server::RunForHolders() {
  return Loop(-1, [this] { return !has_holders(); });
}

bool Server::See(const epoll_event& event) {
  const uint64_t kind = event.data.u64 & kKind;
  const uint64_t id = event.data.u64 & ~kKind;
  if (kind == kListener) Accept();
  if (kind == kClient) Serve(id, event.events);
  if (kind == kHandle) dispatch_.Closed(id);
  if (kind == kState) {
    machine_.NoteChanges();
    dispatch_.Refresh().IgnoreError();
  }
  if (kind == kSooner) {
    uint64_t times;
    [[maybe_unused]] const ssize_t n =
        read(sooner_.get(), &times, sizeof(times));
  }
  return kind != kUntil;
}

absl::Status Server::Loop(int until, absl::FunctionRef<bool()> is_over) {
  const NoSigpipe no_sigpipe;
  TakeAllDescriptors();
  absl::Status s = Prepare();
  const absl::MutexLock lock(&lock_);
  if (s.ok() && until >= 0) s = Watch(until, kUntil, EPOLLIN);
  if (!s.ok()) return s;
  // accept() of a client that has gone again would wait for the next.
  fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
  bool over = false;
  while (!over && !is_over() && !dispatch_.is_over()) {
    WatchState();
    waits_ms_ = TimeoutMs();
    epoll_event events[64];
    lock_.Unlock();
    const int n = epoll_wait(epoll_.get(), events, 64, waits_ms_);
    const int error = errno;
    lock_.Lock();
    if (n < 0 && error != EINTR) {
      return ErrnoError(error,
                        absl::StrCat("server: epoll: ", ErrnoText(error)));
    }
    for (int i = 0; i < n; ++i) over |= !See(events[i]);
    KeepInTime();
    // Nobody has asked for a while.
    if (n == 0) dispatch_.Refresh().IgnoreError();
    WatchHandles();
    Retry();
  }
  // Answers that are under way, the one to the shutdown for instance.
  for (auto& [id, client] : clients_) client.connection.Flush();
  return machine_.Keep(DiskBytes::KeepHow::kSynced);
}

bool Server::is_over() const {
  const absl::MutexLock lock(&lock_);
  return dispatch_.is_over();
}

std::optional<Answer> Server::Do(Request request) {
  const absl::MutexLock lock(&lock_);
  Pending pending{.request = std::move(request), .comm = "", .last = ""};
  std::optional<Answer> answer = dispatch_.Do(pending);
  // As after a request from a socket.
  KeepInTime();
  WatchHandles();
  Retry();
  if (TimeoutMs() != waits_ms_) {
    const uint64_t once = 1;
    [[maybe_unused]] const ssize_t n =
        write(sooner_.get(), &once, sizeof(once));
  }
  return answer;
}

// As long as bytes are not kept, no other command can change the state.
void Server::KeepInTime() {
  if (!machine_.has_unkept()) {
    unkept_since_ = absl::InfiniteFuture();
    return;
  }
  const absl::Time now = absl::Now();
  if (unkept_since_ == absl::InfiniteFuture()) unkept_since_ = now;
  if (now - unkept_since_ >= absl::Milliseconds(kKeepMs)) {
    dispatch_.Keep().IgnoreError();
  }
}

int Server::TimeoutMs() const {
  const int quiet = QuietMs();
  if (!has_waiting()) return quiet;
  return quiet < 0 ? kTimeMs : std::min(quiet, kTimeMs);
}

bool Server::has_waiting() const {
  return std::any_of(clients_.begin(), clients_.end(), [](const auto& client) {
    return !client.second.waiting.empty();
  });
}

int Server::QuietMs() const {
  if (machine_.has_unkept()) return kKeepMs;
  if (!machine_.has_state()) return -1;
  // A control node that is open may be polled, in any program.
  const bool is_told = watches_state_ && machine_.is_watched();
  return handles_.size() > 0 || !is_told ? kLookMs : -1;
}

void Server::Accept() {
  Fd socket(
      accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.ok()) {
    if (errno != EMFILE && errno != ENFILE) return;
    // Hung up on, the client sees that something is wrong; else it would wait.
    reserve_ = Fd();
    {
      const Fd nobody(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    reserve_ = Fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return;
  }
  if (!PeerIsOurs(socket)) {
    Connection stranger(std::move(socket));
    stranger.Send({}, {.error = EPERM});
    return;
  }
  const uint64_t id = ++last_client_;
  const int fd = socket.get();
  std::string comm = PeerComm(socket);
  clients_.emplace(id, Client{.connection = Connection(std::move(socket)),
                              .comm = std::move(comm),
                              .waiting = {},
                              .watched = EPOLLIN});
  if (!Watch(fd, kClient | id, EPOLLIN).ok()) clients_.erase(id);
}

void Server::Serve(uint64_t id, uint32_t events) {
  const auto it = clients_.find(id);
  if (it == clients_.end()) return;
  Client& client = it->second;
  bool alive = true;
  if ((events & EPOLLOUT) != 0) alive = client.connection.Flush();
  if (alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    alive = client.connection.Receive();
  }
  if (alive) Take(id, client);
  if (!alive || client.connection.is_over()) {
    clients_.erase(it);
  } else {
    Answered(id, client);
  }
}

void Server::Take(uint64_t, Client& client) {
  while (!client.connection.is_full() && !dispatch_.is_over()) {
    std::optional<Request> request = client.connection.Next();
    if (!request) return;
    // Who only wants to know whether we are there may be a command itself.
    client.asks |= request->head.op != DMDAX_OP_PING;
    Pending pending{
        .request = *std::move(request), .comm = client.comm, .last = ""};
    if (std::optional<Answer> answer = dispatch_.Do(pending)) {
      client.connection.Send(pending.request.head, *std::move(answer));
    } else {
      client.waiting.push_back(std::move(pending));
    }
    // What it closed or opened before its next request counts there.
    WatchHandles();
  }
}

// While a client does not take its answers, no more is taken from it.
void Server::Answered(uint64_t id, Client& client) {
  uint32_t events = 0;
  if (!client.connection.is_full()) events |= EPOLLIN;
  if (client.connection.has_unsent()) events |= EPOLLOUT;
  // Nearly always the same: two system calls fewer for each request.
  if (events == client.watched) return;
  if (Watch(client.connection.fd(), kClient | id, events).ok()) {
    client.watched = events;
  }
}

void Server::WatchHandles() {
  handles_.ForEachAfter(last_watched_, [&](Handle& handle) {
    last_watched_ = handle.id;
    // Nothing but the end of the other end.
    Watch(handle.end.fd(), kHandle | handle.id, 0).IgnoreError();
  });
}

void Server::Retry() {
  bool late =
      has_waiting() && absl::Now() - retried_ >= absl::Milliseconds(kTimeMs);
  while (dispatch_.TakeChanged() || std::exchange(late, false)) {
    retried_ = absl::Now();
    for (auto& [id, client] : clients_) {
      for (auto it = client.waiting.begin(); it != client.waiting.end();) {
        std::optional<Answer> answer = dispatch_.Do(*it);
        if (!answer) {
          ++it;
          continue;
        }
        client.connection.Send(it->request.head, *std::move(answer));
        it = client.waiting.erase(it);
      }
      if (client.connection.has_unsent()) Answered(id, client);
    }
  }
}

}  // namespace dmdax
