// SPDX-License-Identifier: Apache-2.0
//
// The functions that put a page frame into a page table.
//
//   vm_fault_t ret = VmfInsertMixed(vmf, vmf.address, pfn, /*mkwrite=*/false);
//
// Their preconditions are the kernel's.  A BUG_ON that fails returns
// VM_FAULT_KERNEL_BUG and leaves the condition in FaultOutcome::bug; a WARN_ON
// goes to FaultOutcome::warnings; neither crashes.
//
// Mirrors: insert_pfn, insert_page, __vm_insert_mixed, vmf_insert_pfn_prot of
// mm/memory.c; vmf_insert_pfn_pmd, vmf_insert_pfn_pud of mm/huge_memory.c
// (4.14 to 6.12); vmf_insert_page_mkwrite, vmf_insert_folio_pmd and _pud
// (6.15).
#ifndef DMDAX_MM_INSERT_H_
#define DMDAX_MM_INSERT_H_

#include <cstdint>
#include <optional>

#include "mm/mm_struct.h"

namespace dmdax {

// pfn_t_devmap(): PFN_DEV and PFN_MAP, where the architecture has the bit.
inline bool PfnDevmap(const FaultProfile& profile, FlaggedPfn pfn) {
  return profile.has_pte_devmap && pfn.dev && pfn.map;
}

// vm_normal_page(), vm_normal_page_pmd(): the page of an entry that is
// counted, or nothing for special, devmap and zero entries.
std::optional<pfn_t> VmNormalPage(MmStruct& mm, const VmAreaStruct& vma,
                                  uint64_t addr, Pte entry, int order);

// maybe_mkwrite(): writable if the VMA is.
inline Pte MaybeMkwrite(const PteOps& ops, Pte entry, const VmAreaStruct& vma) {
  return (vma.vm_flags & VM_WRITE) ? ops.MkWrite(entry) : entry;
}

// insert_pfn(): an uncounted entry.  0, -ENOMEM, and in 4.14 -EBUSY.
int InsertPfn(VmFault& vmf, uint64_t addr, FlaggedPfn pfn, bool mkwrite);
// insert_page(): a counted one.  0, -ENOMEM, -EBUSY, -EINVAL, -EFAULT.
int InsertPage(VmFault& vmf, uint64_t addr, pfn_t pfn, bool mkwrite);

// vmf_insert_pfn(): for VM_PFNMAP mappings.
vm_fault_t VmfInsertPfn(VmFault& vmf, uint64_t addr, pfn_t pfn);
// vmf_insert_mixed() and vmf_insert_mixed_mkwrite(); until 4.17
// vm_insert_mixed with its errno already turned.
vm_fault_t VmfInsertMixed(VmFault& vmf, uint64_t addr, FlaggedPfn pfn,
                          bool mkwrite);
// vmf_insert_page_mkwrite() (6.15).
vm_fault_t VmfInsertPageMkwrite(VmFault& vmf, pfn_t pfn, bool write);

// vmf_insert_pfn_pmd(), vmf_insert_pfn_pud().
vm_fault_t VmfInsertPfnPmd(VmFault& vmf, FlaggedPfn pfn, bool write);
vm_fault_t VmfInsertPfnPud(VmFault& vmf, FlaggedPfn pfn, bool write);
// vmf_insert_folio_pmd(), vmf_insert_folio_pud() (6.15): the folio that
// holds `pfn`, mapped from its head.
vm_fault_t VmfInsertFolioPmd(VmFault& vmf, pfn_t pfn, bool write);
vm_fault_t VmfInsertFolioPud(VmFault& vmf, pfn_t pfn, bool write);

// remap_pfn_range(): maps the whole VMA to frames from `pfn` on and makes it
// VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP.  -EINVAL for a private
// writable mapping that is not covered whole.
int RemapPfnRange(MmStruct& mm, VmAreaStruct& vma, uint64_t addr, pfn_t pfn,
                  uint64_t size);

}  // namespace dmdax

#endif  // DMDAX_MM_INSERT_H_
