// SPDX-License-Identifier: Apache-2.0
#include "iomap/dax_rw.h"

#include <algorithm>
#include <cerrno>

namespace dmdax {
namespace {

// The loop over the device of dax_iomap_iter(): bytes done, or -errno.
int64_t CopyIn(const IomapIter& iter) {
  const Iomap& iomap = iter.iomap;
  const uint64_t end = iter.pos + iter.length();
  DaxReadLock lock;
  for (uint64_t pos = iter.pos; pos < end;) {
    const uint64_t at = iomap.addr + (pos - iomap.offset);
    const uint64_t inside = at & (kPageSize - 1);
    const uint64_t pages = (inside + (end - pos) + kPageSize - 1) >> kPageShift;
    const DaxAccess access = DaxDirectAccess(
        iomap.dax_dev, pgoff_t(at >> kPageShift), static_cast<int64_t>(pages),
        DaxAccessMode::kAccess, nullptr);
    if (access.ret < 0) {
      const int64_t done = static_cast<int64_t>(pos - iter.pos);
      return done > 0 ? done : access.ret;
    }
    const uint64_t run = static_cast<uint64_t>(access.ret) << kPageShift;
    pos += std::min(end - pos, run - inside);
  }
  return static_cast<int64_t>(end - iter.pos);
}

int64_t WriteIter(const IomapIter& iter) {
  DaxInode& inode = *iter.inode;
  const Iomap& iomap = iter.iomap;
  const bool cow = (iomap.flags & IOMAP_F_SHARED) != 0;
  if (iomap.type != IOMAP_MAPPED && !cow) return -EIO;
  if ((iomap.flags & IOMAP_F_NEW) || cow) {
    const uint64_t first = iter.pos >> inode.profile->page_shift;
    const uint64_t last =
        (iter.pos + iter.length() - 1) >> inode.profile->page_shift;
    inode.InvalidateClean(first, last - first + 1,
                          cow && inode.profile->dax_cow_by_shared_flag
                              ? DaxInode::DirtyEntries::kDropped
                              : DaxInode::DirtyEntries::kKept);
  }
  return CopyIn(iter);
}

}  // namespace

int64_t DaxIomapWrite(DaxInode& inode, uint64_t pos, uint64_t len,
                      IomapOps& ops) {
  IomapIter iter;
  iter.inode = &inode;
  iter.pos = pos;
  iter.len = len;
  iter.flags = IOMAP_DAX | IOMAP_WRITE;
  int ret;
  while ((ret = IomapIterNext(iter, ops, inode.recorder)) > 0) {
    iter.processed = WriteIter(iter);
  }
  const int64_t done = static_cast<int64_t>(iter.pos - pos);
  return done > 0 ? done : ret;
}

}  // namespace dmdax
