// SPDX-License-Identifier: Apache-2.0
#include "block/queue_sysfs.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/read_ahead.h"

namespace dmdax {

absl::Status QueueMaxSectorsStore(BlockDevice& bdev, uint32_t max_sectors_kb,
                                  const KernelProfile& profile) {
  constexpr uint32_t kPageKb = kPageSize / 1024;
  QueueLimits limits = bdev.queue().limits();
  if (profile.max_sectors_rule == MaxSectorsRule::kValidated) {
    // 0 is the default again, and blk_validate_limits() cuts what is too much.
    if (max_sectors_kb != 0 && max_sectors_kb < kPageKb) {
      return ErrnoError(
          EINVAL, absl::StrCat(bdev.name(), ": max_sectors_kb is 0 or from ",
                               kPageKb, " on, not ", max_sectors_kb));
    }
    limits.max_user_sectors = max_sectors_kb * 2;
    BlkValidateLimits(profile, limits);
    bdev.queue().SetLimits(limits);
    // queue_limits_commit_update() applies all of them to the bdi.
    UpdateReadAhead(profile, bdev.queue());
    return absl::OkStatus();
  }
  uint32_t max_hw_kb = limits.max_hw_sectors / 2;
  if (limits.max_dev_sectors != 0) {
    max_hw_kb = std::min(max_hw_kb, limits.max_dev_sectors / 2);
  }
  if (max_sectors_kb < kPageKb || max_sectors_kb > max_hw_kb) {
    return ErrnoError(
        EINVAL, absl::StrCat(bdev.name(), ": max_sectors_kb is ", kPageKb,
                             " to ", max_hw_kb, ", not ", max_sectors_kb));
  }
  limits.max_sectors = max_sectors_kb * 2;
  limits.max_user_sectors = max_sectors_kb * 2;
  bdev.queue().SetLimits(limits);
  return absl::OkStatus();
}

}  // namespace dmdax
