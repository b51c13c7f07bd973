// SPDX-License-Identifier: Apache-2.0
//
// DaxInode: one regular file of a file system, DAX or not: its size, extents,
// DAX entries and the device it lies on.
//
//   DaxInode inode(profile, mem);
//   inode.i_size = 8 << 20;
//   inode.dax_dev = &mapped_device.dax_dev();
//   inode.extents.Insert({.physical = 18874368, .length = 8 << 20});
//   inode.BreakLayouts();                      // unmaps it everywhere
//   inode.TruncatePagecacheRange(4096, 8192);  // and drops an entry
//
// Here are the steps that file systems put together (fs/file_system.h) to
// truncate a file or to punch holes.
// Mirrors: dax_layout_busy_page, dax_break_layout, truncate_pagecache,
// truncate_pagecache_range, invalidate_inode_pages2_range,
// dax_writeback_mapping_range (6.1; 7.2).  Threading: thread-compatible.
#ifndef DMDAX_IOMAP_DAX_INODE_H_
#define DMDAX_IOMAP_DAX_INODE_H_

#include <cstdint>
#include <optional>

#include "base/fault_profile.h"
#include "dax/dax_device.h"
#include "iomap/block_allocator.h"
#include "iomap/dax_entry.h"
#include "iomap/file_extents.h"
#include "iomap/known_holes.h"
#include "mm/mm_struct.h"

namespace dmdax {

struct DaxInode;

// Where the metadata of a file is made safe.
class FileJournal {
 public:
  virtual ~FileJournal() = default;
  // Before data is written back: 0 to go on, or -errno.
  virtual int BeforeFsync() { return 0; }
  // Writes what the inode has changed, for fdatasync(2) but its times; 0 or
  // -errno.
  enum class Syncs { kAll, kData };
  virtual int Commit(DaxInode& inode, Syncs syncs) = 0;
};

// What xfs remembers of a file in memory, and acts upon when it is closed.
struct XfsInodeFlags {
  bool prealloc = false;      // XFS_DIFLAG_PREALLOC: fallocate() was here
  bool truncated = false;     // XFS_ITRUNCATED
  bool eof_released = false;  // XFS_IDIRTY_RELEASE, XFS_EOFBLOCKS_RELEASED
  // i_disk_size, bytes, where it is not i_size: writes have made the file
  // larger, and are not all written back.
  std::optional<uint64_t> disk_size;
};

struct DaxInode : Inode, FileSync {
  DaxInode(const FaultProfile& fault_profile, MemMap& mem_map);

  const FaultProfile* const profile;
  MemMap* const mem;
  AddressSpace mapping;
  FileExtents extents;
  KnownHoles known_holes;  // ext4
  // ext4: blocks that the file has on disk, but not in the extent status tree,
  // because they could not be zeroed.
  FileExtents unseen_extents;
  DaxEntries entries;
  DaxDevice* dax_dev = nullptr;
  // Bytes from the start of dax_dev to the start of the file system's
  // device: a partition.
  uint64_t dax_part_off = 0;
  BlockAllocator* allocator = nullptr;  // null: no space
  uint64_t ra_pages = 32;               // bdi->ra_pages of the device
  uint64_t extsize = 0;                 // extent size hint, bytes (xfs)
  // Metadata that fdatasync() would have to write: IOMAP_F_DIRTY.
  bool datasync_dirty = false;
  bool has_extents = true;  // ext4: not an indirect-block file
  bool inline_data = false;
  bool reflinked = false;  // XFS_DIFLAG2_REFLINK: it may share blocks
  XfsInodeFlags xfs;
  FaultRecorder* recorder = nullptr;  // for events outside a fault
  FileJournal* journal = nullptr;     // null: a commit always succeeds

  // truncate_pagecache(): no page beyond `size` stays mapped or cached, not
  // even a private copy.
  void TruncatePagecache(uint64_t size);
  // truncate_pagecache_range(): the whole pages of [start, end), bytes, go;
  // private copies stay.  Of a range within the first page everything behind it
  // is unmapped.  What becomes of a large folio that is cut:
  // mm/truncate.h.
  void TruncatePagecacheRange(uint64_t start, uint64_t end);
  // Blocks for the holes and delayed allocations of [start, end), bytes in
  // whole blocks, unwritten; delayed ones as a whole, or as far as they are
  // asked for. 0 or -ENOSPC.
  enum class Delalloc { kWhole, kPart };
  int AllocateUnwritten(uint64_t start, uint64_t end, Delalloc delalloc);

  // vfs_fsync_range(): writes back DAX pages, commits metadata; 0 or what the
  // journal answers.
  int FsyncRange(uint64_t start, uint64_t end, bool datasync) override;
  // filemap_write_and_wait_range() of bytes [start, end].
  void Writeback(uint64_t start, uint64_t end);

  // dax_layout_busy_page(): a DAX file is unmapped everywhere before its
  // blocks may go, whatever the range.  Since 6.15 all its entries go too, the
  // dirty ones included (dax_break_layout).
  void BreakLayouts();

  // invalidate_inode_pages2_range(): unmaps pages [first, +nr) and drops their
  // entries; dirty ones stay, unless they are to go.
  enum class DirtyEntries { kKept, kDropped };
  void InvalidateClean(uint64_t first, uint64_t nr, DirtyEntries dirty);

  // Drops what the page tables and entries hold of pages [first, +nr);
  // nr == 0: to the end.
  void Invalidate(uint64_t first, uint64_t nr, EvenCows even_cows);

 private:
  // Of DAX entries and page tables; the page cache is left.
  void UnmapAndDelete(uint64_t first, uint64_t nr, EvenCows even_cows);
};

}  // namespace dmdax

#endif  // DMDAX_IOMAP_DAX_INODE_H_
