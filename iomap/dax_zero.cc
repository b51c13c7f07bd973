// SPDX-License-Identifier: Apache-2.0
#include "iomap/dax_zero.h"

#include <algorithm>

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;

// Asks the device for the page of `pos`.
int AskForPage(DaxInode& inode, const Iomap& iomap, uint64_t pos) {
  const uint64_t page = inode.profile->page_mask();
  const pgoff_t pgoff((iomap.addr + (pos & page) - iomap.offset) >> kPageShift);
  Trace trace;
  DaxReadLock lock;
  const DaxAccess access =
      DaxDirectAccess(iomap.dax_dev, pgoff, 1, DaxAccessMode::kAccess,
                      inode.recorder != nullptr ? &trace : nullptr);
  if (inode.recorder != nullptr) inode.recorder->AddSteps(trace.TakeSteps());
  return access.ret < 0 ? static_cast<int>(access.ret) : 0;
}

// dax_memzero(): part of a page.  The rest of a shared one is copied.
int MemZero(DaxInode& inode, const IomapIter& iter, uint64_t pos) {
  int err = AskForPage(inode, iter.iomap, pos);
  if (err == 0 && inode.profile->dax_reflink &&
      iter.srcmap.type != IOMAP_HOLE && iter.srcmap.addr != iter.iomap.addr) {
    err = AskForPage(inode, iter.srcmap, pos);
  }
  return err;
}

// A whole page of 4 KiB is the device's business.
int ZeroPage(DaxInode& inode, const Iomap& iomap, uint64_t pos) {
  const pgoff_t pgoff((iomap.addr + pos - iomap.offset) >> kPageShift);
  Trace trace;
  DaxReadLock lock;
  const int err = DaxZeroPageRange(
      iomap.dax_dev, pgoff, 1, inode.recorder != nullptr ? &trace : nullptr);
  if (inode.recorder != nullptr) inode.recorder->AddSteps(trace.TakeSteps());
  return err;
}

// dax_zero_iter(): how many bytes of the piece are done, or -errno.
int64_t ZeroIter(const IomapIter& iter, bool* did_zero) {
  DaxInode& inode = *iter.inode;
  const uint64_t length = iter.length();
  const Iomap& source =
      iter.srcmap.type != IOMAP_HOLE ? iter.srcmap : iter.iomap;
  if (source.type == IOMAP_HOLE || source.type == IOMAP_UNWRITTEN) {
    return static_cast<int64_t>(length);
  }
  const uint64_t page = inode.profile->page_size();
  const uint64_t end = iter.pos + length;
  if ((iter.iomap.flags & IOMAP_F_SHARED) &&
      inode.profile->dax_cow_by_shared_flag) {
    inode.InvalidateClean(iter.pos / page,
                          (end - 1) / page - iter.pos / page + 1,
                          DaxInode::DirtyEntries::kKept);
  }
  for (uint64_t pos = iter.pos; pos < end;) {
    const uint64_t next = std::min(end, (pos & ~(page - 1)) + page);
    const int err = next - pos < page ? MemZero(inode, iter, pos)
                                      : ZeroPage(inode, iter.iomap, pos);
    if (err < 0) return err;
    pos = next;
  }
  if (did_zero != nullptr) *did_zero = true;
  return static_cast<int64_t>(length);
}

}  // namespace

int DaxZeroRange(DaxInode& inode, uint64_t pos, uint64_t len, IomapOps& ops,
                 bool* did_zero) {
  if (len == 0) return 0;
  IomapIter iter;
  iter.inode = &inode;
  iter.pos = pos;
  iter.len = len;
  iter.flags = IOMAP_DAX | IOMAP_ZERO;
  int ret;
  while ((ret = IomapIterNext(iter, ops, inode.recorder)) > 0) {
    iter.processed = ZeroIter(iter, did_zero);
  }
  return ret;
}

int DaxTruncatePage(DaxInode& inode, uint64_t pos, IomapOps& ops,
                    bool* did_zero) {
  const uint64_t inside = pos & (kBlock - 1);
  if (inside == 0) return 0;
  return DaxZeroRange(inode, pos, kBlock - inside, ops, did_zero);
}

}  // namespace dmdax
