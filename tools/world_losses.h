// SPDX-License-Identifier: Apache-2.0
//
// WorldLosses: what a machine has and a World of it does not say.
//
// A World is what people write: hardware, tables, messages.  What I/O and time
// have done to a target, a removal that waits and regions of statistics have no
// words there.  Who exports a machine is told of them, one line each:
//
//   for (const std::string& loss : WorldLosses(session, world)) {
//     std::cerr << "dmdax: " << loss << "\n";
//   }
//
// The World is loaded to find out, so this costs what a load costs.
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_WORLD_LOSSES_H_
#define DMDAX_TOOLS_WORLD_LOSSES_H_

#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

// "not in the World: ..."; or that it does not load, and why.
std::vector<std::string> WorldLosses(const Session& session,
                                     const proto::World& world);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_WORLD_LOSSES_H_
