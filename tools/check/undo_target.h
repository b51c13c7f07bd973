// SPDX-License-Identifier: Apache-2.0
//
// A volume without the target that keeps DAX from it, where its data stays: one
// copy of a mirror, an origin without its snapshots, a volume without its
// cache.
//
// What the World has then shows what else is in the way, which the target hid.
// Threading: pure function of a machine and a World.
#ifndef DMDAX_TOOLS_CHECK_UNDO_TARGET_H_
#define DMDAX_TOOLS_CHECK_UNDO_TARGET_H_

#include <optional>
#include <string>

#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/dax_depth.h"

namespace dmdax {

// Of a level that a target ends.  Nothing: its target is none of those, its
// table is not known, or without the target there is no DAX either.
std::optional<Cure> UndoTarget(const CureRequest& request,
                               const NotDaxLevel& end, proto::World& world);

// What makes LVM2's volume plain and leaves all that it holds, "lvconvert -y
// --uncache vg/home"; "": nothing does.
std::string PlainCommand(const proto::MappedDevice& volume);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_UNDO_TARGET_H_
