// SPDX-License-Identifier: Apache-2.0
//
// What ext4 makes of its mount options, as far as they concern DAX or are
// refused.
//
// Mirrors: fs/ext4/super.c ext4_fill_super, handle_mount_opt,
// ext4_parse_param, ext4_check_opt_consistency (4.14, 5.10, 6.1, 7.2).
// Threading: thread-compatible.
#ifndef DMDAX_FS_EXT4_SUPER_H_
#define DMDAX_FS_EXT4_SUPER_H_

#include <string>

#include "absl/status/statusor.h"
#include "fs/fs_context.h"

namespace dmdax {

// FileSystemType::fill_super.
absl::StatusOr<SuperBlock> Ext4FillSuper(FsContext& fc);

// What /proc/mounts shows of dax=.
std::string Ext4ShowOptions(const SuperBlock& sb);

}  // namespace dmdax

#endif  // DMDAX_FS_EXT4_SUPER_H_
