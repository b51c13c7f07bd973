// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_profile.h"

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

// Each profile is the one before it with what changed; reading them top to
// bottom is reading the history.

KernelProfile V4_14() {
  return KernelProfile{
      .name = "v4_14",
      .version = "4.14",
      .column = KernelColumn::kV4_14,
      .dm_ioctl_version = {4, 37, 0},
      .dm_ioctl_version_date = "2017-09-20",
      .dm_last_ioctl = 16,
      .dm_target_error_has_errno = false,
      .dm_checks_too_large_device = false,
      .dm_add_disk = DmAddDisk::kAtCreate,
      .dm_sets_type_before_queue = true,
      .dm_bad_path = DmBadPath::kNoDevice,
      .dm_devnum_comes_first = false,
      .dm_name_check = DmNameCheck::kSlash,
      .dm_logs_bad_selection = false,
      .dm_list_order = DmListOrder::kHashBuckets,
      .dm_list_has_uuid = false,
      .dm_checks_target_specs = false,
      .dm_refuses_itself = false,
      .dm_dax_check_recurses = false,
      .dm_wildcard_is_never_dax = false,
      .sscanf_overflow = SscanfOverflow::kWraps,
      .dm_dax_alignment = DmDaxAlignment::kRejects,
      .dm_dax_check = DmDaxCheck::kAnyLegQueueFlag,
      .dax_returns_negative_nr = true,
      .dax_poison_errno = EIO,
      .pmem_dax_needs_pages = false,
      .dax_mount_check = DaxMountCheck::kVfsProbe,
      .has_dax_modes = false,
      .ext4_has_mount_api = false,
      .ext4_says_experimental = true,
      .xfs_says_experimental = XfsDaxExperimental::kWhenAsked,
      .xfs_dax_reflink = XfsDaxReflink::kUntested,
      .fs_dax_checks_partition = false,
      .dm_max_io_len_has_max_sectors = false,
      .delay_has_flush_class = false,
      .flakey_rules = FlakeyRules::kFailsUnlessTold,
      .multipath_bio_retains_handler = true,
      .thin_discards_1024_blocks = false,
      .writecache_has_metadata_only = false,
      .writecache_has_counters = false,
      .read_ahead = ReadAheadRule::kFixed,
      .blk_def_max_sectors = 2560,
      .max_sectors_rule = MaxSectorsRule::kStacked,
      .stripe_sets_chunk_sectors = false,
      .stripe_scales_discards = false,
  };
}

KernelProfile V5_10() {
  KernelProfile p = V4_14();
  p.name = "v5_10";
  p.version = "5.10";
  p.column = KernelColumn::kV5_10;
  p.dm_ioctl_version[1] = 43;
  p.dm_ioctl_version_date = "2020-10-01";
  p.dm_last_ioctl = 17;
  p.dm_checks_too_large_device = true;
  p.dm_devnum_comes_first = true;
  p.dm_dax_check_recurses = true;
  p.dm_dax_check = DmDaxCheck::kGenericFsdaxSupported;
  p.pmem_dax_needs_pages = true;
  p.dax_mount_check = DaxMountCheck::kBdevDaxSupported;
  p.has_dax_modes = true;
  p.xfs_dax_reflink = XfsDaxReflink::kRefused;
  p.dm_max_io_len_has_max_sectors = true;
  p.delay_has_flush_class = true;
  p.read_ahead = ReadAheadRule::kTwiceOptimal;
  return p;
}

KernelProfile V6_1() {
  KernelProfile p = V5_10();
  p.name = "v6_1";
  p.version = "6.1";
  p.column = KernelColumn::kV6_1;
  p.dm_ioctl_version[1] = 47;
  p.dm_ioctl_version_date = "2022-07-28";
  p.dm_target_error_has_errno = true;
  p.dm_logs_bad_selection = true;
  p.dm_add_disk = DmAddDisk::kAtFirstLoad;
  p.dm_sets_type_before_queue = false;
  p.dm_list_order = DmListOrder::kByName;
  p.dm_list_has_uuid = true;
  p.dm_dax_check_recurses = false;
  p.dm_dax_alignment = DmDaxAlignment::kRoundsDown;
  p.dm_dax_check = DmDaxCheck::kLegHasDaxDevice;
  p.dax_returns_negative_nr = false;
  p.dax_mount_check = DaxMountCheck::kFsDaxGetByBdev;
  p.ext4_has_mount_api = true;
  p.ext4_says_experimental = false;
  p.xfs_says_experimental = XfsDaxExperimental::kWhenGranted;
  p.xfs_dax_reflink = XfsDaxReflink::kNotPartitions;
  p.fs_dax_checks_partition = true;
  p.writecache_has_metadata_only = true;
  p.writecache_has_counters = true;
  return p;
}

KernelProfile V6_12() {
  KernelProfile p = V6_1();
  p.name = "v6_12";
  p.version = "6.12";
  p.column = KernelColumn::kV6_12;
  p.dm_ioctl_version[1] = 48;
  p.dm_ioctl_version_date = "2023-03-01";
  p.dm_bad_path = DmBadPath::kLookupsErrno;
  p.dm_name_check = DmNameCheck::kSlashAndReserved;
  p.dm_refuses_itself = true;
  p.dm_checks_target_specs = true;
  p.dm_wildcard_is_never_dax = true;
  p.dax_poison_errno = EHWPOISON;
  p.xfs_says_experimental = XfsDaxExperimental::kNever;
  p.flakey_rules = FlakeyRules::kToldToFail;
  p.thin_discards_1024_blocks = true;
  p.read_ahead = ReadAheadRule::kNeverLess;
  p.max_sectors_rule = MaxSectorsRule::kValidated;
  p.stripe_sets_chunk_sectors = true;
  return p;
}

// Of the device half no kernel was recorded between 6.12 and 7.2; the fault
// half (base/fault_profile.h) is what makes 6.15 worth a name.
KernelProfile V6_15() {
  KernelProfile p = V6_12();
  p.name = "v6_15";
  p.version = "6.15";
  p.dm_ioctl_version[1] = 49;
  p.dm_ioctl_version_date = "2025-01-17";
  return p;
}

KernelProfile V7_2() {
  KernelProfile p = V6_15();
  p.name = "v7_2";
  p.version = "7.2";
  p.column = KernelColumn::kV7_2;
  p.dm_ioctl_version[1] = 50;
  p.dm_ioctl_version_date = "2025-04-28";
  p.sscanf_overflow = SscanfOverflow::kSaturates;
  p.flakey_rules = FlakeyRules::kChecksRandomWrites;
  p.blk_def_max_sectors = 8192;
  p.stripe_scales_discards = true;
  p.multipath_bio_retains_handler = false;
  return p;
}

const std::vector<KernelProfile>& Profiles() {
  static const auto* profiles = new std::vector<KernelProfile>{
      V4_14(), V5_10(), V6_1(), V6_12(), V6_15(), V7_2()};
  return *profiles;
}

}  // namespace

std::string KernelProfile::ErrnoSuffix(int err) const {
  if (!dm_target_error_has_errno) return "";
  return absl::StrCat(" (-", ErrnoName(err), ")");
}

absl::StatusOr<const KernelProfile*> FindKernelProfile(absl::string_view name) {
  for (const KernelProfile& profile : Profiles()) {
    if (name == profile.name || name == profile.version ||
        absl::StartsWith(name, profile.version + ".")) {
      return &profile;
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "no kernel profile '", name, "'; there are ",
      absl::StrJoin(Profiles(), ", ",
                    [](std::string* out, const KernelProfile& profile) {
                      absl::StrAppend(out, profile.name);
                    })));
}

const KernelProfile& DefaultKernelProfile() {
  static const KernelProfile& profile = **FindKernelProfile("v6_1");
  return profile;
}

absl::Span<const KernelProfile> AllKernelProfiles() { return Profiles(); }

}  // namespace dmdax
