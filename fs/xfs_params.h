// SPDX-License-Identifier: Apache-2.0
//
// The mount options of xfs.
// Mirrors: xfs_fs_parameters of fs/xfs/xfs_super.c (6.1).
#ifndef DMDAX_FS_XFS_PARAMS_H_
#define DMDAX_FS_XFS_PARAMS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/kernel_profile.h"
#include "fs/dax_mount.h"
#include "fs/fs_parser.h"

namespace dmdax {

absl::Span<const FsParam> XfsParams(const KernelProfile& profile);

// suffix_kstrtoint(): a number with K, M or G behind it; nothing: it is none.
std::optional<int64_t> XfsSuffixNumber(absl::string_view text);

// xfs_fs_validate_params(): why options that it knows are refused together or
// for their values; "" they are not.  A size that is no number is refused
// without a word: " ".
std::string XfsWhyInvalid(const KernelProfile& profile,
                          absl::Span<const absl::string_view> options);

// xfs_validate_new_dalign(): why sunit= and swidth= do not fit the file system,
// or "".  The size of allocation groups is not known here.
std::string XfsWhyMisaligned(const MountRequest& request,
                             absl::Span<const absl::string_view> options);

}  // namespace dmdax

#endif  // DMDAX_FS_XFS_PARAMS_H_
