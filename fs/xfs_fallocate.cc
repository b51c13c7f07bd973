// SPDX-License-Identifier: Apache-2.0
#include "fs/xfs_fallocate.h"

#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "base/round_up.h"
#include "iomap/dax_zero.h"
#include "iomap/zero_range.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kNoEnd = uint64_t{1} << 62;

// xfs_zero_range().
int ZeroRange(FileSystem& fs, DaxInode& inode, uint64_t pos, uint64_t len,
              bool* did_zero) {
  return inode.s_dax ? DaxZeroRange(inode, pos, len, fs, did_zero)
                     : IomapZeroRange(inode, pos, len, fs, did_zero);
}

// xfs_flush_unmap_range().
int FlushUnmapRange(FileSystem& fs, DaxInode& inode, uint64_t offset,
                    uint64_t length) {
  const uint64_t start = RoundDown(offset, kBlock);
  const uint64_t end = RoundUp(offset + length, kBlock);
  inode.Writeback(start, end - 1);
  if (const int err = fs.CheckMappingError(inode); err < 0) return err;
  inode.TruncatePagecacheRange(start, end);
  return 0;
}

int FreeFileSpace(FileSystem& fs, DaxInode& inode, uint64_t offset,
                  uint64_t length) {
  int err = FlushUnmapRange(fs, inode, offset, length);
  if (err < 0) return err;
  const uint64_t from = RoundUp(offset, kBlock);
  const uint64_t to = RoundDown(offset + length, kBlock);
  if (to > from) {
    inode.extents.Remove(from, to - from);
    inode.datasync_dirty = true;
  }
  if (offset >= inode.i_size) return 0;
  const uint64_t end = std::min(offset + length, inode.i_size);
  err = ZeroRange(fs, inode, offset, end - offset, nullptr);
  if (err < 0) return err;
  // The page that the file ends in is written back, zeroes and all.
  if (end >= inode.i_size && end % kBlock != 0) {
    inode.Writeback(RoundDown(end, kBlock), INT64_MAX);
    return fs.CheckMappingError(inode);
  }
  return 0;
}

// xfs_setattr_size().
int SetattrSize(FileSystem& fs, DaxInode& inode, uint64_t size) {
  const uint64_t old = inode.i_size;
  if (size == 0 && old == 0 && inode.extents.empty()) return 0;
  bool did_zero = false;
  int err = 0;
  if (size > old) {
    err = ZeroRange(fs, inode, old, size - old, &did_zero);
  } else {
    if (inode.profile->xfs_truncate_writes_back) {
      inode.Writeback(size, size);
      if (const int lost = fs.CheckMappingError(inode); lost < 0) return lost;
    }
    const uint64_t rest = RoundUp(size, kBlock) - size;
    if (rest != 0) err = ZeroRange(fs, inode, size, rest, &did_zero);
  }
  if (err < 0) return err;
  inode.i_size = size;
  inode.TruncatePagecache(size);
  // What the size on disk does not cover yet must be there before it does.
  const uint64_t on_disk = inode.xfs.disk_size.value_or(old);
  if (did_zero || (size > on_disk && old != on_disk)) {
    inode.Writeback(on_disk, size - 1);
    if (const int lost = fs.CheckMappingError(inode); lost < 0) return lost;
  }
  inode.xfs.disk_size.reset();
  if (size <= old) {
    inode.xfs.truncated = true;
    inode.extents.Remove(RoundUp(size, kBlock), kNoEnd - RoundUp(size, kBlock));
  }
  inode.datasync_dirty = true;
  return 0;
}

// xfs_prepare_shift(), and the move of what lies at `from` and beyond to `to`.
int Shift(FileSystem& fs, DaxInode& inode, uint64_t offset, uint64_t from,
          uint64_t to) {
  const uint64_t start = offset >= kBlock ? offset - kBlock : 0;
  const int err = FlushUnmapRange(fs, inode, start, inode.i_size);
  if (err < 0) return err;
  std::vector<FileExtent> moved;
  for (uint64_t pos = from; pos < kNoEnd;) {
    FileExtent part = inode.extents.Find(pos);
    pos += part.length;
    if (part.type == IOMAP_HOLE) continue;
    part.logical = part.logical - from + to;
    moved.push_back(part);
  }
  inode.extents.Remove(std::min(from, to), kNoEnd);
  for (const FileExtent& extent : moved) inode.extents.Insert(extent);
  inode.datasync_dirty = true;
  return 0;
}

int CollapseRange(FileSystem& fs, DaxInode& inode, uint64_t offset,
                  uint64_t length) {
  // What is in the way is written and dropped before the range is judged.
  if (inode.profile->xfs_collapse_flushes_first) {
    const int err = FlushUnmapRange(fs, inode, offset, length);
    if (err < 0) return err;
  }
  if ((offset | length) % kBlock != 0) return -EINVAL;
  if (offset + length >= inode.i_size) return -EINVAL;
  int err = FreeFileSpace(fs, inode, offset, length);
  if (err == 0) err = Shift(fs, inode, offset, offset + length, offset);
  if (err < 0) return err;
  return SetattrSize(fs, inode, inode.i_size - length);
}

int InsertRange(FileSystem& fs, DaxInode& inode, uint64_t offset,
                uint64_t length) {
  if ((offset | length) % kBlock != 0) return -EINVAL;
  if (offset >= inode.i_size) return -EINVAL;
  const int err = SetattrSize(fs, inode, inode.i_size + length);
  return err < 0 ? err : Shift(fs, inode, offset, offset, offset + length);
}

// xfs_reflink_unshare(): what the file shares becomes copies of its own.
int UnshareRange(FileSystem& fs, DaxInode& inode, uint64_t offset,
                 uint64_t length) {
  if (!inode.reflinked || !inode.s_dax || offset >= inode.i_size) return 0;
  length = std::min(length, inode.i_size - offset);
  IomapIter iter;
  iter.inode = &inode;
  iter.pos = offset;
  iter.len = length;
  iter.flags = IOMAP_WRITE | IOMAP_DAX;
  int ret = 0;
  while ((ret = IomapIterNext(iter, fs, inode.recorder)) > 0) {
    iter.processed = static_cast<int64_t>(iter.length());
  }
  if (ret < 0) return ret;
  inode.Writeback(offset, offset + length - 1);
  return 0;
}

// xfs_alloc_file_space().  The transaction reserves all blocks before it takes
// one, so where they do not all come the file has none of them.
int AllocFileSpace(DaxInode& inode, uint64_t start, uint64_t end) {
  const auto delalloc = inode.profile->xfs_fallocate_takes_whole_delalloc
                            ? DaxInode::Delalloc::kWhole
                            : DaxInode::Delalloc::kPart;
  if (inode.allocator == nullptr) {
    return inode.AllocateUnwritten(start, end, delalloc);
  }
  const FileExtents before = inode.extents;
  const std::unique_ptr<BlockAllocator> reserve = inode.allocator->Clone();
  BlockAllocator* const allocator =
      std::exchange(inode.allocator, reserve.get());
  const int err = inode.AllocateUnwritten(start, end, delalloc);
  inode.allocator = allocator;
  inode.extents = before;
  return err < 0 ? err : inode.AllocateUnwritten(start, end, delalloc);
}

// ->fallocate of modes that allocate, after what `mode` wants before it.
int AllocateRange(FileSystem& fs, DaxInode& inode, int mode, uint64_t offset,
                  uint64_t length) {
  const uint64_t end = offset + length;
  const bool grows = !(mode & FALLOC_FL_KEEP_SIZE) && end > inode.i_size;
  if (mode & FALLOC_FL_ZERO_RANGE) {
    const int err = FreeFileSpace(fs, inode, offset, length);
    if (err < 0) return err;
  }
  if (mode & FALLOC_FL_UNSHARE_RANGE) {
    const int err = UnshareRange(fs, inode, offset, length);
    if (err < 0) return err;
  }
  const int err =
      AllocFileSpace(inode, RoundDown(offset, kBlock), RoundUp(end, kBlock));
  if (err < 0) return err;
  inode.xfs.prealloc = true;
  inode.datasync_dirty = true;
  return grows ? SetattrSize(fs, inode, end) : 0;
}

}  // namespace

int XfsSetSize(FileSystem& fs, DaxInode& inode, uint64_t size) {
  // xfs_vn_setattr() breaks layouts before it looks.
  inode.BreakLayouts();
  if (fs.BeginChange() < 0) return -EIO;
  return SetattrSize(fs, inode, size);
}

int XfsFallocate(FileSystem& fs, DaxInode& inode, int mode, uint64_t offset,
                 uint64_t length) {
  inode.BreakLayouts();
  if (fs.BeginChange() < 0) return -EIO;
  switch (mode & ~FALLOC_FL_KEEP_SIZE) {
    case 0:
    case FALLOC_FL_ZERO_RANGE:
    case FALLOC_FL_UNSHARE_RANGE:
      return AllocateRange(fs, inode, mode, offset, length);
    case FALLOC_FL_PUNCH_HOLE:
      return FreeFileSpace(fs, inode, offset, length);
    case FALLOC_FL_COLLAPSE_RANGE:
      return CollapseRange(fs, inode, offset, length);
    case FALLOC_FL_INSERT_RANGE:
      return InsertRange(fs, inode, offset, length);
    default:
      return -EOPNOTSUPP;
  }
}

}  // namespace dmdax
