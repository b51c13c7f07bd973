// SPDX-License-Identifier: Apache-2.0
//
// A server of a resident machine that answers.
//
//   absl::StatusOr<Fd> client = ReachServer("/tmp/s/.socket", {.say = Tell});
//
// A server is a process: who has stopped it, or looks at it in a debugger, has
// stopped all that its clients do.  So before a client begins it asks once, and
// as long as it keeps the connection the server stays.
//
// Errors: ECONNREFUSED and others of connect(2), with the path; ETIMEDOUT when
// the wait is over, and the server's pid; EPIPE when it has ended meanwhile.
// Threading: thread-safe.
#ifndef DMDAX_SERVER_PING_H_
#define DMDAX_SERVER_PING_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/fd.h"
#include "state/state_lock.h"

namespace dmdax {

// Asks on a connection that nobody else uses; the answer, an empty one, has
// come when the socket can be read.  Not sent: errno says why.
bool SendPing(const Fd& socket);

// A connection on which the server at this path has answered.
absl::StatusOr<Fd> ReachServer(const std::string& path, const StateWait& wait);

}  // namespace dmdax

#endif  // DMDAX_SERVER_PING_H_
