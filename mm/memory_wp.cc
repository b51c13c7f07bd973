// SPDX-License-Identifier: Apache-2.0
#include "mm/insert.h"
#include "mm/memory.h"

namespace dmdax {
namespace {

vm_fault_t WriteBit(const VmFault& vmf) {
  return vmf.mm->profile().returns_fault_write ? VM_FAULT_WRITE : 0;
}

// wp_page_reuse(): the entry becomes writable in place.
void WpPageReuse(VmFault& vmf) {
  const PteOps& ops = vmf.mm->pte_ops();
  PtSlot slot = vmf.mm->page_table().PteSlot(vmf.address, false);
  slot.Set(MaybeMkwrite(ops, ops.MkDirty(ops.MkYoung(slot.value())), *vmf.vma));
}

// finish_mkwrite_fault().
vm_fault_t FinishMkwriteFault(VmFault& vmf) {
  PtSlot slot = vmf.mm->page_table().PteSlot(vmf.address, false);
  if (!slot || slot.value() != vmf.orig_pte) return VM_FAULT_NOPAGE;
  WpPageReuse(vmf);
  return 0;
}

vm_fault_t WpPfnShared(VmFault& vmf) {
  VmOperations* ops = vmf.vma->vm_ops;
  if (ops == nullptr || !ops->has(VmOperations::kPfnMkwrite)) {
    WpPageReuse(vmf);
    return WriteBit(vmf);
  }
  vm_fault_t ret = VmfCanCallFault(vmf);
  if (ret != 0) return ret;
  vmf.flags |= FAULT_FLAG_MKWRITE;
  ret = ops->PfnMkwrite(vmf);
  if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)) return ret;
  return FinishMkwriteFault(vmf);
}

vm_fault_t WpPageShared(VmFault& vmf) {
  VmOperations* ops = vmf.vma->vm_ops;
  const bool mkwrite = ops != nullptr && ops->has(VmOperations::kPageMkwrite);
  if (mkwrite) {
    vm_fault_t ret = VmfCanCallFault(vmf);
    if (ret != 0) return ret;
    const unsigned flags = vmf.flags;
    // do_page_mkwrite() shows these flags alone to the handler.
    vmf.flags = FAULT_FLAG_WRITE | FAULT_FLAG_MKWRITE;
    ret = ops->PageMkwrite(vmf);
    vmf.flags = flags;
    if (ret == 0 || (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE))) return ret;
    ret = FinishMkwriteFault(vmf);
    if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE)) return ret;
  } else {
    WpPageReuse(vmf);
  }
  return WriteBit(vmf) | FaultDirtySharedPage(vmf, mkwrite);
}

// wp_page_copy(): a private page of its own.
vm_fault_t WpPageCopy(VmFault& vmf) {
  MmStruct& mm = *vmf.mm;
  const PteOps& ops = mm.pte_ops();
  vmf.mm->AnonVmaPrepare(*vmf.vma);
  PtSlot slot = mm.page_table().PteSlot(vmf.address, false);
  mm.ZapLeaf(*vmf.vma, slot, vmf.address, 0);
  const Pte entry = ops.MkPte(mm.mem().AllocRam(), vmf.vma->vm_page_prot);
  slot.Set(MaybeMkwrite(ops, ops.MkDirty(ops.MkYoung(entry)), *vmf.vma));
  ++mm.rss_anon;
  return WriteBit(vmf);
}

// A page of file-system DAX, which is counted but goes the pfn way.
bool IsFsdaxPage(MmStruct& mm, pfn_t pfn) {
  const DevPagemap* pgmap = mm.mem().FindPagemap(pfn);
  return pgmap != nullptr && pgmap->type == MemoryType::kFsDax;
}

// A private copy made earlier: nobody else has it, so it is used again.
bool IsAnonPage(VmFault& vmf, pfn_t pfn) {
  if (!vmf.mm->mem().IsRam(pfn)) return false;
  if (vmf.vma->vm_file == nullptr) return true;
  const auto& cache = vmf.vma->vm_file->f_mapping->pages;
  auto it = cache.find(vmf.pgoff);
  return it == cache.end() || it->second != pfn;
}

}  // namespace

vm_fault_t DoWpPage(VmFault& vmf) {
  MmStruct& mm = *vmf.mm;
  const std::optional<pfn_t> page =
      VmNormalPage(mm, *vmf.vma, vmf.address, vmf.orig_pte, 0);
  if (vmf.vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) {
    if (!page || IsFsdaxPage(mm, *page)) return WpPfnShared(vmf);
    vmf.page = *page;
    vmf.has_page = true;
    return WpPageShared(vmf);
  }
  // A copy that a fork shared is copied again while both have it.
  if (page && IsAnonPage(vmf, *page) && !mm.mem().SharedByFork(*page)) {
    WpPageReuse(vmf);
    return WriteBit(vmf);
  }
  return WpPageCopy(vmf);
}

vm_fault_t FaultDirtySharedPage(VmFault& vmf, bool page_mkwrite) {
  // Without ->page_mkwrite nobody throttles: only pages of files that are
  // written back become dirty here.
  if (!page_mkwrite) return 0;
  // maybe_unlock_mmap_for_io(): the first try drops its lock to throttle.
  const bool first =
      (vmf.flags & FAULT_FLAG_ALLOW_RETRY) && !(vmf.flags & FAULT_FLAG_TRIED);
  if (!first || (vmf.flags & FAULT_FLAG_RETRY_NOWAIT)) return 0;
  return vmf.mm->profile().has_fault_completed ? VM_FAULT_COMPLETED
                                               : VM_FAULT_RETRY;
}

}  // namespace dmdax
