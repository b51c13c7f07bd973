// SPDX-License-Identifier: Apache-2.0
//
// xfs's decision about DAX.  Mirrors xfs_fs_fill_super and
// xfs_setup_dax_always of fs/xfs/xfs_super.c (4.14, 5.10, 6.1).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "fs/dax_mounter.h"

namespace dmdax {

absl::StatusOr<SuperBlock> DaxMounter::Xfs() {
  if (absl::Status s = FsParamOptions("xfs"); !s.ok()) return s;
  const bool by_bdev = asks_bdev_only();
  if (by_bdev) sb_.dax_dev = FsDaxGetByBdev(bdev_, profile_, log_);
  const bool always = sb_.dax == DaxMode::kAlways;
  if (always &&
      profile_.xfs_says_experimental == XfsDaxExperimental::kWhenAsked) {
    Say(KernLevel::kWarn, kDaxExperimental);
  }
  if (!by_bdev && (always || profile_.has_dax_modes)) {
    // Unasked, xfs takes the device as it is.
    if (always) {
      BdevDaxSupported();
    } else {
      sb_.dax_dev = bdev_.host_dax_dev();
    }
  }
  if (always) {
    if (absl::Status s = XfsSetupDaxAlways(); !s.ok()) return s;
  }
  if (request_.block_size != kPageSize) sb_.dax_dev = nullptr;
  return Done();
}

absl::Status DaxMounter::XfsSetupDaxAlways() {
  const auto turn_off = [this](absl::string_view words) {
    Say(KernLevel::kWarn, absl::StrCat(words, " Turning off DAX."));
    sb_.dax = DaxMode::kNever;
  };
  const bool may_have_reflink =
      profile_.xfs_dax_reflink == XfsDaxReflink::kNotPartitions;
  if (sb_.dax_dev == nullptr) {
    turn_off("DAX unsupported by block device.");
    if (may_have_reflink) return absl::OkStatus();
  } else if (may_have_reflink && request_.block_size != kPageSize) {
    turn_off("DAX not supported for blocksize.");
    return absl::OkStatus();
  }
  if (request_.reflink) {
    switch (profile_.xfs_dax_reflink) {
      case XfsDaxReflink::kUntested:
        Say(KernLevel::kWarn, "DAX and reflink have not been tested together!");
        break;
      case XfsDaxReflink::kRefused:
        return Refuse(KernLevel::kWarn,
                      "DAX and reflink cannot be used together!");
      case XfsDaxReflink::kNotPartitions:
        if (!bdev_.is_partition()) break;
        return Refuse(KernLevel::kWarn,
                      "DAX and reflink cannot work with multi-partitions!");
    }
  }
  if (profile_.xfs_says_experimental == XfsDaxExperimental::kWhenGranted) {
    Say(KernLevel::kWarn, kDaxExperimental);
  }
  return absl::OkStatus();
}

}  // namespace dmdax
