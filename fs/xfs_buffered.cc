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

// What is answered for a range to be zeroed, for which nothing is allocated.
int ExtentToZero(DaxInode& inode, uint64_t pos, uint64_t asked,
                 FileExtent* extent, uint16_t* flags) {
  const FaultProfile& profile = *inode.profile;
  const uint64_t from = RoundDown(pos, kBlock);
  const uint64_t size = RoundUp(inode.i_size, kBlock);
  if (extent->type == IOMAP_HOLE) return 0;
  if (extent->type == IOMAP_DELALLOC && from >= size) {
    // What is reserved behind the file's end has no pages to zero.
    inode.TruncatePagecache(pos);
    const int err = inode.AllocateUnwritten(extent->logical, extent->end(),
                                            DaxInode::Delalloc::kWhole);
    if (err < 0) return err;
    inode.datasync_dirty = true;
    *extent = inode.extents.Around(from);
    return 0;
  }
  // What lies behind the end is not zeroed.
  uint64_t end = from + asked;
  const bool ends_behind = from < size && end > size;
  if (ends_behind) end = size;
  if (profile.xfs_zero_trims_mapping ||
      (ends_behind && extent->type == IOMAP_DELALLOC)) {
    end = std::min(end, extent->end());
    *extent = inode.extents.Find(from);
    extent->length = end - from;
  }
  if (profile.iomap_zero_dirty == IomapZeroDirty::kFolioBatch &&
      extent->type == IOMAP_UNWRITTEN && from < size) {
    *flags |= IOMAP_F_FOLIO_BATCH;
  }
  return 0;
}

// xfs_setfilesize(): what lies before `end` is on disk.
void GrowDiskSize(DaxInode& inode, uint64_t end) {
  std::optional<uint64_t>& disk_size = inode.xfs.disk_size;
  if (!disk_size) return;
  if (end >= inode.i_size) {
    disk_size.reset();
  } else {
    disk_size = std::max(*disk_size, end);
  }
}

}  // namespace

int XfsBufferedWriteBegin(const XfsEof& eof, DaxInode& inode, uint64_t pos,
                          uint64_t length, unsigned flags, Iomap* iomap) {
  const uint64_t from = RoundDown(pos, kBlock);
  const uint64_t asked = RoundUp(pos + length, kBlock) - from;
  FileExtent extent = inode.extents.Around(from);
  uint16_t answer = 0;
  if (flags & IOMAP_ZERO) {
    const int err = ExtentToZero(inode, pos, asked, &extent, &answer);
    if (err < 0) return err;
  } else if (extent.type == IOMAP_HOLE) {
    extent = Reserve(eof, inode, pos, length);
    answer |= IOMAP_F_NEW;
  }
  // Behind the last extent the hole is as long as it is asked for.
  if (extent.end() >= uint64_t{1} << 62) extent.length = asked;
  *iomap = IomapOfExtent(inode, extent, extent.length, flags);
  if (inode.datasync_dirty) answer |= IOMAP_F_DIRTY;
  iomap->flags = answer;
  return 0;
}

bool XfsWritepages(
    DaxInode& inode, uint64_t first, uint64_t nr,
    absl::FunctionRef<bool(uint64_t at, uint64_t length)> takes) {
  bool all = true;
  const int shift = inode.profile->page_shift;
  const uint64_t size = RoundUp(inode.i_size, kBlock);
  const uint64_t end = std::min(size, (first + nr) << shift);
  for (uint64_t pos = first << shift; pos < end;) {
    const FileExtent part = inode.extents.Find(pos);
    if (part.type == IOMAP_DELALLOC) {
      const FileExtent whole = inode.extents.Around(pos);
      if (inode.AllocateUnwritten(whole.logical, whole.end(),
                                  DaxInode::Delalloc::kWhole) != 0)
        return all;
      inode.datasync_dirty = true;
      continue;
    }
    const uint64_t length = std::min(part.length, end - pos);
    // xfs_end_ioend()
    const bool taken = part.type == IOMAP_HOLE || takes(part.physical, length);
    all &= taken;
    if (taken && part.type != IOMAP_HOLE) GrowDiskSize(inode, pos + length);
    if (taken && part.type == IOMAP_UNWRITTEN) {
      inode.extents.SetType(pos, length, IOMAP_MAPPED);
      inode.datasync_dirty = true;
    }
    pos += length;
  }
  return all;
}

bool XfsDiscard(DaxInode& inode, uint64_t first, uint64_t nr) {
  const int shift = inode.profile->page_shift;
  const uint64_t size = RoundUp(inode.i_size, kBlock);
  const uint64_t end = std::min(size, (first + nr) << shift);
  bool all = true;
  for (uint64_t pos = first << shift; pos < end;) {
    const FileExtent part = inode.extents.Find(pos);
    const uint64_t length = std::min(part.length, end - pos);
    if (part.type == IOMAP_DELALLOC) {
      inode.extents.Remove(pos, length);
      all = false;
    }
    pos += length;
  }
  return all;
}

}  // namespace dmdax
