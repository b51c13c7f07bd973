// SPDX-License-Identifier: Apache-2.0
#include "iomap/zero_range.h"

#include <algorithm>

#include "mm/filemap.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;

// filemap_range_needs_writeback().
bool IsDirty(const DaxInode& inode, uint64_t pos, uint64_t len) {
  const int shift = inode.profile->page_shift;
  const auto it = inode.mapping.dirty.lower_bound(pos >> shift);
  return it != inode.mapping.dirty.end() && *it <= (pos + len - 1) >> shift;
}

// iomap_zero_iter().
void ZeroIter(IomapIter& iter, bool* did_zero) {
  DaxInode& inode = *iter.inode;
  const uint64_t length = iter.length();
  iter.processed = static_cast<int64_t>(length);
  if (length == 0) return;
  // The pages of a batch are there and dirty.
  if (!(iter.iomap.flags & IOMAP_F_FOLIO_BATCH)) {
    FilemapWrite(*inode.profile, *inode.mem, inode.mapping, iter.pos, length);
  }
  if (did_zero != nullptr) *did_zero = true;
}

}  // namespace

int IomapZeroRange(DaxInode& inode, uint64_t pos, uint64_t len, IomapOps& ops,
                   bool* did_zero) {
  if (len == 0) return 0;
  IomapIter iter;
  iter.inode = &inode;
  iter.pos = pos;
  iter.len = len;
  iter.flags = IOMAP_ZERO;
  int ret = 0;
  const IomapZeroDirty rule = inode.profile->iomap_zero_dirty;
  const uint64_t edge = std::min(len, kBlock - pos % kBlock);
  if (rule == IomapZeroDirty::kFlushesButEdge && pos % kBlock != 0 &&
      IsDirty(inode, pos, edge)) {
    iter.len = edge;
    while ((ret = IomapIterNext(iter, ops, inode.recorder)) > 0) {
      ZeroIter(iter, did_zero);
    }
    iter.len = len - (iter.pos - pos);
    if (ret < 0 || iter.len == 0) return ret;
    iter.started = false;
  }
  bool flushes = (rule == IomapZeroDirty::kFlushes ||
                  rule == IomapZeroDirty::kFlushesButEdge) &&
                 IsDirty(inode, iter.pos, iter.len);
  while ((ret = IomapIterNext(iter, ops, inode.recorder)) > 0) {
    const uint16_t type = iter.iomap.type;
    const bool is_zero = type == IOMAP_HOLE || type == IOMAP_UNWRITTEN;
    if (!is_zero || (iter.iomap.flags & IOMAP_F_FOLIO_BATCH)) {
      ZeroIter(iter, did_zero);
    } else if (flushes) {
      flushes = false;
      inode.Writeback(iter.pos, iter.pos + iter.len - 1);
      iter.stale = true;
    } else {
      iter.processed = static_cast<int64_t>(iter.length());
    }
  }
  return ret;
}

}  // namespace dmdax
