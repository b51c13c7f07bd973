// SPDX-License-Identifier: Apache-2.0
//
// mprotect(2): other rights for a range of mappings.
// Mirrors: mm/mprotect.c do_mprotect_pkey, mprotect_fixup, change_protection
// (6.1; 6.12).
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "mm/mm_struct.h"

namespace dmdax {
namespace {

constexpr int kProtSem = 8;  // PROT_SEM of the kernel

// can_change_pte_writable(): the file system knows already that a dirty page is
// written, so the entry may become writable at once.
bool CanChangeWritable(MmStruct& mm, const VmAreaStruct& vma, Pte entry,
                       int order) {
  const FaultProfile& profile = mm.profile();
  if (!(vma.vm_flags & VM_WRITE) || !mm.pte_ops().Dirty(entry)) return false;
  if (order > 0 && !profile.mprotect_keeps_huge_writable) return false;
  if (vma.vm_flags & VM_SHARED) return true;
  // Only a copy that is this process's own.
  const pfn_t pfn = mm.pte_ops().Pfn(entry);
  return profile.mprotect_keeps_private_writable && mm.mem().IsRam(pfn) &&
         !mm.mem().IsZero(pfn) && mm.mem().Mapcount(pfn) == 0;
}

// change_protection() of one leaf.
Pte ChangeProtection(MmStruct& mm, Pte entry, const VmAreaStruct& vma,
                     int order) {
  const PteOps& ops = mm.pte_ops();
  const Pte changed = ops.Modify(entry, vma.vm_page_prot);
  return CanChangeWritable(mm, vma, entry, order) ? ops.MkWrite(changed)
                                                  : changed;
}

}  // namespace

absl::Status MmStruct::Mprotect(uint64_t addr, uint64_t len, int prot) {
  if (addr & ~profile_.page_mask()) {
    return ErrnoError(EINVAL, "the address is inside a page");
  }
  if (len == 0) return absl::OkStatus();
  const uint64_t end =
      addr + ((len + profile_.page_size() - 1) & profile_.page_mask());
  if (end <= addr) return ErrnoError(ENOMEM, "the range overflows");
  const int known = PROT_READ | PROT_WRITE | PROT_EXEC | kProtSem;
  if (prot & ~known) {
    return ErrnoError(EINVAL, absl::StrFormat("rights 0x%x", prot));
  }
  for (uint64_t at = addr; at < end;) {
    VmAreaStruct* vma = FindVma(at);
    if (vma == nullptr) return NotMapped(at);
    const uint64_t access = ProtFlags(prot);
    // VM_MAYREAD and so on stand 4 bits above VM_READ.
    if (access & ~(vma->vm_flags >> 4) & VM_ACCESS_FLAGS) {
      return ErrnoError(EACCES, "the mapping may not have these rights");
    }
    const uint64_t stop = std::min(end, vma->vm_end);
    absl::Status status = MprotectFixup(*vma, at, stop, access);
    if (!status.ok()) return status;
    at = stop;
  }
  return absl::OkStatus();
}

absl::Status MmStruct::MprotectFixup(VmAreaStruct& vma, uint64_t start,
                                     uint64_t end, uint64_t access) {
  const uint64_t old = vma.vm_flags;
  uint64_t vm_flags = (old & ~(VM_ACCESS_FLAGS | VM_PKEY_BIT0)) | access;
  if (vm_flags == old) return absl::OkStatus();
  // Memory that may be written from now on is counted, and stays so.
  if ((vm_flags & VM_WRITE) && !(old & (VM_ACCOUNT | VM_WRITE | VM_HUGETLB |
                                        VM_SHARED | VM_NORESERVE))) {
    vm_flags |= VM_ACCOUNT;
  }
  absl::StatusOr<VmAreaStruct*> changed =
      VmaModifyFlags(&vma, start, end, vm_flags);
  if (!changed.ok()) return changed.status();
  UpdatePageProt(**changed);
  for (uint64_t at = start; at < end;) {
    int order = 0;
    PtSlot slot = page_table_.Lookup(at, &order);
    if (slot) {
      slot.Set(ChangeProtection(*this, slot.value(), **changed, order));
    }
    const uint64_t size = uint64_t{1} << (order + profile_.page_shift);
    at = slot ? (at & ~(size - 1)) + size : at + profile_.page_size();
  }
  // A locked private mapping that becomes writable gets its copies now.
  if ((old & (VM_WRITE | VM_SHARED | VM_LOCKED)) == VM_LOCKED &&
      (vm_flags & VM_WRITE)) {
    (void)PopulateVma(**changed, start, end);
  }
  return absl::OkStatus();
}

}  // namespace dmdax
