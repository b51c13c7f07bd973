// SPDX-License-Identifier: Apache-2.0
//
// NameInWorld: what a path of the machine is called in its World.
//
// Where /dev/pmem0 is mounted on /mnt/pmem, and its directory /vols/a on
// /pod/db too, "/pod/db/data" is "/mnt/pmem/vols/a/data"; "vg-home" is itself.
//
// A World has each file system once; where else it or a part of it is mounted
// it keeps beside (World::mount_beside). Threading: as Session.
#ifndef DMDAX_TOOLS_CHECK_NAME_IN_WORLD_H_
#define DMDAX_TOOLS_CHECK_NAME_IN_WORLD_H_

#include <string>

#include "state/session.h"

namespace dmdax {

std::string NameInWorld(const Session& session, const std::string& name);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_NAME_IN_WORLD_H_
