// SPDX-License-Identifier: Apache-2.0
//
// RemovalLines: what takes away all that stands on devices, from the top of the
// stack down, before something else is made there.
//
// Volumes that the metadata has and that are not active go too.
// Threading: pure function.
#ifndef DMDAX_TOOLS_ADVISE_REMOVAL_H_
#define DMDAX_TOOLS_ADVISE_REMOVAL_H_

#include <string>
#include <vector>

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"

namespace dmdax {

// Where one of them would fail with others gone before, a comment that says
// why. `session` is that of the World, `devices` are those that stay.
std::vector<std::string> RemovalLines(const proto::World& world,
                                      const Session& session,
                                      const BdevSet& devices);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_ADVISE_REMOVAL_H_
