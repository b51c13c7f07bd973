// SPDX-License-Identifier: Apache-2.0
#include "iomap/dax_inode.h"

#include <algorithm>
#include <cerrno>

#include "iomap/dax_fault.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;

uint64_t RoundUp(uint64_t n) { return (n + kBlock - 1) / kBlock * kBlock; }
uint64_t RoundDown(uint64_t n) { return n / kBlock * kBlock; }

void Record(DaxInode& inode, FaultEventKind kind, uint64_t pgoff, uint64_t last,
            uint64_t length) {
  if (inode.recorder == nullptr) return;
  FaultEvent event{.kind = kind};
  event.dev = inode.s_dev;
  event.ino = inode.i_ino;
  event.pgoff = pgoff;
  event.max_pgoff = last;
  event.length = length;
  inode.recorder->Add(std::move(event));
}

// xfs_zero_range() looks at the range that was freed, which is a hole now.
void RecordHole(DaxInode& inode, uint64_t from, uint64_t length) {
  if (inode.recorder == nullptr || !inode.s_dax) return;
  if (!inode.profile->trace_iomap_iter || from >= inode.i_size) return;
  FaultEvent event{.kind = FaultEventKind::kIomapIterDstmap};
  event.dev = inode.s_dev;
  event.ino = inode.i_ino;
  event.addr = IOMAP_NULL_ADDR;
  event.offset = from;
  event.length = std::min(length, inode.i_size - from);
  event.iomap_type = IOMAP_HOLE;
  event.iomap_flags = IOMAP_F_DIRTY;
  inode.recorder->Add(std::move(event));
}

// dax_writeback_one(): write-protects every mapping of the entry.
void WritebackOne(DaxInode& inode, DaxEntry& entry) {
  const uint64_t nr = uint64_t{1} << entry.order;
  for (VmAreaStruct* vma : inode.mapping.i_mmap) {
    vma->vm_mm->MkcleanRange(*vma, entry.index, nr);
  }
  entry.towrite = false;
  entry.dirty = false;
  Record(inode, FaultEventKind::kDaxWritebackOne, entry.index, 0, nr);
}

}  // namespace

DaxInode::DaxInode(const FaultProfile& fault_profile, MemMap& mem_map)
    : profile(&fault_profile),
      mem(&mem_map),
      entries(fault_profile.pmd_order()) {
  type = InodeType::kRegular;
  i_mapping = &mapping;
  mapping.host = this;
}

void DaxInode::Invalidate(uint64_t first, uint64_t nr, EvenCows even_cows) {
  mapping.UnmapMappingPages(first, nr, even_cows);
  entries.Delete(first, nr, [&](const DaxEntry& entry) {
    DaxDisassociate(*mem, *profile, entry);
  });
  auto it = mapping.pages.lower_bound(first);
  while (it != mapping.pages.end() && (nr == 0 || it->first < first + nr)) {
    it = mapping.pages.erase(it);
  }
}

void DaxInode::BreakLayouts() {
  if (s_dax) mapping.UnmapMappingPages(0, 0, EvenCows::kNo);
}

void DaxInode::Truncate(uint64_t size) {
  const uint64_t old = i_size;
  BreakLayouts();
  if (size < old && zero_reallocates && profile->xfs_truncate_writes_back) {
    Writeback(size, size);
  }
  i_size = size;
  datasync_dirty = true;
  if (size >= old) return;
  const uint64_t first = RoundUp(size) / kBlock;
  Invalidate(first, 0, EvenCows::kYes);
  extents.Remove(RoundUp(size), (uint64_t{1} << 62) - RoundUp(size));
  known_holes.Forget(RoundUp(size), uint64_t{1} << 62);
}

void DaxInode::PunchHole(uint64_t offset, uint64_t length) {
  if (punch_writes_back) Writeback(offset, offset + length - 1);
  // ext4 does nothing for a range behind the end of the file; it does not even
  // unmap it.
  if (!zero_reallocates && offset >= i_size) return;
  BreakLayouts();
  const uint64_t from = RoundUp(offset);
  const uint64_t to = RoundDown(std::min(offset + length, RoundUp(i_size)));
  if (from >= to) return;
  Invalidate(from / kBlock, (to - from) / kBlock, EvenCows::kNo);
  extents.Remove(from, to - from);
  known_holes.Forget(from, to);
  datasync_dirty = true;
  if (zero_reallocates) RecordHole(*this, from, to - from);
}

void DaxInode::ZeroRange(uint64_t offset, uint64_t length) {
  if (zero_reallocates) Writeback(offset, offset + length - 1);
  BreakLayouts();
  const uint64_t from = RoundUp(offset);
  const uint64_t to = RoundDown(offset + length);
  if (from >= to) return;
  Invalidate(from / kBlock, (to - from) / kBlock, EvenCows::kNo);
  if (zero_reallocates && allocator != nullptr) {
    extents.Remove(from, to - from);
    RecordHole(*this, from, to - from);
  }
  Fallocate(from, to - from, true);
  extents.SetType(from, to - from, IOMAP_UNWRITTEN);
  // The request is one without FALLOC_FL_KEEP_SIZE, so the file may grow.
  i_size = std::max(i_size, offset + length);
  datasync_dirty = true;
}

int DaxInode::Fallocate(uint64_t offset, uint64_t length, bool keep_size) {
  if (zero_reallocates) BreakLayouts();
  const uint64_t end = RoundUp(offset + length);
  for (uint64_t pos = RoundDown(offset); pos < end;) {
    FileExtent part = extents.Find(pos);
    part.length = std::min(part.length, end - pos);
    if (part.type == IOMAP_HOLE) {
      if (allocator == nullptr) return -ENOSPC;
      std::optional<FileExtent> fresh = allocator->Allocate(pos, part.length);
      if (!fresh) return -ENOSPC;
      fresh->type = IOMAP_UNWRITTEN;
      extents.Insert(*fresh);
      part.length = fresh->end() - pos;
    }
    pos += part.length;
  }
  if (!keep_size) i_size = std::max(i_size, offset + length);
  datasync_dirty = true;
  return 0;
}

void DaxInode::Writeback(uint64_t start, uint64_t end) {
  // filemap_fdatawrite_wbc() starts only if the mapping has a dirty page
  // anywhere.
  if (!entries.AnyDirty()) return;
  const uint64_t first = start >> profile->page_shift;
  const uint64_t last = end >> profile->page_shift;
  Record(*this, FaultEventKind::kDaxWritebackRange, first, last, 0);
  DaxEntry* found = nullptr;
  for (auto& [index, entry] : entries.all()) {
    const uint64_t entry_last = index + (uint64_t{1} << entry.order) - 1;
    if (entry_last < first || index > last) continue;
    if (!entry.dirty && !entry.towrite) continue;
    WritebackOne(*this, entry);
    found = &entry;
  }
  Record(*this, FaultEventKind::kDaxWritebackRangeDone,
         entries.FinalIndex(first, found, last), last, 0);
}

int DaxInode::FsyncRange(uint64_t start, uint64_t end, bool) {
  Writeback(start, end);
  datasync_dirty = false;
  return 0;
}

}  // namespace dmdax
