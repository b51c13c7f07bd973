// SPDX-License-Identifier: Apache-2.0
#include "fs/xfs_super.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "fs/xfs_devices.h"
#include "fs/xfs_params.h"

namespace dmdax {
namespace {

absl::Status XfsSetupDaxAlways(FsContext& fc, const XfsDevices& devices) {
  const auto turn_off = [&fc](absl::string_view words) {
    fc.Say(KernLevel::kWarn, absl::StrCat(words, " Turning off DAX."));
    fc.sb().dax = DaxMode::kNever;
  };
  const bool may_have_reflink =
      fc.profile().xfs_dax_reflink == XfsDaxReflink::kNotPartitions;
  if (fc.sb().dax_dev == nullptr && !devices.RealtimeHasDax(fc)) {
    turn_off("DAX unsupported by block device.");
    if (may_have_reflink) return absl::OkStatus();
  } else if (may_have_reflink && fc.request().block_size != kPageSize) {
    turn_off("DAX not supported for blocksize.");
    return absl::OkStatus();
  }
  if (fc.request().reflink) {
    switch (fc.profile().xfs_dax_reflink) {
      case XfsDaxReflink::kUntested:
        fc.Say(KernLevel::kWarn,
               "DAX and reflink have not been tested together!");
        break;
      case XfsDaxReflink::kRefused:
        return fc.Refuse(KernLevel::kWarn,
                         "DAX and reflink cannot be used together!");
      case XfsDaxReflink::kNotPartitions:
        if (!fc.bdev().is_partition()) break;
        return fc.Refuse(KernLevel::kWarn,
                         "DAX and reflink cannot work with multi-partitions!");
    }
  }
  if (fc.profile().xfs_says_experimental == XfsDaxExperimental::kWhenGranted) {
    fc.Say(KernLevel::kWarn, kDaxExperimental);
  }
  return absl::OkStatus();
}

// What only file systems on zoned devices take.
absl::Status XfsZonedOptions(FsContext& fc) {
  for (absl::string_view option : fc.Options()) {
    const absl::string_view name = option.substr(0, option.find('='));
    if (name != "nolifetime" &&
        (name != "max_open_zones" || option == "max_open_zones=0")) {
      continue;
    }
    return fc.Refuse(
        KernLevel::kWarn,
        absl::StrCat(name,
                     " mount option only supported on zoned file systems."));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SuperBlock> XfsFillSuper(FsContext& fc) {
  if (absl::Status s = fc.ParseOptions(XfsParams(fc.profile())); !s.ok())
    return s;
  for (absl::string_view option : fc.Options()) {
    // Without CONFIG_XFS_DEBUG.
    if (absl::StartsWith(option, "errortag=")) {
      return ErrnoError(ENOSYS, "errortag: debugging kernels have it");
    }
  }
  const std::string invalid = XfsWhyInvalid(fc.profile(), fc.Options());
  if (invalid == " ") return ErrnoError(EINVAL, "no size");
  if (!invalid.empty()) return fc.Refuse(KernLevel::kWarn, invalid);
  XfsDevices devices;
  if (absl::Status s = devices.Open(fc); !s.ok()) return s;
  const bool by_bdev = fc.asks_bdev_only();
  if (by_bdev) fc.GetDaxByBdev();
  if (absl::Status s = devices.CheckLog(fc); !s.ok()) return s;
  if (fc.request().block_size > kPageSize &&
      !fc.profile().xfs_has_large_blocks) {
    constexpr absl::string_view kWords =
        "Only pagesize (4096) or less will currently work.";
    fc.Say(KernLevel::kWarn,
           absl::StrCat("File system with blocksize ", fc.request().block_size,
                        " bytes. ", kWords));
    return ErrnoError(ENOSYS, kWords);
  }
  // xfs_finish_flags().
  if (!fc.request().xfs_v4 && !fc.profile().xfs_attr2_is_dead &&
      fc.HasOption("noattr2")) {
    return fc.Refuse(KernLevel::kWarn,
                     "Cannot mount a V5 filesystem as noattr2. attr2 is always "
                     "enabled for V5 filesystems.");
  }
  if (absl::Status s = XfsZonedOptions(fc); !s.ok()) return s;
  const bool always = fc.sb().dax == DaxMode::kAlways;
  if (always &&
      fc.profile().xfs_says_experimental == XfsDaxExperimental::kWhenAsked) {
    fc.Say(KernLevel::kWarn, kDaxExperimental);
  }
  if (!by_bdev && (always || fc.profile().has_dax_modes)) {
    // If DAX was not asked for, xfs does not check the device.
    if (always) {
      fc.BdevDaxSupported();
    } else {
      fc.sb().dax_dev = fc.bdev().host_dax_dev();
    }
  }
  if (always) {
    if (absl::Status s = XfsSetupDaxAlways(fc, devices); !s.ok()) return s;
  }
  const std::string alignment = XfsWhyMisaligned(fc.request(), fc.Options());
  if (!alignment.empty()) return fc.Refuse(KernLevel::kWarn, alignment);
  // DAX needs blocks of a page; xfs does not say so unless DAX was asked for.
  if (fc.request().block_size != kPageSize) fc.sb().dax_dev = nullptr;
  return fc.Done();
}

}  // namespace dmdax
