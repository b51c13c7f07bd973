// SPDX-License-Identifier: Apache-2.0
//
// Calls that wait for descriptors.  libc's wait; what is ours is that the
// control nodes among them become readable when there was an event.
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/preload/control_file.h"
#include "tools/preload/emulated_files.h"
#include "tools/preload/interpose.h"
#include "tools/preload/look_again.h"
#include "tools/preload/session_guard.h"

namespace dmdax::preload {
namespace {

enum class Waits { kNo, kYes };

// While it lives, some descriptors poll as the state says.  If there is no
// memory for a thread, they do so at the beginning.
class Refreshed {
 public:
  Refreshed(std::vector<int> fds, Waits waits) : fds_(std::move(fds)) {
    RefreshControls(fds_);
    if (fds_.empty() || waits == Waits::kNo) return;
    again_.emplace([this] { RefreshControls(fds_); });
  }

 private:
  const std::vector<int> fds_;
  std::optional<LookAgain> again_;
};

Waits WaitsOf(int timeout_ms) {
  return timeout_ms == 0 ? Waits::kNo : Waits::kYes;
}
// For timespec and timeval; null: for ever.
template <typename Time>
Waits WaitsOf(const Time* timeout) {
  static constexpr Time kNone = {};
  const bool none =
      timeout != nullptr && memcmp(timeout, &kNone, sizeof(kNone)) == 0;
  return none ? Waits::kNo : Waits::kYes;
}

std::vector<int> ControlsIn(const pollfd* fds, nfds_t n) {
  std::vector<int> controls;
  for (nfds_t i = 0; i < n; ++i) {
    if (IsControlFile(fds[i].fd)) controls.push_back(fds[i].fd);
  }
  return controls;
}

// Nobody waits for the node to be writable.
std::vector<int> ControlsIn(const fd_set* readable, int n) {
  std::vector<int> controls;
  for (int fd = 0; readable != nullptr && fd < n; ++fd) {
    if (FD_ISSET(fd, readable) && IsControlFile(fd)) controls.push_back(fd);
  }
  return controls;
}

// Whether any was ever put into a set, which few programs do.
std::atomic<bool> any_in_epoll = false;

std::vector<int> ControlsInEpoll(int epoll) {
  std::vector<int> controls;
  if (!any_in_epoll) return controls;
  std::ifstream info(absl::StrCat("/proc/self/fdinfo/", epoll));
  for (std::string line; std::getline(info, line);) {
    // "tfd:        5 events:       19 data: ..."
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    int fd;
    if (words.size() > 1 && words[0] == "tfd:" &&
        absl::SimpleAtoi(words[1], &fd) && IsControlFile(fd)) {
      controls.push_back(fd);
    }
  }
  return controls;
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int poll(pollfd* fds, nfds_t n, int timeout) {
  static auto* const real = Next("poll", &poll);
  const Refreshed refreshed(ControlsIn(fds, n), WaitsOf(timeout));
  return real(fds, n, timeout);
}

EXPORT int ppoll(pollfd* fds, nfds_t n, const timespec* timeout,
                 const sigset_t* mask) {
  static auto* const real = Next("ppoll", &ppoll);
  const Refreshed refreshed(ControlsIn(fds, n), WaitsOf(timeout));
  return real(fds, n, timeout, mask);
}

// What the compiler puts in their place with _FORTIFY_SOURCE.
EXPORT int __poll_chk(pollfd* fds, nfds_t n, int timeout, size_t size) {
  if (size / sizeof(*fds) < n) abort();
  return poll(fds, n, timeout);
}
EXPORT int __ppoll_chk(pollfd* fds, nfds_t n, const timespec* timeout,
                       const sigset_t* mask, size_t size) {
  if (size / sizeof(*fds) < n) abort();
  return ppoll(fds, n, timeout, mask);
}

EXPORT int select(int n, fd_set* in, fd_set* out, fd_set* except,
                  timeval* timeout) {
  static auto* const real = Next("select", &select);
  const Refreshed refreshed(ControlsIn(in, n), WaitsOf(timeout));
  return real(n, in, out, except, timeout);
}

EXPORT int pselect(int n, fd_set* in, fd_set* out, fd_set* except,
                   const timespec* timeout, const sigset_t* mask) {
  static auto* const real = Next("pselect", &pselect);
  const Refreshed refreshed(ControlsIn(in, n), WaitsOf(timeout));
  return real(n, in, out, except, timeout, mask);
}

EXPORT int epoll_ctl(int epoll, int op, int fd, epoll_event* event) noexcept {
  static auto* const real = Next("epoll_ctl", &epoll_ctl);
  if (op == EPOLL_CTL_ADD && !any_in_epoll && IsControlFile(fd)) {
    any_in_epoll = true;
  }
  return real(epoll, op, fd, event);
}

EXPORT int epoll_wait(int epoll, epoll_event* events, int n, int timeout) {
  static auto* const real = Next("epoll_wait", &epoll_wait);
  const Refreshed refreshed(ControlsInEpoll(epoll), WaitsOf(timeout));
  return real(epoll, events, n, timeout);
}

EXPORT int epoll_pwait(int epoll, epoll_event* events, int n, int timeout,
                       const sigset_t* mask) {
  static auto* const real = Next("epoll_pwait", &epoll_pwait);
  const Refreshed refreshed(ControlsInEpoll(epoll), WaitsOf(timeout));
  return real(epoll, events, n, timeout, mask);
}

EXPORT int epoll_pwait2(int epoll, epoll_event* events, int n,
                        const timespec* timeout, const sigset_t* mask) {
  static auto* const real = Next("epoll_pwait2", &epoll_pwait2);
  const Refreshed refreshed(ControlsInEpoll(epoll), WaitsOf(timeout));
  return real(epoll, events, n, timeout, mask);
}
