// SPDX-License-Identifier: Apache-2.0
//
// What lays a subject's devices out anew, from the wish on.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_AFRESH_LINE_H_
#define DMDAX_TOOLS_CHECK_AFRESH_LINE_H_

#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/subject.h"

namespace dmdax {

// "dmdax advise pmem0 --fs ext4"; "": advise has no words for it.  `top` is the
// subject's device on the machine.
std::string AfreshLine(const Session& machine, BlockDevice* top,
                       const proto::World& cured, const Subject& subject);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_AFRESH_LINE_H_
