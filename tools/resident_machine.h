// SPDX-License-Identifier: Apache-2.0
//
// ResidentMachine: the machine that a command line means, ready to be served.
//
// With kState it is that of --state, with kPrivate one of its own: --world's,
// or an empty one.  EADDRINUSE: the state has a server already.
#ifndef DMDAX_TOOLS_RESIDENT_MACHINE_H_
#define DMDAX_TOOLS_RESIDENT_MACHINE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/resident.h"
#include "server/scratch_tree.h"
#include "server/server.h"
#include "tools/app.h"

namespace dmdax {

class ResidentMachine {
 public:
  enum Where { kState, kPrivate };
  static absl::StatusOr<std::unique_ptr<ResidentMachine>> Make(App& app,
                                                               Where where);
  ~ResidentMachine();

  Server& server() { return *server_; }
  const std::string& socket() const { return socket_; }

 private:
  ResidentMachine() = default;

  std::string socket_;
  std::unique_ptr<Resident> resident_;
  std::unique_ptr<ScratchTree> tree_;
  std::unique_ptr<Server> server_;
};

// The socket of the state's server, if one answers there, else "".
std::string SocketOfState(const std::string& state);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_RESIDENT_MACHINE_H_
