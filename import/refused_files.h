// SPDX-License-Identifier: Apache-2.0
//
// Which files of a mount the kernel's file system would not have: their blocks
// are those of others, or behind the end of the device.
// Threading: pure function.
#ifndef DMDAX_IMPORT_REFUSED_FILES_H_
#define DMDAX_IMPORT_REFUSED_FILES_H_

#include <map>
#include <string>

#include "state/world.pb.h"

namespace dmdax {

// By their numbers, each with what is said of it.  All of the World that comes
// before the files of mount `mount` loads.  Of two that have the same blocks it
// is the later one; behind very many it is all.
std::map<int, std::string> RefusedFiles(const proto::World& world, int mount);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_REFUSED_FILES_H_
