// SPDX-License-Identifier: Apache-2.0
//
// ext4's decision about DAX, and ext2's own driver's.  Mirrors ext4_fill_super,
// handle_mount_opt, ext4_parse_param (5.10, 6.1), ext2_fill_super (6.1).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "fs/dax_mounter.h"

namespace dmdax {

absl::StatusOr<SuperBlock> DaxMounter::Ext4() {
  const bool by_bdev = asks_bdev_only();
  if (by_bdev) sb_.dax_dev = FsDaxGetByBdev(bdev_, profile_, log_);
  if (absl::Status s = Ext4Options(); !s.ok()) return s;
  const bool always = sb_.dax == DaxMode::kAlways;
  if (sb_.journals_data && always) {
    return Refuse(KernLevel::kErr,
                  "can't mount with both data=journal and dax");
  }
  if (by_bdev && sb_.dax_dev != nullptr && request_.block_size != kPageSize) {
    sb_.dax_dev = nullptr;
    // The line feed is the kernel's.
    Say(KernLevel::kErr, "unsupported blocksize for DAX\\x0a");
  }
  // 4.14 asks for nothing that was not demanded.
  const bool asks = profile_.has_dax_modes || always;
  if (!by_bdev && asks && profile_.has_dax_modes) BdevDaxSupported();
  if (always && request_.inline_data) {
    return Refuse(KernLevel::kErr,
                  "Cannot use DAX on a filesystem that may contain inline "
                  "data");
  }
  if (!by_bdev && asks && !profile_.has_dax_modes) BdevDaxSupported();
  if (always && sb_.dax_dev == nullptr) {
    if (!profile_.has_dax_modes) {
      // The check has said why.
      return ErrnoError(EINVAL, "the mount is refused");
    }
    return Refuse(KernLevel::kErr, "DAX unsupported by block device.");
  }
  return Done();
}

absl::Status DaxMounter::Ext4Options() {
  if (!profile_.ext4_has_mount_api) return Ext4OwnOptions();
  if (absl::Status s = FsParamOptions("ext4"); !s.ok()) return s;
  if (is_ext2()) {
    for (absl::string_view option : Options()) {
      if (option.substr(0, 4) != "dax=") continue;
      return RefuseParameter("EXT4-fs: Mount option(s) incompatible with ext2");
    }
  }
  return absl::OkStatus();
}

absl::Status DaxMounter::Ext4OwnOptions() {
  for (absl::string_view option : Options()) {
    if (option == "data=journal") sb_.journals_data = true;
    const bool has_value = option.substr(0, 4) == "dax=";
    if (IsUnknown(option) || (has_value && !SetMode(option.substr(4)))) {
      return Refuse(KernLevel::kErr,
                    absl::StrCat("Unrecognized mount option \"", option,
                                 "\" or missing value"));
    }
    if (has_value) {
      if (is_ext2()) {
        return Refuse(KernLevel::kErr,
                      absl::StrCat("Mount option \"", option,
                                   "\" incompatible with ext2"));
      }
    } else if (option == "dax") {
      sb_.dax = DaxMode::kAlways;
    } else {
      continue;
    }
    if (sb_.dax == DaxMode::kAlways && profile_.ext4_says_experimental) {
      Say(KernLevel::kWarn, kDaxExperimental);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<SuperBlock> DaxMounter::Ext2() {
  const bool by_bdev = asks_bdev_only();
  if (by_bdev) sb_.dax_dev = FsDaxGetByBdev(bdev_, profile_, log_);
  sb_.dax = DaxMode::kNever;
  for (absl::string_view option : Options()) {
    if (option == "dax") sb_.dax = DaxMode::kAlways;
  }
  if (sb_.dax != DaxMode::kAlways) return Done();
  Say(KernLevel::kWarn, kDaxExperimental);
  if (!by_bdev) BdevDaxSupported();
  if (sb_.dax_dev == nullptr) {
    Say(KernLevel::kErr, "DAX unsupported by block device. Turning off DAX.");
    sb_.dax = DaxMode::kNever;
  } else if (request_.block_size != kPageSize) {
    Say(KernLevel::kErr, "unsupported blocksize for DAX\\x0a");
    sb_.dax = DaxMode::kNever;
  }
  return Done();
}

}  // namespace dmdax
