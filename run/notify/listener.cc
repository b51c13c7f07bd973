// SPDX-License-Identifier: Apache-2.0
#include "run/notify/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include <optional>

namespace dmdax::run {

std::optional<seccomp_notif> Listener::Receive() const {
  for (;;) {
    seccomp_notif call;
    memset(&call, 0, sizeof(call));
    if (ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) return call;
    // ENOENT: the task was killed, or the last one is gone.
    if (errno != ENOENT || IsOver()) return std::nullopt;
  }
}

bool Listener::IsOver() const {
  pollfd ready{fd_.get(), POLLIN, 0};
  return poll(&ready, 1, 0) > 0 && (ready.revents & POLLHUP) != 0;
}

namespace {

void Send(int fd, seccomp_notif_resp answer) {
  while (ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0 && errno == EINTR) {
  }
}

}  // namespace

void Listener::Continue(uint64_t id) const {
  seccomp_notif_resp answer{};
  answer.id = id;
  answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  Send(fd_.get(), answer);
}

void Listener::Return(uint64_t id, int64_t value) const {
  seccomp_notif_resp answer{};
  answer.id = id;
  answer.val = value;
  Send(fd_.get(), answer);
}

void Listener::Fail(uint64_t id, int err) const {
  seccomp_notif_resp answer{};
  answer.id = id;
  answer.error = -err;
  Send(fd_.get(), answer);
}

int64_t Listener::AddFd(uint64_t id, int fd, int flags,
                        std::optional<int> at) const {
  seccomp_notif_addfd add{};
  add.id = id;
  add.srcfd = static_cast<uint32_t>(fd);
  add.newfd_flags = static_cast<uint32_t>(flags & O_CLOEXEC);
  // A signal that comes before the answer waits, or kills
  // (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV).
  if (at.has_value()) {
    add.flags = SECCOMP_ADDFD_FLAG_SETFD;
    add.newfd = static_cast<uint32_t>(*at);
  }
  int64_t number;
  do {
    number = ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &add);
  } while (number < 0 && errno == EINTR);
  return number < 0 ? -errno : number;
}

bool Listener::Waits(uint64_t id) const {
  return ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

}  // namespace dmdax::run
