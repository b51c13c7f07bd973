// SPDX-License-Identifier: Apache-2.0
//
// What programs have written on the disks of a state, as blkid(8) would see it:
// LVM2's label is in the bytes alone as long as no volume stands there.
//
// Threading: as Session.
#ifndef DMDAX_TOOLS_SEEN_LABELS_H_
#define DMDAX_TOOLS_SEEN_LABELS_H_

#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

// `session` has the bytes, and is that of the World.  Of devices with
// persistent memory below and nothing on them; of one that cannot be read there
// is nothing to say.
void AddSeenLabels(Session& session, proto::World* world);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_SEEN_LABELS_H_
