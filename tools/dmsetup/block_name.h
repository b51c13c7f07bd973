// SPDX-License-Identifier: Apache-2.0
//
// Names of block devices as /sys/dev/block tells them.
#ifndef DMDAX_TOOLS_DMSETUP_BLOCK_NAME_H_
#define DMDAX_TOOLS_DMSETUP_BLOCK_NAME_H_

#include <optional>
#include <string>

#include "tools/dmsetup/dm_task.h"

namespace dmdax {

// dm_device_get_name(): the disk's name ("dm-0"), nothing when there is no
// disk of this number.
inline std::optional<std::string> BlockName(DmsetupContext& ctx, DevT dev) {
  BlockDevice* bdev = ctx.ctl.machine().FindBdev(dev);
  if (bdev == nullptr) return std::nullopt;
  return bdev->name();
}

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_BLOCK_NAME_H_
