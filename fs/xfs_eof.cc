// SPDX-License-Identifier: Apache-2.0
#include "fs/xfs_eof.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "base/round_up.h"
#include "base/units.h"
#include "fs/mount_words.h"
#include "fs/xfs_params.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;
constexpr uint64_t kNoEnd = uint64_t{1} << 62;
// XFS_MAX_BMBT_EXTLEN.
constexpr uint64_t kMaxExtent = ((uint64_t{1} << 21) - 1) * kBlock;

uint64_t Sectors(absl::string_view options, absl::string_view name) {
  uint64_t n = 0;
  const std::optional<absl::string_view> value = MountValue(options, name);
  if (value) (void)absl::SimpleAtoi(*value, &n);
  return n * kSectorSize;
}

// xfs_eof_alignment(): files smaller than a stripe unit are packed.
uint64_t Alignment(const XfsEof& eof, const DaxInode& inode) {
  return inode.i_size < eof.align ? 0 : eof.align;
}

uint64_t EndOfExtents(const DaxInode& inode) {
  return inode.extents.empty() ? 0 : inode.extents.Before(kNoEnd).end();
}

// xfs_iomap_prealloc_size(): twice what lies together in front of `pos`.
uint64_t PreallocSize(const XfsEof& eof, const DaxInode& inode, uint64_t pos) {
  if (eof.always) return eof.allocsize;
  if (inode.i_size < eof.allocsize) return 0;
  FileExtent prev = inode.extents.Before(pos);
  if (inode.i_size < eof.dalign || prev.length == 0 || prev.end() < pos) {
    return eof.allocsize;
  }
  uint64_t together = prev.length;
  while (together <= kMaxExtent / 2) {
    const FileExtent got = inode.extents.Before(prev.logical);
    if (got.length == 0 || got.type == IOMAP_DELALLOC ||
        got.end() != prev.logical ||
        got.physical + got.length != prev.physical) {
      break;
    }
    together += got.length;
    prev = got;
  }
  uint64_t size = together * 2;
  if (size > kMaxExtent) size = pos;
  if (size > 0) size = std::bit_floor(size / kBlock) * kBlock;
  return std::clamp(size, eof.allocsize, kMaxExtent);
}

// xfs_can_free_eofblocks().
bool CanFreeEofBlocks(const DaxInode& inode) {
  const bool delayed = inode.extents.Has(IOMAP_DELALLOC);
  const bool behind = EndOfExtents(inode) > RoundUp(inode.i_size, kBlock);
  if (inode.profile->xfs_writer_frees_eof_blocks_once) {
    return behind && (delayed || !inode.xfs.prealloc);
  }
  return (behind || delayed) && !inode.xfs.prealloc;
}

// xfs_free_eofblocks(): of a file that fallocate() was used on, what is delayed
// and no more.
void FreeEofBlocks(DaxInode& inode) {
  uint64_t pos = RoundUp(inode.i_size, kBlock);
  if (!inode.xfs.prealloc) {
    inode.extents.Remove(pos, kNoEnd - pos);
    inode.datasync_dirty = true;
    return;
  }
  while (pos < kNoEnd) {
    const FileExtent part = inode.extents.Find(pos);
    if (part.type == IOMAP_DELALLOC) inode.extents.Remove(pos, part.length);
    pos = part.end();
  }
}

}  // namespace

XfsEof XfsEofOf(absl::string_view options) {
  XfsEof eof;
  if (!HasMountWord(options, "noalign")) {
    eof.dalign = eof.align = Sectors(options, "sunit");
    if (HasMountWord(options, "swalloc"))
      eof.align = Sectors(options, "swidth");
  }
  const std::optional<absl::string_view> size =
      MountValue(options, "allocsize");
  const std::optional<int64_t> bytes =
      size ? XfsSuffixNumber(*size) : std::nullopt;
  if (bytes && *bytes > 0) {
    eof.allocsize = static_cast<uint64_t>(*bytes);
    eof.always = true;
  }
  return eof;
}

uint64_t XfsAlignEnd(const XfsEof& eof, const DaxInode& inode, uint64_t end) {
  uint64_t align = Alignment(eof, inode);
  if (inode.extsize > 0)
    align = std::max(inode.extsize, RoundUp(align, inode.extsize));
  if (align == 0) return end;
  const uint64_t aligned = (end + align - 1) / align * align;
  return aligned >= EndOfExtents(inode) ? aligned : end;
}

uint64_t XfsPreallocEnd(const XfsEof& eof, const DaxInode& inode, uint64_t pos,
                        uint64_t end) {
  const uint64_t size = PreallocSize(eof, inode, pos);
  if (size == 0) return RoundUp(end, kBlock);
  uint64_t to = RoundDown(end - 1, eof.allocsize) + size;
  const uint64_t align = Alignment(eof, inode);
  if (align > 0) to = (to + align - 1) / align * align;
  return std::max(to, RoundUp(end, kBlock));
}

void XfsRelease(DaxInode& inode, OpenedFor opened) {
  XfsInodeFlags& flags = inode.xfs;
  const bool newer = inode.profile->xfs_writer_frees_eof_blocks_once;
  if (std::exchange(flags.truncated, false)) {
    flags.eof_released = false;
    if (inode.extents.Has(IOMAP_DELALLOC)) inode.Writeback(0, INT64_MAX);
  }
  if (flags.eof_released || (newer && opened == OpenedFor::kReading)) return;
  if (!CanFreeEofBlocks(inode)) return;
  FreeEofBlocks(inode);
  flags.eof_released = newer || inode.extents.Has(IOMAP_DELALLOC);
}

}  // namespace dmdax
