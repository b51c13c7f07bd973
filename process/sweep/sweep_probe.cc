// SPDX-License-Identifier: Apache-2.0
#include "process/sweep/sweep_probe.h"

#include <sys/mman.h>

#include "base/round_up.h"
#include "fs/file_system.h"
#include "iomap/dax_fault.h"

namespace dmdax {
namespace {

// A hole behind which no extent follows ends here.
constexpr uint64_t kEndOfFiles = uint64_t{1} << 63;

int MapFlags(const SweepAccess& access) {
  const int kind = access.is_private ? MAP_PRIVATE
                   : access.sync     ? MAP_SHARED_VALIDATE | MAP_SYNC
                                     : MAP_SHARED;
  return kind | MAP_FIXED;
}

}  // namespace

void CopyInodeAround(const DaxInode& inode, uint64_t first, uint64_t end,
                     DaxInode* copy) {
  copy->i_ino = inode.i_ino;
  copy->s_dev = inode.s_dev;
  copy->i_size = inode.i_size;
  copy->s_dax = inode.s_dax;
  copy->dax_dev = inode.dax_dev;
  copy->dax_part_off = inode.dax_part_off;
  copy->extsize = inode.extsize;
  copy->datasync_dirty = inode.datasync_dirty;
  copy->has_extents = inode.has_extents;
  copy->inline_data = inode.inline_data;
  copy->reflinked = inode.reflinked;
  copy->ra_pages = inode.ra_pages;
  copy->known_holes = inode.known_holes;
  copy->allocator = inode.allocator;
  // The extents before and behind are needed too: they are the ends of a hole,
  // and say how much of a tree of indirect blocks is missing.
  copy->extents.Insert(inode.extents.Before(first));
  for (uint64_t pos = first;;) {
    const FileExtent extent = inode.extents.Around(pos);
    if (extent.type != IOMAP_HOLE) copy->extents.Insert(extent);
    const bool behind = extent.type != IOMAP_HOLE && extent.logical >= end;
    if (behind || extent.end() >= kEndOfFiles) break;
    pos = extent.end();
  }
  // The entry around the first page may begin before it.
  const int shift = inode.profile->page_shift;
  const DaxEntry* entry = inode.entries.Find(first >> shift);
  if (entry == nullptr) entry = inode.entries.AtOrAfter(first >> shift);
  while (entry != nullptr && entry->index << shift < end) {
    copy->entries.Insert(*entry);
    entry = inode.entries.AtOrAfter(entry->index + 1);
  }
}

SweepProbe::SweepProbe(std::shared_ptr<File> file, const FaultProfile& faults,
                       MemMap& mem, const SweepAccess& access)
    : file_(std::move(file)),
      faults_(faults),
      mem_(mem),
      access_(access),
      huge_(SweepHugePages(*file_, faults)) {}

FaultOutcome SweepProbe::Ask(uint64_t page) {
  if (file_->f_inode->type != InodeType::kRegular) return Touch(file_, page);
  return AskCopy(*static_cast<DaxInode*>(file_->f_inode), page);
}

bool SweepProbe::Writes(uint64_t page) const {
  if (access_.write || !access_.unwritten_is_written ||
      file_->f_inode->type != InodeType::kRegular) {
    return access_.write;
  }
  const auto& inode = *static_cast<const DaxInode*>(file_->f_inode);
  return inode.extents.Find(page * kPageSize).type == IOMAP_UNWRITTEN;
}

FaultOutcome SweepProbe::Touch(std::shared_ptr<File> file, uint64_t page) {
  const uint64_t first = RoundDown(page, huge_);
  // Above the first PUD, at an address with the alignment of the file offset.
  const uint64_t start =
      faults_.pud_size() + first * kPageSize % faults_.pud_size();
  MmStruct mm(faults_, mem_);
  const int prot = SweepProt(*file, access_);
  const absl::StatusOr<VmAreaStruct*> vma =
      mm.Mmap({.addr = start,
               .len = huge_ * kPageSize,
               .prot = prot,
               .flags = MapFlags(access_),
               .file = std::move(file),
               .pgoff = first * kPageSize >> faults_.page_shift});
  if (!vma.ok()) return {};  // CheckRequest() has mapped it before
  return mm.Touch(start + (page - first) * kPageSize, Writes(page));
}

FaultOutcome SweepProbe::AskCopy(DaxInode& inode, uint64_t page) {
  const uint64_t first = RoundDown(page, huge_) * kPageSize;
  const uint64_t end = first + huge_ * kPageSize;
  DaxInode copy(faults_, mem_);
  CopyInodeAround(inode, first, end, &copy);
  std::unique_ptr<BlockAllocator> allocator;
  copy.allocator = nullptr;
  if (Writes(page) && inode.allocator != nullptr) {
    allocator = inode.allocator->Clone();
    copy.allocator = allocator.get();
  }
  auto& fs = *static_cast<FileSystem*>(file_->f_op);
  const size_t folios = mem_.nr_folios();
  const FaultOutcome outcome =
      Touch(fs.Open(copy, file_->path, file_->writable), page);
  if (faults_.insert == PageInsert::kFolio) PutFoliosBack(copy, inode, folios);
  return outcome;
}

// A fault makes a folio for a huge entry, unless there was one, and removes the
// folio of an entry that it replaces.  This takes both back.
void SweepProbe::PutFoliosBack(DaxInode& copy, DaxInode& inode, size_t folios) {
  for (const DaxEntry& now : copy.entries) {
    const DaxEntry* had = inode.entries.Find(now.index);
    const bool huge = had != nullptr && had->is_pmd() && !had->is_zero();
    if (huge && mem_.FolioOrder(had->pfn) == 0) {
      mem_.MakeFolio(had->pfn, had->order);
    }
    const bool same = huge && had->pfn == now.pfn;
    if (!same && mem_.nr_folios() > folios) {
      DaxDisassociate(mem_, faults_, now);
    }
  }
}

}  // namespace dmdax
