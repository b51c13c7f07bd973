// SPDX-License-Identifier: Apache-2.0
//
// poll(2), select(2) and epoll_ctl(2): a block device has no ->poll, so that it
// is ready at once for whatever it is asked for, and no epoll set takes it.
// The pipe that stands for one is ready for other things; device-mapper's
// control node polls as its pipe does.
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "run/poll_answer.h"
#include "run/preload/file.h"
#include "run/preload/libc.h"

namespace dmdax::preload {
namespace {

bool HasNoPoll(int fd) {
  const File file = FileOf(fd);
  return file && run::HasNoPoll(file.kind, file.dev);
}

// The devices among the entries, of those that ask for what they are ready for.
class ReadyDevices {
 public:
  ReadyDevices(pollfd* entries, nfds_t n) : entries_(entries), n_(n) {
    for (nfds_t i = 0; i < n_; ++i) {
      if (run::ReadyEvents(entries_[i].events) == 0) continue;
      if (HasNoPoll(entries_[i].fd)) ++ready_;
    }
  }
  bool any() const { return ready_ > 0; }

  // `ask` is told of the others alone, and must not wait.
  template <typename Ask>
  int Answer(const Ask& ask) {
    for (nfds_t i = 0; i < n_; ++i) {
      pollfd& entry = entries_[i];
      if (run::ReadyEvents(entry.events) == 0) continue;
      if (HasNoPoll(entry.fd)) entry.fd += kPassedOver;
    }
    const int others = ask();
    for (nfds_t i = 0; i < n_; ++i) {
      pollfd& entry = entries_[i];
      if (entry.fd >= kPassedOver + kMostFds) continue;
      entry.fd -= kPassedOver;
      entry.revents = run::ReadyEvents(entry.events);
    }
    return others < 0 ? others : others + ready_;
  }

 private:
  // Numbers that no program has in place of one: the kernel passes over what is
  // negative.
  static constexpr int kPassedOver = INT_MIN;
  static constexpr int kMostFds = 1 << 20;  // NR_OPEN of the kernel

  pollfd* const entries_;
  const nfds_t n_;
  int ready_ = 0;
};

// Whether the array can be looked at: the kernel has the errno.
bool MayLook(const pollfd* entries, nfds_t n) {
  constexpr nfds_t kMost = 1 << 20;  // more than there can be descriptors
  return entries != nullptr && n <= kMost;
}

// As poll(2), with three sets.  Numbers from FD_SETSIZE on are nobody's.
class ReadySets {
 public:
  ReadySets(int n, fd_set* reads, fd_set* writes, fd_set* excepts)
      : n_(n < FD_SETSIZE ? n : FD_SETSIZE),
        sets_{reads, writes},
        excepts_(excepts) {
    for (int which = 0; which < 2; ++which) FD_ZERO(&ours_[which]);
    for (int fd = 0; fd < n_; ++fd) {
      for (int which = 0; which < 2; ++which) {
        if (sets_[which] == nullptr || !FD_ISSET(fd, sets_[which]) ||
            !HasNoPoll(fd)) {
          continue;
        }
        FD_SET(fd, &ours_[which]);
        ++ready_;
      }
    }
  }
  bool any() const { return ready_ > 0; }

  template <typename Ask>
  int Answer(const Ask& ask) {
    for (int fd = 0; fd < n_; ++fd) {
      bool is_ours = false;
      for (int which = 0; which < 2; ++which) {
        if (!FD_ISSET(fd, &ours_[which])) continue;
        FD_CLR(fd, sets_[which]);
        is_ours = true;
      }
      if (is_ours && excepts_ != nullptr) FD_CLR(fd, excepts_);
    }
    const int others = ask();
    if (others < 0) return others;
    for (int fd = 0; fd < n_; ++fd) {
      for (int which = 0; which < 2; ++which) {
        if (FD_ISSET(fd, &ours_[which])) FD_SET(fd, sets_[which]);
      }
    }
    return others + ready_;
  }

 private:
  const int n_;
  fd_set* const sets_[2];
  fd_set* const excepts_;
  fd_set ours_[2];
  int ready_ = 0;
};

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

extern "C" {
int __poll_chk(pollfd* entries, nfds_t n, int timeout, size_t room);
int __ppoll_chk(pollfd* entries, nfds_t n, const timespec* timeout,
                const sigset_t* mask, size_t room);
}

EXPORT int poll(pollfd* entries, nfds_t n, int timeout) {
  if (MayLook(entries, n)) {
    ReadyDevices devices(entries, n);
    if (devices.any()) {
      return devices.Answer([&] { return NEXT(poll)(entries, n, 0); });
    }
  }
  return NEXT(poll)(entries, n, timeout);
}
EXPORT int ppoll(pollfd* entries, nfds_t n, const timespec* timeout,
                 const sigset_t* mask) {
  if (MayLook(entries, n)) {
    ReadyDevices devices(entries, n);
    if (devices.any()) {
      const timespec now = {};
      return devices.Answer(
          [&] { return NEXT(ppoll)(entries, n, &now, mask); });
    }
  }
  return NEXT(ppoll)(entries, n, timeout, mask);
}
// What the compiler puts in their place with _FORTIFY_SOURCE.
EXPORT int __poll_chk(pollfd* entries, nfds_t n, int timeout, size_t room) {
  if (n > room / sizeof(pollfd)) abort();
  return poll(entries, n, timeout);
}
EXPORT int __ppoll_chk(pollfd* entries, nfds_t n, const timespec* timeout,
                       const sigset_t* mask, size_t room) {
  if (n > room / sizeof(pollfd)) abort();
  return ppoll(entries, n, timeout, mask);
}
// The time that is left is all that there was.
EXPORT int select(int n, fd_set* reads, fd_set* writes, fd_set* excepts,
                  timeval* timeout) {
  ReadySets devices(n, reads, writes, excepts);
  if (devices.any()) {
    return devices.Answer([&] {
      timeval now = {};
      return NEXT(select)(n, reads, writes, excepts, &now);
    });
  }
  return NEXT(select)(n, reads, writes, excepts, timeout);
}
EXPORT int pselect(int n, fd_set* reads, fd_set* writes, fd_set* excepts,
                   const timespec* timeout, const sigset_t* mask) {
  ReadySets devices(n, reads, writes, excepts);
  if (devices.any()) {
    return devices.Answer([&] {
      const timespec now = {};
      return NEXT(pselect)(n, reads, writes, excepts, &now, mask);
    });
  }
  return NEXT(pselect)(n, reads, writes, excepts, timeout, mask);
}
EXPORT int epoll_ctl(int set, int what, int fd, epoll_event* event) noexcept {
  return HasNoPoll(fd) ? Result(EPERM) : NEXT(epoll_ctl)(set, what, fd, event);
}
