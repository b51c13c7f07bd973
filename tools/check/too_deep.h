// SPDX-License-Identifier: Apache-2.0
//
// What is not walked: more mapped devices on each other than dm/stack_depth.h
// has levels (what a touch gets there nobody knows, as the kernel has no such
// limit, and none of its stacks is so deep), and more of them for one question
// than dm/walk_budget.h allows.
//
// Threading: as Machine and DmCtl.
#ifndef DMDAX_TOOLS_CHECK_TOO_DEEP_H_
#define DMDAX_TOOLS_CHECK_TOO_DEEP_H_

#include <cstdint>

#include "absl/status/status.h"
#include "block/block_device.h"
#include "state/session.h"

namespace dmdax {

// EOPNOTSUPP, in words for people.
absl::Status StackTooDeep();

// How many mapped devices with tables lie on each other there, `bdev` included,
// counted no further than one more than are walked; of null 0.
int StackLevels(const Session& session, BlockDevice* bdev);

// OK, or that of what `bdev` stands on; null stands on nothing.
absl::Status CheckStackDepth(const Session& session, BlockDevice* bdev);

// How many pages of a subject on so many levels may be asked one by one.
uint64_t MostAsked(int levels);

// OK, or EFBIG: what this thread's question may walk is spent.
absl::Status CheckWalkBudget();

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_TOO_DEEP_H_
