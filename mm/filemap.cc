// SPDX-License-Identifier: Apache-2.0
#include "mm/filemap.h"

#include <algorithm>
#include <cerrno>

#include "mm/mm_struct.h"

namespace dmdax {
namespace {

uint64_t PagesOf(const VmFault& vmf) {
  const uint64_t size = vmf.mm->profile().page_size();
  return (vmf.vma->vm_file->f_mapping->host->i_size + size - 1) / size;
}

void AddFolio(MemMap& mem, AddressSpace& mapping, uint64_t index, int order) {
  const uint64_t nr = uint64_t{1} << order;
  for (uint64_t i = index; i < index + nr; ++i) {
    mapping.pages[i] = mem.AllocRam();
  }
  if (order > 0) mapping.folios[index] = order;
}

// Pages [first, last] as far as whole folios make it larger.
void WidenToFolios(const VmFault& vmf, uint64_t* first, uint64_t* last) {
  const AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  for (const auto& [index, order] : mapping.folios) {
    const uint64_t end = index + (uint64_t{1} << order);
    if (end <= *first || index > *last) continue;
    *first = std::min(*first, index);
    *last = std::max(*last, end - 1);
  }
  // Within the VMA and the page table.
  const FaultProfile& profile = vmf.mm->profile();
  const uint64_t page = vmf.address >> profile.page_shift;
  const uint64_t table = page & ~(profile.pmd_nr() - 1);
  const uint64_t low = std::max(table, vmf.vma->vm_start >> profile.page_shift);
  const uint64_t high = std::min(table + profile.pmd_nr(),
                                 vmf.vma->vm_end >> profile.page_shift) -
                        1;
  const uint64_t below = page - low;
  *first = std::max(*first, vmf.pgoff < below ? 0 : vmf.pgoff - below);
  *last = std::min(*last, vmf.pgoff + (high - page));
}

// One page comes into the cache; runs of missing pages are read together.
class Reader {
 public:
  explicit Reader(VmFault& vmf)
      : vmf_(vmf), mapping_(*vmf.vma->vm_file->f_mapping) {}
  ~Reader() { Flush(); }

  // A folio of 2^order pages, marked or not.  False when a page of it is
  // there already.
  bool Add(uint64_t index, int order, bool mark) {
    const uint64_t nr = uint64_t{1} << order;
    auto next = mapping_.pages.lower_bound(index);
    if (next != mapping_.pages.end() && next->first < index + nr) {
      Flush();
      return false;
    }
    if (nr_ == 0) first_ = index;
    nr_ += nr;
    AddFolio(vmf_.mm->mem(), mapping_, index, order);
    for (uint64_t i = index; mark && i < index + nr; ++i) {
      mapping_.readahead.insert(i);
    }
    return true;
  }

 private:
  void Flush() {
    if (nr_ > 0 && mapping_.a_ops != nullptr) {
      mapping_.a_ops->Readahead(vmf_, first_, nr_);
    }
    nr_ = 0;
  }

  VmFault& vmf_;
  AddressSpace& mapping_;
  uint64_t first_ = 0;
  uint64_t nr_ = 0;
};

// do_sync_mmap_readahead(): reads around the page; a quarter of the window
// from its end a mark asks for the next one.
void ReadAround(VmFault& vmf) {
  const AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  const uint64_t half = kReadaheadPages / 2;
  const uint64_t start = vmf.pgoff < half ? 0 : vmf.pgoff - half;
  const uint64_t end = std::min(start + kReadaheadPages, PagesOf(vmf));
  const bool large = mapping.a_ops != nullptr && mapping.a_ops->large_folios();
  Reader reader(vmf);
  uint64_t index = start;
  if (large) {
    // page_cache_ra_order(): folios of the preferred order, smaller where
    // they would not be aligned or reach past the end; never order 1.
    const uint64_t mark = start + kReadaheadPages - kReadaheadPages / 4;
    while (index < end) {
      int order = vmf.mm->profile().mmap_readahead_order;
      while (order > 0 &&
             ((index & ((uint64_t{1} << order) - 1)) != 0 ||
              index + (uint64_t{1} << order) > end || order == 1)) {
        --order;
      }
      const uint64_t nr = uint64_t{1} << order;
      if (!reader.Add(index, order, mark >= index && mark < index + nr)) break;
      index += nr;
    }
  }
  // do_page_cache_ra(): single pages; the mark counts from where it ends.
  const uint64_t mark = end - std::min(end, kReadaheadPages / 4);
  for (; index < end; ++index) reader.Add(index, 0, index == mark);
}

class GenericVmOps final : public VmOperations {
 public:
  std::string name() const override { return "generic_file_vm_ops"; }
  unsigned hooks() const override { return kFault | kMapPages | kPageMkwrite; }
  vm_fault_t Fault(VmFault& vmf) override { return FilemapFault(vmf); }
  vm_fault_t MapPages(VmFault& vmf, uint64_t start, uint64_t end) override {
    return FilemapMapPages(vmf, start, end);
  }
  // filemap_page_mkwrite().
  vm_fault_t PageMkwrite(VmFault&) override { return VM_FAULT_LOCKED; }
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
                  AddressSpace& mapping, uint64_t first, uint64_t nr) {
  const bool large = profile.write_large_folios && mapping.a_ops != nullptr &&
                     mapping.a_ops->large_folios();
  for (uint64_t index = first; index < first + nr;) {
    int order = 0;
    while (large && order < profile.pmd_order() &&
           (index & ((uint64_t{2} << order) - 1)) == 0 &&
           index + (uint64_t{2} << order) <= first + nr) {
      ++order;
    }
    AddFolio(mem, mapping, index, order);
    index += uint64_t{1} << order;
  }
}

bool IsReadaheadMark(const AddressSpace& mapping, uint64_t index) {
  return mapping.readahead.count(index) > 0;
}

vm_fault_t FilemapFault(VmFault& vmf) {
  AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  if (vmf.pgoff >= PagesOf(vmf)) {
    vmf.reason = {.code = FaultReasonCode::kBeyondEof,
                  .want = vmf.pgoff,
                  .have = PagesOf(vmf)};
    return VM_FAULT_SIGBUS;
  }
  vm_fault_t ret = 0;
  bool waits = false;
  if (mapping.pages.count(vmf.pgoff) == 0) {
    ReadAround(vmf);
    ret = VM_FAULT_MAJOR;
    waits = true;
  } else if (mapping.readahead.erase(vmf.pgoff) > 0) {
    waits = true;  // do_async_mmap_readahead() drops the lock too
  }
  const bool first =
      (vmf.flags & FAULT_FLAG_ALLOW_RETRY) && !(vmf.flags & FAULT_FLAG_TRIED);
  if (waits && first) return ret | VM_FAULT_RETRY;
  vmf.page = mapping.pages[vmf.pgoff];
  vmf.has_page = true;
  return ret | VM_FAULT_LOCKED;
}

vm_fault_t FilemapMapPages(VmFault& vmf, uint64_t start, uint64_t end) {
  MmStruct& mm = *vmf.mm;
  AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  const int shift = mm.profile().page_shift;
  if (mm.profile().map_whole_folios) WidenToFolios(vmf, &start, &end);
  const uint64_t last = std::min(end + 1, PagesOf(vmf));
  vm_fault_t ret = 0;
  for (auto it = mapping.pages.lower_bound(start);
       it != mapping.pages.end() && it->first < last; ++it) {
    if (IsReadaheadMark(mapping, it->first)) continue;
    if (mm.mem().HwPoison(it->second)) continue;
    const uint64_t addr = vmf.address + ((it->first - vmf.pgoff) << shift);
    PtSlot slot = mm.page_table().PteSlot(addr, true);
    if (!slot || !slot.none()) continue;
    slot.Set(mm.pte_ops().MkPte(it->second, vmf.vma->vm_page_prot));
    mm.mem().Get(it->second);
    mm.mem().AddMapcount(it->second, 1);
    ++mm.rss_file;
    if (it->first == vmf.pgoff) ret = VM_FAULT_NOPAGE;
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
