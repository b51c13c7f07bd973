// SPDX-License-Identifier: Apache-2.0
//
// fork(2): a child's copy of an address space.
// Mirrors: kernel/fork.c dup_mmap; mm/memory.c copy_page_range, vma_needs_copy,
// copy_present_pte; anon_vma_fork of mm/rmap.c (6.1).
#include <memory>
#include <optional>
#include <utility>

#include "mm/insert.h"
#include "mm/mm_struct.h"

namespace dmdax {

// copy_page_range(), for a mapping that has private copies or frames without
// pages.  What the next fault finds again is left to it: huge entries of files
// too.
void MmStruct::CopyPageRange(VmAreaStruct& vma, MmStruct& child) {
  for (uint64_t at = vma.vm_start; at < vma.vm_end;) {
    int order = 0;
    PtSlot slot = page_table_.Lookup(at, &order);
    const uint64_t size = uint64_t{1} << (order + profile_.page_shift);
    if (!slot || order > 0) {
      at = slot ? (at & ~(size - 1)) + size : at + profile_.page_size();
      continue;
    }
    Pte entry = slot.value();
    const std::optional<pfn_t> page = VmNormalPage(*this, vma, at, entry, 0);
    if (page) {
      mem_.Get(*page);
      if (IsAnonPage(vma, at, slot)) {
        mem_.ShareByFork(*page);
        ++child.rss_anon;
      } else {
        mem_.AddMapcount(*page, 1);
        ++child.rss_file;
      }
    }
    if (IsCowMapping(vma.vm_flags) && pte_ops_.Write(entry)) {
      entry = pte_ops_.Wrprotect(entry);
      slot.Set(entry);
    }
    if (vma.vm_flags & VM_SHARED) entry = pte_ops_.MkClean(entry);
    child.page_table_.PteSlot(at, true).Set(entry);
    at += size;
  }
}

std::unique_ptr<MmStruct> MmStruct::Fork() {
  auto child = std::make_unique<MmStruct>(profile_, mem_);
  child->thp_enabled = thp_enabled;
  child->comm = comm;
  child->thp_disabled = thp_disabled;
  child->task_size = task_size;
  child->mmap_base = mmap_base;
  child->mmap_min_addr = mmap_min_addr;
  child->sysctl_max_map_count = sysctl_max_map_count;
  for (VmAreaStruct* vma : vmas()) {
    if (vma->vm_flags & VM_DONTCOPY) continue;
    auto copy = std::make_unique<VmAreaStruct>(*vma);
    copy->vm_mm = child.get();
    copy->vm_flags &= ~VM_LOCKED;
    copy->fork_child = vma->anon_vma != 0;
    copy->anon_vma = vma->anon_vma != 0 ? ++child->last_anon_vma_ : 0;
    VmAreaStruct* linked = child->LinkVma(std::move(copy));
    if (linked->vm_ops != nullptr && linked->vm_ops->has(VmOperations::kOpen)) {
      linked->vm_ops->Open(*linked);
    }
    if (vma->anon_vma != 0 || (vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP))) {
      CopyPageRange(*vma, *child);
    }
  }
  return child;
}

}  // namespace dmdax
