// SPDX-License-Identifier: Apache-2.0
#include "fs/xfs_buffered.h"

#include <algorithm>

#include "base/round_up.h"
#include "fs/file_system.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;
// An allocation covers at most this many bytes at once.
constexpr uint64_t kMaxAlloc = 1024 * 4096;

bool IsBehindAll(const DaxInode& inode, uint64_t pos) {
  const FileExtent at = inode.extents.Find(pos);
  return at.type == IOMAP_HOLE && at.end() >= uint64_t{1} << 62;
}

// Reserves blocks for a hole, and says which.
FileExtent Reserve(const XfsEof& eof, DaxInode& inode, uint64_t pos,
                   uint64_t length) {
  const uint64_t from = RoundDown(pos, kBlock);
  const uint64_t end = pos + std::min(length, kMaxAlloc);
  const bool grows = IsBehindAll(inode, from) && end > inode.i_size;
  const uint64_t to =
      grows ? XfsPreallocEnd(eof, inode, from, end) : RoundUp(end, kBlock);
  const FileExtent hole = inode.extents.Find(from);
  const FileExtent fresh{.logical = from,
                         .length = std::min(to - from, hole.length),
                         .type = IOMAP_DELALLOC};
  inode.extents.Insert(fresh);
  return fresh;
}

}  // namespace

int XfsBufferedWriteBegin(const XfsEof& eof, DaxInode& inode, uint64_t pos,
                          uint64_t length, unsigned flags, Iomap* iomap) {
  const bool zero = (flags & IOMAP_ZERO) != 0;
  const uint64_t from = RoundDown(pos, kBlock);
  const uint64_t asked = RoundUp(pos + length, kBlock) - from;
  FileExtent extent = inode.extents.Around(from);
  bool fresh = false;
  if (zero && extent.type == IOMAP_DELALLOC) {
    // What is reserved behind the file's end has no pages to zero.
    const uint64_t size = RoundUp(inode.i_size, kBlock);
    if (from >= size) {
      inode.TruncatePagecache(pos);
      const int err = inode.AllocateUnwritten(extent.logical, extent.end());
      if (err < 0) return err;
      inode.datasync_dirty = true;
      extent = inode.extents.Around(from);
    } else if (from + asked > size) {
      extent.logical = from;
      extent.length = std::min(extent.length, size - from);
    }
  } else if (!zero && extent.type == IOMAP_HOLE) {
    extent = Reserve(eof, inode, pos, length);
    fresh = true;
  }
  // Behind the last extent the hole is as long as it is asked for.
  if (extent.end() >= uint64_t{1} << 62) extent.length = asked;
  *iomap = IomapOfExtent(inode, extent, extent.length, flags);
  if (inode.datasync_dirty) iomap->flags |= IOMAP_F_DIRTY;
  if (fresh) iomap->flags |= IOMAP_F_NEW;
  return 0;
}

void XfsWritepages(DaxInode& inode, uint64_t first, uint64_t nr) {
  const int shift = inode.profile->page_shift;
  const uint64_t size = RoundUp(inode.i_size, kBlock);
  const uint64_t end = std::min(size, (first + nr) << shift);
  for (uint64_t pos = first << shift; pos < end;) {
    const FileExtent part = inode.extents.Find(pos);
    if (part.type == IOMAP_DELALLOC) {
      const FileExtent whole = inode.extents.Around(pos);
      if (inode.AllocateUnwritten(whole.logical, whole.end()) != 0) return;
      inode.datasync_dirty = true;
      continue;
    }
    const uint64_t length = std::min(part.length, end - pos);
    if (part.type == IOMAP_UNWRITTEN) {
      inode.extents.SetType(pos, length, IOMAP_MAPPED);
      inode.datasync_dirty = true;
    }
    pos += length;
  }
}

}  // namespace dmdax
