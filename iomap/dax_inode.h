// SPDX-License-Identifier: Apache-2.0
//
// DaxInode: one regular file of a file system, DAX or not: its size, extents,
// DAX entries and the device it lies on.
//
//   DaxInode inode(profile, mem);
//   inode.i_size = 8 << 20;
//   inode.dax_dev = &mapped_device.dax_dev();
//   inode.extents.Insert({.physical = 18874368, .length = 8 << 20});
//   inode.PunchHole(4096, 4096);
//
// Changes of the file (truncate, punch, zero, fallocate) unmap what they must
// everywhere and drop the DAX entries, as the kernel does before it touches
// the blocks.
// Mirrors: ext4_punch_hole, ext4_zero_range, truncate_pagecache,
// dax_writeback_mapping_range (6.1).  Threading: thread-compatible.
#ifndef DMDAX_IOMAP_DAX_INODE_H_
#define DMDAX_IOMAP_DAX_INODE_H_

#include <cstdint>

#include "base/fault_profile.h"
#include "dax/dax_device.h"
#include "iomap/block_allocator.h"
#include "iomap/dax_entry.h"
#include "iomap/file_extents.h"
#include "iomap/known_holes.h"
#include "mm/mm_struct.h"

namespace dmdax {

struct DaxInode : Inode, FileSync {
  DaxInode(const FaultProfile& fault_profile, MemMap& mem_map);

  const FaultProfile* const profile;
  MemMap* const mem;
  AddressSpace mapping;
  FileExtents extents;
  KnownHoles known_holes;  // ext4
  DaxEntries entries;
  DaxDevice* dax_dev = nullptr;
  // Bytes from the start of dax_dev to the start of the file system's
  // device: a partition.
  uint64_t dax_part_off = 0;
  BlockAllocator* allocator = nullptr;  // null: no space
  uint64_t extsize = 0;                 // extent size hint, bytes (xfs)
  // Metadata that fdatasync() would have to write: IOMAP_F_DIRTY.
  bool datasync_dirty = false;
  // A write-back of the range precedes a hole (ext4 until 6.x, xfs).
  bool punch_writes_back = true;
  // Zeroing a range frees its blocks and allocates anew (xfs), after writing
  // it back.
  bool zero_reallocates = false;
  bool has_extents = true;  // ext4: not an indirect-block file
  bool inline_data = false;
  FaultRecorder* recorder = nullptr;  // for write-back events

  // ftruncate(): pages beyond the new size go.
  void Truncate(uint64_t size);
  // fallocate(): PUNCH_HOLE (with KEEP_SIZE, as it must), ZERO_RANGE (becomes
  // unwritten, and may make the file longer), plain.
  void PunchHole(uint64_t offset, uint64_t length);
  void ZeroRange(uint64_t offset, uint64_t length);
  int Fallocate(uint64_t offset, uint64_t length, bool keep_size);

  // vfs_fsync_range(): writes back DAX pages, commits metadata.
  int FsyncRange(uint64_t start, uint64_t end, bool datasync) override;
  // dax_writeback_mapping_range() of bytes [start, end].
  void Writeback(uint64_t start, uint64_t end);

  // dax_layout_busy_page(): a DAX file is unmapped everywhere before its
  // blocks may go, whatever the range.
  void BreakLayouts();

  // Drops what the page tables and entries hold of pages [first, +nr);
  // nr == 0: to the end.
  void Invalidate(uint64_t first, uint64_t nr, EvenCows even_cows);
};

}  // namespace dmdax

#endif  // DMDAX_IOMAP_DAX_INODE_H_
