// SPDX-License-Identifier: Apache-2.0
//
// What a cure has taken away with the target of a volume: the images of a
// mirror that is one copy now, the snapshots of a plain volume.  They go with
// that volume, and no list has to make them again.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_NO_MORE_H_
#define DMDAX_TOOLS_CHECK_NO_MORE_H_

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// Whether `bdev`, of the machine, is a part of a volume that is plain in
// `cured`, or stands on such a part.
bool IsNoMore(const Session& machine, const StandsOn& stands_on,
              const proto::World& cured, BlockDevice& bdev);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_NO_MORE_H_
