// SPDX-License-Identifier: Apache-2.0
//
// BdevSet: devices of one machine, in the order of their numbers: what is said
// of them is the same in each run, wherever they lie in memory.
//
// Threading: a value.
#ifndef DMDAX_TOOLS_CHECK_BDEV_SET_H_
#define DMDAX_TOOLS_CHECK_BDEV_SET_H_

#include <set>

#include "block/block_device.h"

namespace dmdax {

struct ByNumber {
  bool operator()(const BlockDevice* a, const BlockDevice* b) const {
    return a->dev() < b->dev();
  }
};
using BdevSet = std::set<BlockDevice*, ByNumber>;

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_BDEV_SET_H_
