// SPDX-License-Identifier: Apache-2.0
//
// FsRoom: what files can have of a file system that MkfsLine() makes anew.
//
// Inode tables, the journal, the tables for growing and what the kernel keeps
// back take the rest; of 64 MiB of ext4 those are more than 10.
//
// Of ext4 held against mke2fs 1.47 (tests/check/fs_room_test.cc).  Mirrors:
// mke2fs.conf; ext2fs_initialize of lib/ext2fs/initialize.c,
// ext2fs_default_journal_size of lib/ext2fs/mkjournal.c (1.47);
// ext4_has_free_clusters of fs/ext4/balloc.c, ext4_set_resv_clusters of
// fs/ext4/extents.c (6.1).  Of xfs rounded down: calculate_log_size of
// mkfs/xfs_mkfs.c (6.1), xfs_default_resblks of fs/xfs/xfs_mount.c (6.1).
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_FS_ROOM_H_
#define DMDAX_TOOLS_CHECK_FS_ROOM_H_

#include <cstdint>

#include "state/world.pb.h"

namespace dmdax {

struct FsRoomBytes {
  uint64_t all = 0;    // in all blocks
  uint64_t pages = 0;  // in pages of 2 MiB, no more than that
};

// `mount` is what it will be mounted as, type ext4 or xfs, on a device of so
// many bytes.
FsRoomBytes FsRoom(const proto::Mount& mount, uint64_t bytes);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FS_ROOM_H_
