// SPDX-License-Identifier: Apache-2.0
//
// The mount, dax and process parts of a World: what runs on the machine.
//
//   AddUserWorld(world, WorldKind::kWritten, session, source_map);
//   SaveUserWorld(*session.user, &saved);
//
// A mapping in a snapshot is made again at its address, and what the process
// had touched is touched again, in the same order: page tables are not kept.
// A DAX file's entries (which page was handed out, as what size) are kept, for
// they outlive the mappings.  Private copies are copied anew.
// Threading: the caller keeps commands away meanwhile.
#ifndef DMDAX_STATE_USER_WORLD_H_
#define DMDAX_STATE_USER_WORLD_H_

#include "absl/status/status.h"
#include "process/user_space.h"
#include "state/session.h"
#include "state/source_map.h"
#include "state/world.pb.h"

namespace dmdax {

enum class WorldKind {
  kWritten,   // `runtime` is ignored: mounts are decided by the kernel's rules
  kSnapshot,  // what was decided stays
};

// All of world.mount, world.dax and world.process.  Errors carry the errno and
// begin with the place that `map` knows.
absl::Status AddUserWorld(const proto::World& world, WorldKind kind,
                          Session& session, const SourceMap& map = {});

// The reverse: adds to mount, dax and process of `world`.
void SaveUserWorld(const UserSpace& user, proto::World* world);

}  // namespace dmdax

#endif  // DMDAX_STATE_USER_WORLD_H_
