// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4_fallocate.h"

#include <linux/falloc.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/round_up.h"
#include "fs/ext4_holes.h"
#include "iomap/dax_zero.h"
#include "mm/readahead.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kNoEnd = uint64_t{1} << 62;

// __ext4_block_zero_page_range(), ext4_load_tail_bh(): the page is in the cache
// afterwards.  A written block is read, zeroed and dirty; that the page holds
// nothing else that is to be read is for its next reader to find out.
void ZeroInCachedBlock(DaxInode& inode, uint64_t from) {
  AddressSpace& mapping = inode.mapping;
  const uint64_t index = from >> inode.profile->page_shift;
  if (!mapping.pages.contains(index)) {
    FilemapAddFolio(*inode.mem, mapping, index, 0);
    mapping.not_uptodate.insert(index);
  }
  if (inode.extents.Find(from).type == IOMAP_MAPPED) {
    mapping.dirty.insert(index);
  }
}

// ext4_block_zero_page_range(): at most to the end of the block.  The page
// cache of a file that is not DAX shows no event.
int ZeroInBlock(FileSystem& fs, DaxInode& inode, uint64_t from,
                uint64_t length) {
  if (!inode.s_dax) {
    ZeroInCachedBlock(inode, from);
    return 0;
  }
  length = std::min(length, kBlock - from % kBlock);
  return DaxZeroRange(inode, from, length, fs, nullptr);
}

// ext4_zero_partial_blocks(): the blocks at the ends that are not whole.
int ZeroPartialBlocks(FileSystem& fs, DaxInode& inode, uint64_t start,
                      uint64_t length) {
  const uint64_t last = start + length - 1;
  const bool cut_start = start % kBlock != 0;
  const bool cut_end = (last + 1) % kBlock != 0;
  if (start / kBlock == last / kBlock) {
    return cut_start || cut_end ? ZeroInBlock(fs, inode, start, length) : 0;
  }
  if (cut_start) {
    const int err = ZeroInBlock(fs, inode, start, kBlock);
    if (err < 0) return err;
  }
  if (!cut_end) return 0;
  return ZeroInBlock(fs, inode, RoundDown(last, kBlock),
                     last - RoundDown(last, kBlock) + 1);
}

// Where the blocks that the file has from `pos` on end, `end` at the latest.
uint64_t AllocatedFrom(const DaxInode& inode, uint64_t pos, uint64_t end) {
  while (pos < end) {
    const FileExtent part = inode.extents.Find(pos);
    if (part.type == IOMAP_HOLE || part.type == IOMAP_DELALLOC) return pos;
    pos += part.length;
  }
  return end;
}

enum class Convert { kNo, kToUnwritten };

// ext4_alloc_file_blocks() of the blocks of [offset, offset + length).  The
// file grows to `new_size` (0: not) with each extent that comes.
int AllocFileBlocks(FileSystem& fs, DaxInode& inode, uint64_t offset,
                    uint64_t length, uint64_t new_size, Convert convert) {
  const uint64_t old_size = inode.i_size;
  const Ext4FallocateZeroes zeroes = inode.profile->ext4_fallocate_zeroes;
  if (new_size > old_size && old_size % kBlock != 0 &&
      zeroes == Ext4FallocateZeroes::kOldEnd) {
    const int err = ZeroInBlock(fs, inode, old_size, kBlock);
    if (err < 0) return err;
  }
  const uint64_t end = RoundUp(offset + length, kBlock);
  for (uint64_t pos = RoundDown(offset, kBlock); pos < end;) {
    const FileExtent part = inode.extents.Find(pos);
    uint64_t piece = part.length;
    // ext4_map_blocks() looks first, and remembers the hole that it finds.
    if (part.type == IOMAP_HOLE) piece = Ext4EndOfHole(inode, pos, piece) - pos;
    piece = std::min(piece, end - pos);
    const int err =
        inode.AllocateUnwritten(pos, pos + piece, DaxInode::Delalloc::kPart);
    // What came before there was no space is the file's.
    if (err < 0) piece = AllocatedFrom(inode, pos, pos + piece) - pos;
    if (piece == 0) return err;
    if (convert == Convert::kToUnwritten) {
      inode.extents.SetType(pos, piece, IOMAP_UNWRITTEN);
    }
    pos += piece;
    inode.datasync_dirty = true;
    if (new_size == 0) continue;
    inode.i_size = std::max(inode.i_size, std::min(pos, new_size));
    if (inode.i_size > old_size && zeroes == Ext4FallocateZeroes::kBothEnds) {
      ZeroPartialBlocks(fs, inode, old_size, inode.i_size - old_size);
    }
  }
  return 0;
}

int PunchHole(FileSystem& fs, DaxInode& inode, uint64_t offset,
              uint64_t length) {
  const FaultProfile& profile = *inode.profile;
  const bool layouts_broken = profile.ext4_breaks_layouts_first;
  if (!layouts_broken) {
    const bool dirty = !inode.mapping.dirty.empty();
    inode.Writeback(offset, offset + length - 1);
    const int err = dirty ? fs.CheckMappingError(inode) : 0;
    if (err < 0) return err;
  }
  if (offset >= inode.i_size) return 0;
  uint64_t end = offset + length;
  if (end > inode.i_size) {
    // Until 6.9 a file of whole pages is given one more.
    const uint64_t page = profile.page_size();
    end = layouts_broken ? RoundUp(inode.i_size, page)
                         : inode.i_size + page - inode.i_size % page;
  }
  if (!layouts_broken) inode.BreakLayouts();
  const uint64_t from = RoundUp(offset, kBlock);
  const uint64_t to = RoundDown(end, kBlock);
  // ext4_truncate_page_cache_block_range() asks for no whole block.
  if (layouts_broken || to > from) inode.TruncatePagecacheRange(offset, end);
  int err = fs.BeginChange();
  if (err == 0) err = ZeroPartialBlocks(fs, inode, offset, end - offset);
  if (err < 0) return err;
  if (to > from) {
    inode.known_holes.Forget(from, to);
    inode.extents.Remove(from, to - from);
    if (profile.ext4_punch_remembers_hole) {
      inode.known_holes.Remember(from, to);
    }
  }
  inode.datasync_dirty = true;
  return 0;
}

int ZeroRange(FileSystem& fs, DaxInode& inode, uint64_t offset, uint64_t length,
              uint64_t new_size) {
  if (!inode.has_extents) return -EOPNOTSUPP;
  if (const int err = fs.BeginChange(); err < 0) return err;
  const uint64_t end = offset + length;
  const bool partial = (offset | end) % kBlock != 0;
  if (partial) {
    // The edges stay allocated.
    const int err =
        AllocFileBlocks(fs, inode, offset, length, new_size, Convert::kNo);
    if (err < 0) return err;
  }
  const bool edges_first = inode.profile->ext4_zero_range_edges_first;
  if (partial && edges_first) {
    const int err = ZeroPartialBlocks(fs, inode, offset, length);
    if (err < 0) return err;
  }
  const uint64_t from = RoundUp(offset, kBlock);
  const uint64_t to = RoundDown(end, kBlock);
  const bool layouts_broken = inode.profile->ext4_breaks_layouts_first;
  if (to > from && !layouts_broken) inode.BreakLayouts();
  if (to > from || layouts_broken) inode.TruncatePagecacheRange(offset, end);
  if (to > from) {
    const int err = AllocFileBlocks(fs, inode, from, to - from, new_size,
                                    Convert::kToUnwritten);
    if (err < 0) return err;
  }
  if (!partial) return 0;
  if (!layouts_broken) {
    inode.i_size = std::max(inode.i_size, new_size);
  }
  const int err =
      edges_first ? 0 : ZeroPartialBlocks(fs, inode, offset, length);
  inode.i_size = std::max(inode.i_size, new_size);
  inode.datasync_dirty = true;
  return err;
}

// Moves what lies at `from` and beyond to `to`.
void Shift(DaxInode& inode, uint64_t from, uint64_t to) {
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
  inode.known_holes.Forget(std::min(from, to), kNoEnd);
  inode.datasync_dirty = true;
}

int CollapseRange(FileSystem& fs, DaxInode& inode, uint64_t offset,
                  uint64_t length) {
  if (!inode.has_extents) return -EOPNOTSUPP;
  if ((offset | length) % kBlock != 0) return -EINVAL;
  if (offset + length >= inode.i_size) return -EINVAL;
  if (!inode.profile->ext4_breaks_layouts_first) inode.BreakLayouts();
  inode.Writeback(RoundDown(offset, kBlock), offset);
  inode.Writeback(offset + length, INT64_MAX);
  if (const int err = fs.CheckMappingError(inode); err < 0) return err;
  inode.TruncatePagecache(offset);
  if (const int err = fs.BeginChange(); err < 0) return err;
  inode.extents.Remove(offset, length);
  Shift(inode, offset + length, offset);
  inode.i_size -= length;
  return 0;
}

int InsertRange(FileSystem& fs, DaxInode& inode, uint64_t offset,
                uint64_t length) {
  if (!inode.has_extents) return -EOPNOTSUPP;
  if ((offset | length) % kBlock != 0) return -EINVAL;
  if (offset >= inode.i_size) return -EINVAL;
  if (!inode.profile->ext4_breaks_layouts_first) inode.BreakLayouts();
  inode.Writeback(offset, INT64_MAX);
  if (const int err = fs.CheckMappingError(inode); err < 0) return err;
  inode.TruncatePagecache(offset);
  if (const int err = fs.BeginChange(); err < 0) return err;
  inode.i_size += length;
  Shift(inode, offset, offset + length);
  return 0;
}

}  // namespace

bool Ext4Writepages(
    DaxInode& inode, uint64_t first, uint64_t nr,
    absl::FunctionRef<bool(uint64_t at, uint64_t length)> takes) {
  const int shift = inode.profile->page_shift;
  const uint64_t start = first << shift;
  const uint64_t end =
      std::min(RoundUp(inode.i_size, kBlock), (first + nr) << shift);
  if (start >= end ||
      inode.AllocateUnwritten(start, end, DaxInode::Delalloc::kPart) != 0)
    return true;
  bool all = true;
  for (uint64_t pos = start; pos < end;) {
    const FileExtent part = inode.extents.Find(pos);
    const uint64_t length = std::min(part.length, end - pos);
    all &= takes(part.physical, length);
    pos += length;
  }
  // ext4_end_bio(): they are converted all the same.
  inode.extents.SetType(start, end - start, IOMAP_MAPPED);
  inode.datasync_dirty = true;
  return all;
}

int Ext4SetSize(FileSystem& fs, DaxInode& inode, uint64_t size) {
  const uint64_t old = inode.i_size;
  inode.BreakLayouts();
  if (const int err = fs.BeginChange(); err < 0) return err;
  if (size != old) {
    if (size > old && old % kBlock != 0 &&
        inode.profile->ext4_grow_zeroes_tail) {
      ZeroInBlock(fs, inode, old, kBlock);
    }
    inode.i_size = size;
    inode.datasync_dirty = true;
  }
  inode.TruncatePagecache(size);
  if (size > old) return 0;
  // ext4_truncate(), which also frees what was allocated beyond the end.
  if (size % kBlock != 0) ZeroInBlock(fs, inode, size, kBlock);
  inode.extents.Remove(RoundUp(size, kBlock), kNoEnd - RoundUp(size, kBlock));
  inode.known_holes.Forget(RoundUp(size, kBlock), kNoEnd);
  return 0;
}

int Ext4Fallocate(FileSystem& fs, DaxInode& inode, int mode, uint64_t offset,
                  uint64_t length) {
  const uint64_t end = offset + length;
  const bool grows = !(mode & FALLOC_FL_KEEP_SIZE) && end > inode.i_size;
  const int what = mode & ~FALLOC_FL_KEEP_SIZE;
  if (what == FALLOC_FL_UNSHARE_RANGE) return -EOPNOTSUPP;
  // file_modified() comes before all else where breaking layouts does: it may
  // find out that the journal is gone, and nobody hears of it but the next to
  // begin a change.
  if (inode.profile->ext4_breaks_layouts_first) fs.BeginChange();
  if (what == 0) {
    if (!inode.has_extents) return -EOPNOTSUPP;
    const int err = fs.BeginChange();
    if (err < 0) return err;
    return AllocFileBlocks(fs, inode, offset, length, grows ? end : 0,
                           Convert::kNo);
  }
  if (inode.profile->ext4_breaks_layouts_first) inode.BreakLayouts();
  switch (what) {
    case FALLOC_FL_PUNCH_HOLE:
      return PunchHole(fs, inode, offset, length);
    case FALLOC_FL_COLLAPSE_RANGE:
      return CollapseRange(fs, inode, offset, length);
    case FALLOC_FL_INSERT_RANGE:
      return InsertRange(fs, inode, offset, length);
    case FALLOC_FL_ZERO_RANGE:
      return ZeroRange(fs, inode, offset, length, grows ? end : 0);
    default:
      return -EOPNOTSUPP;
  }
}

}  // namespace dmdax
