// SPDX-License-Identifier: Apache-2.0
#include "tools/preload/control_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "tools/preload/interpose.h"

namespace dmdax::preload {
namespace {

// An abstract name: it begins with a NUL, and no file system knows it.
constexpr absl::string_view kPrefix("\0dmdax:/dev/mapper/control:", 27);

struct SocketName {
  sockaddr_un address = {};
  socklen_t size = sizeof(sockaddr_un);
};

sockaddr* AsSockaddr(sockaddr_un* address) {
  return reinterpret_cast<sockaddr*>(address);
}

// Of the control file; nothing: `fd` is none.
std::optional<SocketName> NameOf(int fd) {
  const int before = errno;
  SocketName name;
  const bool is_socket =
      getsockname(fd, AsSockaddr(&name.address), &name.size) == 0;
  errno = before;
  if (!is_socket || name.address.sun_family != AF_UNIX ||
      name.size < offsetof(sockaddr_un, sun_path) + kPrefix.size()) {
    return std::nullopt;
  }
  const absl::string_view path(name.address.sun_path, kPrefix.size());
  if (path != kPrefix) return std::nullopt;
  return name;
}

// Gives the socket a name that nobody else has.
bool BindSomewhere(int fd) {
  static std::atomic<uint32_t> count = 0;
  do {
    const std::string name = absl::StrCat(kPrefix, getpid(), ".", count++);
    sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name.data(), name.size());
    if (bind(fd, AsSockaddr(&address),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                    name.size())) == 0) {
      return true;
    }
  } while (errno == EADDRINUSE);  // a process of another PID namespace
  return false;
}

}  // namespace

int OpenControlFile(int flags, uint64_t event_nr) {
  const int type = SOCK_STREAM | (flags & O_CLOEXEC ? SOCK_CLOEXEC : 0) |
                   (flags & O_NONBLOCK ? SOCK_NONBLOCK : 0);
  const int fd = socket(AF_UNIX, type, 0);
  // Of two that take the one connection away, the second must not wait.
  const timeval at_once = {.tv_usec = 1};
  if (fd < 0) return -1;
  if (!BindSomewhere(fd) || listen(fd, 0) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &at_once, sizeof(at_once)) != 0) {
    const int error = errno;
    close(fd);
    return Result(error);
  }
  SetEventNrSeen(fd, event_nr);
  return fd;
}

bool IsControlFile(int fd) { return NameOf(fd).has_value(); }

// All copies share the socket's timeouts, and nothing is ever sent through it.
uint64_t EventNrSeen(int fd) {
  timeval value = {};
  socklen_t size = sizeof(value);
  getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, &size);
  return static_cast<uint64_t>(value.tv_sec);
}

void SetEventNrSeen(int fd, uint64_t event_nr) {
  const timeval value = {.tv_sec = static_cast<time_t>(event_nr)};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &value, sizeof(value));
}

void SetReadable(int fd, bool readable) {
  static auto* const real_poll = Next("poll", &poll);
  std::optional<SocketName> name = NameOf(fd);
  if (!name) return;
  pollfd entry = {.fd = fd, .events = POLLIN};
  if ((real_poll(&entry, 1, 0) == 1) == readable) return;
  // A listening socket is readable while somebody waits to be let in, and who
  // waits may have gone away.
  if (!readable) {
    const Fd gone(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
    return;
  }
  const Fd caller(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  connect(caller.get(), AsSockaddr(&name->address), name->size);
}

}  // namespace dmdax::preload
