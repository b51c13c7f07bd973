// SPDX-License-Identifier: Apache-2.0
//
// What xfs allocates behind the end of a file, and when it frees it again.
//
// Units are bytes; ends are multiples of the 4096-byte block.  A file system
// with little free space preallocates less; that is not modelled.
// Mirrors: xfs_eof_alignment, xfs_iomap_eof_align_last_fsb,
// xfs_iomap_prealloc_size (fs/xfs/xfs_iomap.c), xfs_release,
// xfs_can_free_eofblocks (6.1); xfs_file_release (6.12).
// Threading: pure functions of what they are given.
#ifndef DMDAX_FS_XFS_EOF_H_
#define DMDAX_FS_XFS_EOF_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "fs/file_system.h"
#include "iomap/dax_inode.h"

namespace dmdax {

// Of a mount, as its options say; /proc/mounts shows all of them.
struct XfsEof {
  uint64_t dalign = 0;         // stripe unit, "sunit="; 0: no stripes
  uint64_t align = 0;          // the same, or "swidth=" with "swalloc"
  uint64_t allocsize = 65536;  // the least that is preallocated
  bool always = false;         // "allocsize=": that much, and no more
};
XfsEof XfsEofOf(absl::string_view options);

// Where an allocation that reaches over the end of the file ends, instead of at
// `end`: at the next stripe unit or extent size hint behind all extents.
uint64_t XfsAlignEnd(const XfsEof& eof, const DaxInode& inode, uint64_t end);

// Where the reservation ends of a buffered write of bytes [pos, end) behind
// the last extent, which makes the file larger; at least RoundUp(end).
uint64_t XfsPreallocEnd(const XfsEof& eof, const DaxInode& inode, uint64_t pos,
                        uint64_t end);

// close(2) of a file: blocks behind its end are freed, but not for somebody
// who opens, writes and closes it again and again.
void XfsRelease(DaxInode& inode, OpenedFor opened);

}  // namespace dmdax

#endif  // DMDAX_FS_XFS_EOF_H_
