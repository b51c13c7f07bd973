// SPDX-License-Identifier: Apache-2.0
#include "server/ping.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/errno_status.h"
#include "server/protocol.h"
#include "server/socket.h"

namespace dmdax {
namespace {

// "the machine at '/tmp/s/.socket', held by pid 123"
std::string Holding(const std::string& path, const Fd& socket) {
  const int pid = PeerPid(socket);
  return absl::StrCat("the machine at '", path, "', held by ",
                      pid == 0 ? "somebody" : absl::StrCat("pid ", pid));
}

}  // namespace

bool SendPing(const Fd& socket) {
  dmdax_message m = {};
  m.length = sizeof(m);
  m.version = DMDAX_PROTOCOL;
  m.op = DMDAX_OP_PING;
  return send(socket.get(), &m, sizeof(m), MSG_NOSIGNAL) == sizeof(m);
}

absl::StatusOr<Fd> ReachServer(const std::string& path, const StateWait& wait) {
  absl::StatusOr<Fd> socket = ConnectTo(path);
  if (!socket.ok()) return socket.status();
  if (!SendPing(*socket)) {
    return ErrnoError(errno, absl::StrCat(path, ": ", ErrnoText(errno)));
  }
  Patience patience(wait);
  pollfd entry = {.fd = socket->get(), .events = POLLIN, .revents = 0};
  while (poll(&entry, 1, 0) <= 0) {
    if (patience.LookAgain([&] { return Holding(path, *socket); })) continue;
    return ErrnoError(
        ETIMEDOUT,
        absl::StrCat(Holding(path, *socket), ", does not answer; waited ",
                     absl::FormatDuration(patience.timeout())));
  }
  dmdax_message answer;
  if (recv(socket->get(), &answer, sizeof(answer), MSG_WAITALL) !=
      sizeof(answer)) {
    return ErrnoError(EPIPE,
                      absl::StrCat("the machine at '", path, "' has ended"));
  }
  return socket;
}

}  // namespace dmdax
