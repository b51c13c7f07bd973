// SPDX-License-Identifier: Apache-2.0
//
// What is forgotten with a thing that is made anew, and comes back by lines of
// its own: the partitions of a namespace, the queue of a volume.
//
// Threading: pure functions of Worlds and steps.
#ifndef DMDAX_TOOLS_CHECK_MADE_AGAIN_H_
#define DMDAX_TOOLS_CHECK_MADE_AGAIN_H_

#include <string>
#include <vector>

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure_steps.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// A namespace that is made anew is empty: all of its partitions at once, in
// place of steps about single ones.  `cured` is the part of the machine with
// the cures.
void MakePartitionsAgain(const StandsOn& stands_on, const proto::World& cured,
                         CureSteps* steps);

// What partitions have no more that are made again so.
std::vector<std::string> PartitionRemarks(const CureSteps& steps);

// What is to be known of a spare of pools' metadata that goes.
std::string SpareRemark(const std::string& vg, const std::string& lv);

// Of LVM2's volumes that cannot be written, and are made again to be.
std::vector<std::string> ReadOnlyRemarks(const Session& machine,
                                         const StandsOn& stands_on,
                                         const BdevSet& gone);

// Of containers that cryptsetup opened: their keys are on what goes.
std::vector<std::string> KeyRemarks(const Session& machine,
                                    const StandsOn& stands_on,
                                    const BdevSet& gone);

// For each volume that is made.
void TellQueuesAgain(const proto::World& cured, CureSteps* steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_MADE_AGAIN_H_
