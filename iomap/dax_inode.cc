// SPDX-License-Identifier: Apache-2.0
#include "iomap/dax_inode.h"

#include <algorithm>
#include <cerrno>

#include "base/round_up.h"
#include "iomap/cut_to_hole.h"
#include "iomap/dax_fault.h"
#include "mm/filemap.h"
#include "mm/truncate.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;

void Record(DaxInode& inode, FaultEventKind kind, uint64_t pgoff, uint64_t last,
            uint64_t length) {
  if (inode.recorder == nullptr) return;
  FaultEvent& event = inode.recorder->Add(kind);
  event.dev = inode.s_dev;
  event.ino = inode.i_ino;
  event.pgoff = pgoff;
  event.max_pgoff = last;
  event.length = length;
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

void DaxInode::UnmapAndDelete(uint64_t first, uint64_t nr, EvenCows even_cows) {
  mapping.UnmapMappingPages(first, nr, even_cows);
  entries.Delete(first, nr, [&](const DaxEntry& entry) {
    DaxDisassociate(*mem, *profile, entry);
  });
}

void DaxInode::Invalidate(uint64_t first, uint64_t nr, EvenCows even_cows) {
  UnmapAndDelete(first, nr, even_cows);
  mapping.RemovePages(first, nr);
}

void DaxInode::InvalidateClean(uint64_t first, uint64_t nr,
                               DirtyEntries dirty) {
  if (entries.empty()) return;
  for (uint64_t index = first; index < first + nr;) {
    const DaxEntry* entry = entries.Find(index);
    const bool stays = entry != nullptr && (entry->dirty || entry->towrite) &&
                       dirty == DirtyEntries::kKept;
    const uint64_t next = entry != nullptr
                              ? entry->index + (uint64_t{1} << entry->order)
                              : index + 1;
    if (entry != nullptr && !stays) {
      entries.Delete(index, 1, [&](const DaxEntry& gone) {
        DaxDisassociate(*mem, *profile, gone);
      });
    }
    index = next;
  }
  mapping.UnmapMappingPages(first, nr, EvenCows::kNo);
}

void DaxInode::BreakLayouts() {
  if (!s_dax) return;
  mapping.UnmapMappingPages(0, 0, EvenCows::kNo);
  if (!profile->break_layout_drops_entries) return;
  entries.Delete(0, 0, [&](const DaxEntry& entry) {
    DaxDisassociate(*mem, *profile, entry);
  });
}

void DaxInode::TruncatePagecache(uint64_t size) {
  UnmapAndDelete(RoundUp(size, kBlock) / kBlock, 0, EvenCows::kYes);
  TruncateInodePagesRange(*profile, mapping, size, kEndOfCache);
}

void DaxInode::TruncatePagecacheRange(uint64_t start, uint64_t end) {
  const uint64_t from = RoundUp(start, kBlock);
  const uint64_t to = RoundDown(end, kBlock);
  if (from < to) {
    UnmapAndDelete(from / kBlock, (to - from) / kBlock, EvenCows::kNo);
  } else if (to == 0) {
    // The kernel's end, the byte before 0, is behind all others.
    mapping.UnmapMappingPages(from / kBlock, 0, EvenCows::kNo);
  }
  TruncateInodePagesRange(*profile, mapping, start, end);
}

int DaxInode::AllocateUnwritten(uint64_t start, uint64_t end,
                                Delalloc delalloc) {
  for (uint64_t pos = start; pos < end;) {
    FileExtent part = extents.Find(pos);
    part.length = std::min(part.length, end - pos);
    if (part.type == IOMAP_DELALLOC && delalloc == Delalloc::kWhole) {
      part = extents.Around(pos);
      pos = part.logical;
    }
    if (part.type == IOMAP_HOLE || part.type == IOMAP_DELALLOC) {
      if (allocator == nullptr) return -ENOSPC;
      std::optional<FileExtent> fresh = allocator->Allocate(pos, part.length);
      if (!fresh) return -ENOSPC;
      // A size hint never reaches into blocks that the file has.
      *fresh = CutToHole(extents, *fresh, pos);
      fresh->type = IOMAP_UNWRITTEN;
      extents.Insert(*fresh);
      part.length = fresh->end() - pos;
    }
    pos += part.length;
  }
  return 0;
}

void DaxInode::Writeback(uint64_t start, uint64_t end) {
  const uint64_t first = start >> profile->page_shift;
  const uint64_t last = end >> profile->page_shift;
  if (!s_dax) {
    FilemapWriteback(mapping, first, last);
    return;
  }
  // filemap_fdatawrite_wbc() starts only if the mapping has a dirty page
  // anywhere.
  if (!entries.AnyDirty()) return;
  if (end < start && !profile->writes_back_empty_range) return;
  Record(*this, FaultEventKind::kDaxWritebackRange, first, last, 0);
  DaxEntry* found = nullptr;
  for (DaxEntry& entry : entries) {
    const uint64_t entry_last = entry.index + (uint64_t{1} << entry.order) - 1;
    if (entry_last < first || entry.index > last) continue;
    if (!entry.dirty && !entry.towrite) continue;
    WritebackOne(*this, entry);
    found = &entry;
  }
  Record(*this, FaultEventKind::kDaxWritebackRangeDone,
         first > last ? first : entries.FinalIndex(first, found, last), last,
         0);
}

int DaxInode::FsyncRange(uint64_t start, uint64_t end, bool datasync) {
  if (journal != nullptr) {
    const int err = journal->BeforeFsync();
    if (err != 0) return err;
  }
  Writeback(start, end);
  using Syncs = FileJournal::Syncs;
  const Syncs syncs = datasync ? Syncs::kData : Syncs::kAll;
  const int err = journal != nullptr ? journal->Commit(*this, syncs) : 0;
  if (err == 0) datasync_dirty = false;
  return err;
}

}  // namespace dmdax
