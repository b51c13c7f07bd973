// SPDX-License-Identifier: Apache-2.0
#include "mm/filemap.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <set>

#include "mm/memory.h"
#include "mm/mm_struct.h"
#include "mm/readahead.h"

namespace dmdax {
namespace {

// Whether all of a folio may be mapped around a fault: it ends before the last
// page of the file, and within the VMA and the page table.
bool MapsWhole(const VmFault& vmf, uint64_t first, uint64_t nr) {
  if (!vmf.mm->profile().map_whole_folios || nr == 1) return false;
  if (first + nr > FilePages(vmf) - 1) return false;
  return FolioIsWithin(vmf, first, nr);
}

// filemap_map_pmd() puts a PTE table in, but is not asked for a folio that ends
// with the last page of the file or behind it.
bool HasNoTable(const VmFault& vmf, uint64_t next) {
  return vmf.mm->profile().fault_around_needs_table &&
         next > FilePages(vmf) - 1 && (!vmf.pmd || vmf.pmd.none());
}

// Maps what is unmapped of pages [first, first + nr); NOPAGE when the faulting
// one was among them.
vm_fault_t MapFolioRange(VmFault& vmf, uint64_t first, uint64_t nr) {
  MmStruct& mm = *vmf.mm;
  AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  const int shift = mm.profile().page_shift;
  vm_fault_t ret = 0;
  for (uint64_t index = first; index < first + nr; ++index) {
    const pfn_t page = mapping.pages[index];
    if (mm.mem().HwPoison(page)) continue;
    const uint64_t addr = vmf.address + ((index - vmf.pgoff) << shift);
    PtSlot slot = mm.page_table().PteSlot(addr, true);
    if (!slot || !slot.none()) continue;
    slot.Set(mm.pte_ops().MkPte(page, vmf.vma->vm_page_prot));
    mm.mem().Get(page);
    mm.mem().AddMapcount(page, 1);
    ++mm.rss_file;
    if (index == vmf.pgoff) ret = VM_FAULT_NOPAGE;
  }
  return ret;
}

// The order of the folio that __filemap_get_folio() makes for a write of bytes
// [pos, end): no more than is written before the next huge page, aligned, and
// free of pages that are there.
int WriteOrder(const FaultProfile& profile, const AddressSpace& mapping,
               uint64_t pos, uint64_t end) {
  const int shift = profile.page_shift;
  const uint64_t huge = profile.page_size() << profile.pmd_order();
  const uint64_t length = std::min(end - pos, huge - pos % huge);
  const uint64_t index = pos >> shift;
  const auto next = mapping.pages.lower_bound(index);
  int order = static_cast<int>(std::bit_width(length >> shift)) - 1;
  if (index > 0) order = std::min(order, std::countr_zero(index));
  order = std::max(order, 0);
  while (order > 0 && next != mapping.pages.end() &&
         next->first < index + (uint64_t{1} << order)) {
    --order;
  }
  return order;
}

// PG_readahead is PG_reclaim of a page that is dirty or under writeback, which
// folio_mark_dirty() and folio_end_writeback() clear.
void ClearReadaheadMark(AddressSpace& mapping, uint64_t folio, uint64_t nr) {
  mapping.readahead.erase(mapping.readahead.lower_bound(folio),
                          mapping.readahead.lower_bound(folio + nr));
}

// ->writepages of a folio, or of the runs of its blocks that are dirty.
void WriteFolio(AddressSpace& mapping, uint64_t folio, uint64_t nr,
                const std::set<uint64_t>& dirty) {
  if (mapping.a_ops == nullptr) return;
  if (!mapping.a_ops->dirty_by_block()) {
    mapping.a_ops->Writepages(mapping, folio, nr);
    return;
  }
  for (auto it = dirty.begin(); it != dirty.end();) {
    const uint64_t first = *it;
    uint64_t end = first;
    for (; it != dirty.end() && *it == end; ++it) ++end;
    mapping.a_ops->Writepages(mapping, first, end - first);
  }
}

class GenericVmOps final : public VmOperations {
 public:
  std::string name() const override { return "generic_file_vm_ops"; }
  unsigned hooks() const override { return kFault | kMapPages | kPageMkwrite; }
  vm_fault_t Fault(VmFault& vmf) override { return FilemapFault(vmf); }
  vm_fault_t MapPages(VmFault& vmf, uint64_t start, uint64_t end) override {
    return FilemapMapPages(vmf, start, end);
  }
  vm_fault_t PageMkwrite(VmFault& vmf) override {
    return FilemapPageMkwrite(vmf);
  }
};

class GenericFile final : public FileOperations {
 public:
  explicit GenericFile(bool readable) : readable_(readable) {}
  std::string name() const override { return "generic_file_operations"; }
  int Mmap(File&, VmAreaStruct& vma) override {
    if (!readable_) return -ENOEXEC;
    vma.vm_ops = &GenericFileVmOps();
    return 0;
  }

 private:
  const bool readable_;
};

class BlockDeviceFile final : public FileOperations {
 public:
  explicit BlockDeviceFile(bool read_only) : read_only_(read_only) {}
  std::string name() const override { return "def_blk_fops"; }
  int Mmap(File&, VmAreaStruct& vma) override {
    // generic_file_readonly_mmap().
    if (read_only_ && vma.vm_mm->profile().blkdev_mmap_read_only &&
        (vma.vm_flags & VM_SHARED) && (vma.vm_flags & VM_MAYWRITE)) {
      return -EINVAL;
    }
    vma.vm_ops = &GenericFileVmOps();
    return 0;
  }

 private:
  const bool read_only_;
};

}  // namespace

void FilemapWrite(const FaultProfile& profile, MemMap& mem,
                  AddressSpace& mapping, uint64_t pos, uint64_t length) {
  const bool large = profile.write_large_folios && mapping.a_ops != nullptr &&
                     mapping.a_ops->large_folios();
  const int shift = profile.page_shift;
  const uint64_t end = pos + length;
  for (uint64_t index = pos >> shift; index <= (end - 1) >> shift; ++index) {
    mapping.dirty.insert(index);
    mapping.not_uptodate.erase(index);
    if (mapping.pages.count(index) == 0) {
      const uint64_t from = std::max(pos, index << shift);
      const int order = large ? WriteOrder(profile, mapping, from, end) : 0;
      FilemapAddFolio(mem, mapping, index, order);
      if (order > 0 && !mapping.a_ops->invalidation_cleans()) {
        mapping.no_private.insert(index);
      }
    }
    // __iomap_write_begin() keeps a state by block of what is written in part.
    const auto [folio, order] = mapping.Folio(index);
    const uint64_t folio_end = (folio + (uint64_t{1} << order)) << shift;
    if (pos > folio << shift || end < folio_end)
      mapping.no_private.erase(folio);
  }
}

void FilemapWriteback(AddressSpace& mapping, uint64_t first, uint64_t last) {
  for (auto it = mapping.dirty.lower_bound(first);
       it != mapping.dirty.end() && *it <= last;
       it = mapping.dirty.lower_bound(first)) {
    const auto [folio, order] = mapping.Folio(*it);
    const uint64_t nr = uint64_t{1} << order;
    const std::set<uint64_t> dirty(mapping.dirty.lower_bound(folio),
                                   mapping.dirty.lower_bound(folio + nr));
    for (uint64_t i : dirty) mapping.dirty.erase(i);
    mapping.no_private.erase(folio);
    for (VmAreaStruct* vma : mapping.i_mmap) {
      if (!(vma->vm_flags & VM_SHARED)) continue;
      vma->vm_mm->MkcleanRange(*vma, folio, nr);
    }
    WriteFolio(mapping, folio, nr, dirty);
    ClearReadaheadMark(mapping, folio, nr);
    first = folio + nr;
  }
}

vm_fault_t FilemapPageMkwrite(VmFault& vmf) {
  AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  const auto [folio, order] = mapping.Folio(vmf.pgoff);
  const uint64_t nr = uint64_t{1} << order;
  mapping.no_private.erase(folio);
  for (uint64_t i = folio; i < folio + nr; ++i) mapping.dirty.insert(i);
  ClearReadaheadMark(mapping, folio, nr);
  return VM_FAULT_LOCKED;
}

bool IsReadaheadMark(const AddressSpace& mapping, uint64_t index) {
  return mapping.readahead.count(index) > 0;
}

vm_fault_t FilemapFault(VmFault& vmf) {
  AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  if (vmf.pgoff >= FilePages(vmf)) {
    vmf.reason = {.code = FaultReasonCode::kBeyondEof,
                  .want = vmf.pgoff,
                  .have = FilePages(vmf)};
    return VM_FAULT_SIGBUS;
  }
  vm_fault_t ret = 0;
  bool waits = false;
  const bool tried = (vmf.flags & FAULT_FLAG_TRIED) != 0;
  if (mapping.pages.count(vmf.pgoff) == 0) {
    SyncMmapReadahead(vmf);
    ret = VM_FAULT_MAJOR;
    waits = true;
  } else {
    if (!tried) waits = AsyncMmapReadahead(vmf);
    // ->read_folio.
    if (mapping.not_uptodate.erase(vmf.pgoff) > 0) {
      waits = true;
      if (mapping.a_ops != nullptr) {
        mapping.a_ops->Readahead(vmf, vmf.pgoff, 1);
      }
    }
  }
  // The first try drops the mmap lock while it waits for the page.
  const bool first = (vmf.flags & FAULT_FLAG_ALLOW_RETRY) && !tried;
  if (waits && first) return ret | VM_FAULT_RETRY;
  if (mapping.not_uptodate.contains(vmf.pgoff)) {
    vmf.reason = {.code = FaultReasonCode::kIomapError, .err = EIO};
    return VM_FAULT_SIGBUS;
  }
  vmf.page = mapping.pages[vmf.pgoff];
  vmf.has_page = true;
  return ret | VM_FAULT_LOCKED;
}

vm_fault_t FilemapMapPages(VmFault& vmf, uint64_t start, uint64_t end) {
  AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  const int pmd_order = vmf.mm->profile().pmd_order();
  const uint64_t stop = std::min(end + 1, FilePages(vmf));
  vm_fault_t ret = 0;
  bool is_first = true;
  for (auto it = mapping.pages.lower_bound(start);
       it != mapping.pages.end() && it->first < stop;) {
    const uint64_t index = it->first;
    const auto [folio, order] = mapping.Folio(index);
    const uint64_t nr = uint64_t{1} << order;
    it = mapping.pages.lower_bound(folio + nr);
    if (IsReadaheadMark(mapping, index)) continue;
    if (mapping.not_uptodate.contains(index)) continue;
    if (is_first && HasNoTable(vmf, folio + nr)) return 0;
    const bool whole = MapsWhole(vmf, folio, nr);
    // filemap_map_pmd(): the first folio may be a huge page.
    if (is_first && order == pmd_order &&
        (whole || !vmf.mm->profile().map_whole_folios) &&
        DoSetPmd(vmf, folio)) {
      return VM_FAULT_NOPAGE;
    }
    is_first = false;
    const uint64_t to = std::min(folio + nr, stop);
    ret |= whole ? MapFolioRange(vmf, folio, nr)
                 : MapFolioRange(vmf, index, to - index);
  }
  return ret;
}

VmOperations& GenericFileVmOps() {
  static auto* ops = new GenericVmOps;
  return *ops;
}

FileOperations& GenericFileOperations(bool readable) {
  static auto* with = new GenericFile(true);
  static auto* without = new GenericFile(false);
  return readable ? *with : *without;
}

FileOperations& BlockDeviceFileOperations(bool read_only) {
  static auto* writable = new BlockDeviceFile(false);
  static auto* readonly = new BlockDeviceFile(true);
  return read_only ? *readonly : *writable;
}

}  // namespace dmdax
