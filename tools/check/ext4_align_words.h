// SPDX-License-Identifier: Apache-2.0
//
// What mkfs.ext4 and mkfs.ext2 are told so that large files lie at boundaries
// of 2 MiB.
//
//   Ext4AlignWords(260 << 20)  ->  " -E stride=512,stripe_width=512 -i 16384"
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_EXT4_ALIGN_WORDS_H_
#define DMDAX_TOOLS_CHECK_EXT4_ALIGN_WORDS_H_

#include <cstdint>
#include <string>

namespace dmdax {

// Of a file system of so many bytes, in blocks of 4 KiB.  Below 512 MiB mke2fs
// makes an inode for each 4 KiB.  Where the last group is too small for its
// part of them it is left out, the others then have more inodes than a group
// may have, and mke2fs makes groups smaller until it fits: 32560 blocks in
// place of 32768, say.  ext4 aligns blocks within their group, so that in none
// but the first group a file lies at a boundary of 2 MiB.  An inode for each
// 16 KiB, as larger file systems have, keeps the groups as they are.
// Mirrors: ext2fs_initialize of lib/ext2fs/initialize.c (e2fsprogs 1.47).
std::string Ext4AlignWords(uint64_t bytes);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_EXT4_ALIGN_WORDS_H_
