// SPDX-License-Identifier: Apache-2.0
//
// Where an ext4 has a super block that a mount can be told of: sb=N, the N-th
// KiB of the device.
// With blocks of 4 KiB the first is sb=1, and that of group 1 sb=131072.
//
// Groups are as large as mke2fs makes them, and those that are 1 or a power of
// 3, 5 or 7 have a copy (sparse_super, which it gives to all).
//
// Mirrors: ext4_load_super, ext4_bg_has_super of fs/ext4 (6.1).
// Threading: pure functions.
#ifndef DMDAX_FS_EXT4_BACKUP_H_
#define DMDAX_FS_EXT4_BACKUP_H_

#include <cstdint>

namespace dmdax {

// Of a file system with blocks of `block_size` bytes that covers a device of
// `nr_sectors`.
bool Ext4HasSuperBlock(uint64_t block_size, uint64_t nr_sectors, uint64_t kib);

}  // namespace dmdax

#endif  // DMDAX_FS_EXT4_BACKUP_H_
