// SPDX-License-Identifier: Apache-2.0
//
// Names of block devices as /sys/dev/block tells them.
//
// Mirrors: dm_device_get_name of libdm/libdm-common.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_BLOCK_NAME_H_
#define DMDAX_TOOLS_DMSETUP_BLOCK_NAME_H_

#include <optional>
#include <string>

#include "tools/dmsetup/dm_task.h"

namespace dmdax {

// _sysfs_get_kernel_name(): the disk's name ("dm-0"), nothing when there is no
// disk of this number.
inline std::optional<std::string> BlockName(DmsetupContext& ctx, DevT dev) {
  if (BlockDevice* bdev = ctx.ctl.machine().FindBdev(dev)) return bdev->name();
  return std::nullopt;
}

// _sysfs_get_dm_name(): the mapped device's name, as the kernel has it.
inline std::optional<std::string> MappedName(DmsetupContext& ctx, DevT dev) {
  if (ctx.ctl.machine().FindBdev(dev) != nullptr) {
    if (auto md = ctx.ctl.FindMinor(dev.minor_nr)) return md->dm_name();
  }
  return std::nullopt;
}

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_BLOCK_NAME_H_
