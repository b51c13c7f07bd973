// SPDX-License-Identifier: Apache-2.0
//
// ExtExtents: where the blocks of an inode are, whether it has extents or
// indirect blocks.
//
// All inodes together have no more blocks than the file system, and no more
// than kMostExtents; so a tree that leads back to itself ends.
// Threading: thread-compatible.
#ifndef DMDAX_PROCESS_SCAN_EXT_EXTENTS_H_
#define DMDAX_PROCESS_SCAN_EXT_EXTENTS_H_

#include <ext2fs/ext2fs.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "iomap/file_extents.h"
#include "process/scan/ext_io.h"
#include "process/scan/ext_scan.h"

namespace dmdax {

class ExtExtents {
 public:
  // Both outlive it.
  ExtExtents(const ExtIo& io, ext2_filsys fs)
      : io_(io), fs_(fs), blocks_(ext2fs_blocks_count(fs->super)) {}

  // Of an inode without inline data.
  absl::StatusOr<std::vector<FileExtent>> Of(ext2_ino_t ino, ext2_inode inode);

  // One more in the list of extents of all.
  absl::Status CountExtent();

 private:
  // `end`: of the extent before, in blocks of the file.
  static absl::Status CheckEntry(const ext2fs_extent& e, uint64_t end);
  absl::Status WalkTree(ext2_ino_t ino, ext2_inode& inode);
  absl::Status WalkIndirect(ext2_ino_t ino);
  static int OnBlock(ext2_filsys fs, blk64_t* block, e2_blkcnt_t count, blk64_t,
                     int, void* self);
  absl::Status Add(uint64_t logical, uint64_t physical, uint64_t blocks,
                   uint16_t type);
  absl::Status CountBlocks(uint64_t blocks);

  const ExtIo& io_;
  const ext2_filsys fs_;
  uint64_t blocks_;  // that nobody had so far
  uint64_t extents_ = kMostExtents;
  std::vector<FileExtent> found_;
  absl::Status status_;  // of OnBlock()
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SCAN_EXT_EXTENTS_H_
