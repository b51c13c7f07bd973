// SPDX-License-Identifier: Apache-2.0
//
// Mounts that no list makes again: those of a directory of a file system, of
// which nobody knows the rest, and those that lie under another mount of their
// path.
//
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_MOUNT_IN_PART_H_
#define DMDAX_TOOLS_CHECK_MOUNT_IN_PART_H_

#include <string>

#include "block/block_device.h"
#include "state/session.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_steps.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// The directory of its file system that a mount of the World shows; "": all of
// it, as far as is known.
std::string PartAt(const StandsOn& stands_on, const std::string& at);

// Each is "" if it stands in no list's way.

// Whoever saves what such a mount shows loses the rest, and what mounts its
// device mounts all of it there.
std::string MountInPart(const Session& machine, const StandsOn& stands_on,
                        const BdevSet& gone, const CureSteps& steps);

// One that is unmounted only when the one over it is.
std::string HiddenMount(const Session& machine, const StandsOn& stands_on,
                        const BdevSet& gone, const CureSteps& steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_MOUNT_IN_PART_H_
