// SPDX-License-Identifier: Apache-2.0
//
// The socket of a resident machine.
//
//   absl::StatusOr<Fd> listener = ListenAt("/tmp/s", ".socket");
//   absl::StatusOr<Fd> client = ConnectTo("/tmp/s/.socket");
//   PeerIsOurs(accepted);   // our own user, or root
//
// A path may be longer than a socket's name: the directory is opened first.
// Errors: the errno of the system call, with the path; EADDRINUSE: a server
// listens there already; EEXIST: it is something else than a socket.
// Threading: thread-safe.
#ifndef DMDAX_SERVER_SOCKET_H_
#define DMDAX_SERVER_SOCKET_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/fd.h"

namespace dmdax {

// The name of the socket in a state directory.
inline constexpr char kSocketName[] = ".socket";

// Mode 0600; one that a killed server has left is removed.
absl::StatusOr<Fd> ListenAt(const std::string& directory,
                            const std::string& name);
absl::StatusOr<Fd> ConnectTo(const std::string& path);
bool PeerIsOurs(const Fd& socket);
// The program at the other end, for a client that which called listen(2): its
// pid, 0 if the kernel does not say, and its name.
int PeerPid(const Fd& socket);
std::string PeerComm(const Fd& socket);

}  // namespace dmdax

#endif  // DMDAX_SERVER_SOCKET_H_
