// SPDX-License-Identifier: Apache-2.0
//
// What xfs makes of its mount options, as far as they concern DAX or are
// refused.
//
// Mirrors: fs/xfs/xfs_super.c xfs_fs_fill_super, xfs_setup_dax_always,
// xfs_finish_flags (4.14, 5.10, 6.1, 7.2).
// Threading: thread-compatible.
#ifndef DMDAX_FS_XFS_SUPER_H_
#define DMDAX_FS_XFS_SUPER_H_

#include <string>

#include "absl/status/statusor.h"
#include "fs/fs_context.h"

namespace dmdax {

// FileSystemType::fill_super.
absl::StatusOr<SuperBlock> XfsFillSuper(FsContext& fc);

}  // namespace dmdax

#endif  // DMDAX_FS_XFS_SUPER_H_
