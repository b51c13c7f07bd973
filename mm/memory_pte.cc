// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "mm/insert.h"
#include "mm/memory.h"
#include "mm/readahead.h"

namespace dmdax {
namespace {

constexpr vm_fault_t kNoPageComes =
    VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY;

// do_anonymous_page(): the zero page for a read, a fresh one for a write.
vm_fault_t DoAnonymousPage(VmFault& vmf) {
  MmStruct& mm = *vmf.mm;
  const PteOps& ops = mm.pte_ops();
  PtSlot slot = mm.page_table().PteSlot(vmf.address, true);
  if (!slot) return VM_FAULT_OOM;
  if (!vmf.write()) {
    slot.Set(
        ops.MkSpecial(ops.MkPte(mm.mem().zero_pfn(), vmf.vma->vm_page_prot)));
    return 0;
  }
  vmf.mm->AnonVmaPrepare(*vmf.vma);
  Pte entry = ops.MkPte(mm.mem().AllocRam(), vmf.vma->vm_page_prot);
  slot.Set(MaybeMkwrite(ops, ops.MkDirty(ops.MkYoung(entry)), *vmf.vma));
  ++mm.rss_anon;
  return 0;
}

// do_fault_around(): the naturally aligned window, clipped to the VMA and
// the page table.
vm_fault_t DoFaultAround(VmFault& vmf) {
  const FaultProfile& profile = vmf.mm->profile();
  const VmAreaStruct& vma = *vmf.vma;
  const uint64_t nr = kFaultAroundBytes >> profile.page_shift;
  const uint64_t index = vmf.address >> profile.page_shift;
  const uint64_t table = index & ~(profile.pmd_nr() - 1);
  uint64_t from = std::max(index & ~(nr - 1), table);
  from = std::max(from, vma.vm_start >> profile.page_shift);
  uint64_t to = std::min(from + nr, table + profile.pmd_nr());
  to = std::min(to, vma.vm_end >> profile.page_shift);
  return vma.vm_ops->MapPages(vmf, vmf.pgoff - (index - from),
                              vmf.pgoff + (to - 1 - index));
}

// The handler's page is poisoned and must not reach user space.
vm_fault_t PoisonedPage(VmFault& vmf, vm_fault_t ret) {
  const bool locked = (ret & VM_FAULT_LOCKED) != 0;
  AddressSpace* mapping =
      vmf.vma->vm_file ? vmf.vma->vm_file->f_mapping : nullptr;
  vmf.has_page = false;
  vmf.page_lock = PageLock::kUnlocked;
  if (vmf.mm->profile().hwpoison_invalidates_clean && locked &&
      mapping != nullptr && mapping->pages.erase(vmf.pgoff) > 0) {
    return VM_FAULT_NOPAGE;
  }
  vmf.reason = {.code = FaultReasonCode::kHwpoisonPage,
                .want = vmf.page.value()};
  return VM_FAULT_HWPOISON;
}

}  // namespace

vm_fault_t DoPteFault(VmFault& vmf) {
  MmStruct& mm = *vmf.mm;
  const PteOps& ops = mm.pte_ops();
  if (vmf.pmd.is_leaf()) return 0;  // a huge page appeared: try again
  vmf.pte = PtSlot();
  if (vmf.pmd.none()) {
    vmf.flags &= ~FAULT_FLAG_ORIG_PTE_VALID;
  } else {
    if (mm.profile().orig_pte_valid_flag) {
      vmf.flags |= FAULT_FLAG_ORIG_PTE_VALID;
    }
    vmf.pte = mm.page_table().PteOf(vmf.pmd, vmf.address, false);
    vmf.orig_pte = vmf.pte.value();
    if (vmf.pte.none()) vmf.pte = PtSlot();
  }
  if (!vmf.pte) {
    return vmf.vma->anonymous() ? DoAnonymousPage(vmf) : DoFault(vmf);
  }
  Pte entry = vmf.orig_pte;
  if (vmf.write()) {
    if (!ops.Write(entry)) return DoWpPage(vmf);
    entry = ops.MkDirty(entry);
  }
  vmf.pte.Set(ops.MkYoung(entry));
  return 0;
}

vm_fault_t DoFault(VmFault& vmf) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDoFault);
  if (!vmf.vma->vm_ops->has(VmOperations::kFault)) {
    return FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kNoFault,
                     vmf.vma->vm_ops->name());
  }
  if (!vmf.write()) return DoReadFault(vmf);
  if (!(vmf.vma->vm_flags & VM_SHARED)) return DoCowFault(vmf);
  return DoSharedFault(vmf);
}

vm_fault_t DoFaultCore(VmFault& vmf) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDoFaultCore);
  vmf.page_lock = PageLock::kAsReturned;
  const vm_fault_t ret = vmf.vma->vm_ops->Fault(vmf);
  if (ret & (kNoPageComes | VM_FAULT_DONE_COW)) return ret;
  if (vmf.mm->mem().HwPoison(vmf.page)) return PoisonedPage(vmf, ret);
  // VM_BUG_ON_PAGE: the emulator is a kernel with CONFIG_DEBUG_VM.
  if ((ret & VM_FAULT_LOCKED) && vmf.page_lock == PageLock::kUnlocked) {
    return vmf.mm->Bug(vmf, "!PageLocked(vmf->page)");
  }
  // Whether the page came locked or is locked here, it is locked now; the
  // result does not say so.
  vmf.page_lock = PageLock::kLocked;
  return ret;
}

bool FolioIsWithin(const VmFault& vmf, uint64_t first, uint64_t nr) {
  const FaultProfile& profile = vmf.mm->profile();
  const VmAreaStruct& vma = *vmf.vma;
  if (first < vma.vm_pgoff) return false;
  const uint64_t addr =
      vma.vm_start + ((first - vma.vm_pgoff) << profile.page_shift);
  const uint64_t last = addr + (nr << profile.page_shift) - 1;
  return last < vma.vm_end &&
         (addr & profile.pmd_mask()) == (last & profile.pmd_mask());
}

bool DoSetPmd(VmFault& vmf, uint64_t first) {
  MmStruct& mm = *vmf.mm;
  const FaultProfile& profile = mm.profile();
  const PteOps& ops = mm.pte_ops();
  const uint64_t nr = profile.pmd_nr();
  if (vmf.pmd && !vmf.pmd.none()) return false;
  if (!FolioIsWithin(vmf, first, nr)) return false;
  const bool forbidden =
      (vmf.vma->vm_flags & VM_NOHUGEPAGE) != 0 || mm.thp_disabled;
  if (forbidden && profile.set_pmd_asks_vma) return false;
  PtSlot slot = mm.page_table().Pmd(vmf.address, true);
  if (!slot || !slot.none()) return false;
  const pfn_t pfn = vmf.vma->vm_file->f_mapping->pages[first];
  Pte entry = ops.MkHuge(ops.MkPte(pfn, vmf.vma->vm_page_prot));
  if (vmf.write()) entry = MaybeMkwrite(ops, ops.MkDirty(entry), *vmf.vma);
  slot.Set(entry);
  mm.mem().Get(pfn);
  mm.mem().AddMapcount(pfn, 1);
  mm.rss_file += static_cast<int64_t>(nr);
  return true;
}

namespace {

// The part of finish_fault() that maps more than the page: a large folio of a
// file whole, or 0 pages.
uint64_t FinishFolio(VmFault& vmf) {
  MmStruct& mm = *vmf.mm;
  const FaultProfile& profile = mm.profile();
  const PteOps& ops = mm.pte_ops();
  if (vmf.vma->vm_file == nullptr) return 0;
  const AddressSpace& mapping = *vmf.vma->vm_file->f_mapping;
  const auto [first, order] = mapping.Folio(vmf.pgoff);
  const uint64_t nr = uint64_t{1} << order;
  if (order == 0) return 0;
  const bool inside = first + nr <= FilePages(vmf);
  if (order == profile.pmd_order() && (inside || !profile.map_whole_folios) &&
      DoSetPmd(vmf, first)) {
    return nr;
  }
  if (!profile.map_whole_folios || !inside || !FolioIsWithin(vmf, first, nr)) {
    return 0;
  }
  const uint64_t start =
      vmf.address - ((vmf.pgoff - first) << profile.page_shift);
  const auto slot_of = [&](uint64_t i) {
    return mm.page_table().PteSlot(start + (i << profile.page_shift), true);
  };
  for (uint64_t i = 0; i < nr; ++i) {
    if (!slot_of(i).none()) return 0;
  }
  for (uint64_t i = 0; i < nr; ++i) {
    const pfn_t pfn = mapping.pages.at(first + i);
    Pte entry = ops.MkPte(pfn, vmf.vma->vm_page_prot);
    if (vmf.write()) entry = MaybeMkwrite(ops, ops.MkDirty(entry), *vmf.vma);
    slot_of(i).Set(entry);
    mm.mem().Get(pfn);
    mm.mem().AddMapcount(pfn, 1);
    ++mm.rss_file;
  }
  return nr;
}

}  // namespace

vm_fault_t FinishFault(VmFault& vmf) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kFinishFault);
  MmStruct& mm = *vmf.mm;
  const PteOps& ops = mm.pte_ops();
  const bool cow = vmf.write() && !(vmf.vma->vm_flags & VM_SHARED);
  if (!cow && FinishFolio(vmf) > 0) return 0;
  const pfn_t pfn = cow ? vmf.cow_page : vmf.page;
  PtSlot slot = mm.page_table().PteSlot(vmf.address, true);
  if (!slot) return VM_FAULT_OOM;
  // The handler may have filled the entry itself.
  if (!slot.none()) return VM_FAULT_NOPAGE;
  Pte entry = ops.MkPte(pfn, vmf.vma->vm_page_prot);
  if (vmf.write()) entry = MaybeMkwrite(ops, ops.MkDirty(entry), *vmf.vma);
  slot.Set(entry);
  if (cow) {
    ++mm.rss_anon;
  } else {
    mm.mem().Get(pfn);
    mm.mem().AddMapcount(pfn, 1);
    ++mm.rss_file;
  }
  return 0;
}

vm_fault_t DoReadFault(VmFault& vmf) {
  const bool around = vmf.vma->vm_ops->has(VmOperations::kMapPages) &&
                      (kFaultAroundBytes >> vmf.mm->profile().page_shift) > 1;
  if (around) {
    const vm_fault_t ret = DoFaultAround(vmf);
    if (ret != 0) return ret;
  }
  vm_fault_t ret = VmfCanCallFault(vmf);
  if (ret != 0) return ret;
  ret = DoFaultCore(vmf);
  if (ret & kNoPageComes) return ret;
  return ret | FinishFault(vmf);
}

vm_fault_t DoCowFault(VmFault& vmf) {
  MmStruct& mm = *vmf.mm;
  vm_fault_t ret = VmfCanCallFault(vmf);
  if (ret != 0) return ret;
  vmf.mm->AnonVmaPrepare(*vmf.vma);
  vmf.cow_page = mm.mem().AllocRam();
  vmf.has_cow_page = true;
  ret = DoFaultCore(vmf);
  if (ret & kNoPageComes) {
    mm.mem().Put(vmf.cow_page);
    return ret;
  }
  if (ret & VM_FAULT_DONE_COW) return ret;
  return ret | FinishFault(vmf);
}

vm_fault_t DoSharedFault(VmFault& vmf) {
  vm_fault_t ret = VmfCanCallFault(vmf);
  if (ret != 0) return ret;
  ret = DoFaultCore(vmf);
  if (ret & kNoPageComes) return ret;
  const bool mkwrite = vmf.vma->vm_ops->has(VmOperations::kPageMkwrite);
  if (mkwrite) {
    const unsigned flags = vmf.flags;
    // do_page_mkwrite() shows these flags alone to the handler.
    vmf.flags = FAULT_FLAG_WRITE | FAULT_FLAG_MKWRITE;
    const vm_fault_t tmp = vmf.vma->vm_ops->PageMkwrite(vmf);
    vmf.flags = flags;
    if (tmp == 0 || (tmp & (VM_FAULT_ERROR | VM_FAULT_NOPAGE))) return tmp;
  }
  ret |= FinishFault(vmf);
  if (ret & kNoPageComes) return ret;
  return ret | FaultDirtySharedPage(vmf, mkwrite);
}

}  // namespace dmdax
