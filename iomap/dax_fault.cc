// SPDX-License-Identifier: Apache-2.0
#include "iomap/dax_fault.h"

#include <cerrno>

#include "absl/strings/str_format.h"

namespace dmdax {
namespace {

using K = FaultEventKind;

auto Unmapper(DaxInode& inode) {
  return [&inode](uint64_t first, uint64_t nr) {
    inode.mapping.UnmapMappingPages(first, nr, EvenCows::kNo);
  };
}

uint64_t MaxPgoff(const FaultProfile& profile, uint64_t i_size) {
  const uint64_t size = profile.page_size();
  return (i_size + size - 1) / size;
}

// The functions that give a reason are out of line, as FailFault().
[[gnu::noinline]] void SetErrnoReason(VmFault& vmf, int error) {
  vmf.reason = {.code = FaultReasonCode::kIomapError, .err = -error};
}

[[gnu::noinline]] void SetReason(FaultReason* reason, FaultReasonCode code,
                                 uint64_t want, uint64_t have) {
  *reason = {.code = code, .want = want, .have = have};
}

[[gnu::noinline]] void SetExtentShort(VmFault& vmf, const IomapIter& iter) {
  vmf.reason = DaxExtentShort(*iter.inode->profile, iter.iomap.type, iter.pos,
                              iter.length());
}

// dax_fault_check_fallback(): true if the 2 MiB do not lie in the VMA or do not
// have the colour of the file.
bool CheckFallbackVma(const FaultProfile& profile, const VmAreaStruct& vma,
                      bool write, uint64_t address, uint64_t pgoff,
                      FaultReason* reason) {
  const uint64_t colour = profile.pmd_nr() - 1;
  const uint64_t addr_page = address >> profile.page_shift;
  const uint64_t pmd_addr = address & profile.pmd_mask();
  if ((pgoff & colour) != (addr_page & colour)) {
    SetReason(reason, FaultReasonCode::kVmaColour, pgoff & colour,
              addr_page & colour);
    return true;
  }
  if (write && !(vma.vm_flags & VM_SHARED)) {
    SetReason(reason, FaultReasonCode::kPrivateWrite, 0, 0);
    return true;
  }
  if (pmd_addr < vma.vm_start) {
    SetReason(reason, FaultReasonCode::kVmaStart, 0,
              (vma.vm_start - pmd_addr) >> profile.page_shift);
    return true;
  }
  const uint64_t pmd_end = pmd_addr + profile.pmd_size();
  if (pmd_end > vma.vm_end) {
    SetReason(reason, FaultReasonCode::kVmaEnd, 0,
              (pmd_end - vma.vm_end) >> profile.page_shift);
    return true;
  }
  return false;
}

bool BeyondEof(uint64_t index, uint64_t max_pgoff, FaultReason* reason) {
  if (index < max_pgoff) return false;
  SetReason(reason, FaultReasonCode::kBeyondEof, index, max_pgoff);
  return true;
}

// The loop over the pieces of the file.  It has one round: a piece is either
// large enough or ends the loop.
vm_fault_t PmdIterate(VmFault& vmf, DaxInode& inode, IomapOps& ops,
                      DaxEntry& entry, uint64_t index, FlaggedPfn* pfnp) {
  const FaultProfile& profile = *inode.profile;
  IomapIter iter;
  iter.inode = &inode;
  iter.pos = index << profile.page_shift;
  iter.len = profile.pmd_size();
  iter.flags = IOMAP_DAX | IOMAP_FAULT | (vmf.write() ? IOMAP_WRITE : 0u);
  vm_fault_t ret = VM_FAULT_FALLBACK;
  int more;
  while ((more = IomapIterNext(iter, ops, vmf.mm->recorder())) > 0) {
    if (iter.length() < profile.pmd_size()) {
      if (vmf.mm->reasons == FaultReasons::kAll) SetExtentShort(vmf, iter);
      continue;  // nothing processed: the next round ends the loop
    }
    ret = DaxFaultIter(vmf, iter, entry, index, true, pfnp);
    if (ret != VM_FAULT_FALLBACK) iter.processed = profile.pmd_size();
  }
  if (more < 0 && !vmf.reason) SetErrnoReason(vmf, more);
  return ret;
}

// grab_mapping_entry() and dax_unlock_entry(), as the call graph shows them.
DaxEntries::Grabbed GrabEntry(VmFault& vmf, DaxInode& inode, uint64_t index,
                              int order) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kGrabMappingEntry);
  return inode.entries.Grab(index, order, Unmapper(inode));
}

void UnlockEntry(VmFault& vmf, DaxInode& inode, DaxEntry& entry) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDaxUnlockEntry);
  inode.entries.Unlock(entry);
}

vm_fault_t DaxIomapPmdFault(VmFault& vmf, DaxInode& inode, IomapOps& ops,
                            FlaggedPfn* pfnp) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDaxIomapPmdFault);
  const FaultProfile& profile = *inode.profile;
  const uint64_t index = vmf.pgoff & ~(profile.pmd_nr() - 1);
  const uint64_t max_pgoff = MaxPgoff(profile, inode.i_size);
  RecordDax(vmf, inode, K::kDaxPmdFault, 0, max_pgoff);
  vm_fault_t ret = DaxCheckPmdFault(profile, *vmf.vma, vmf.write(), vmf.address,
                                    vmf.pgoff, inode.i_size, &vmf.reason);
  if (ret == 0) {
    const DaxEntries::Grabbed grabbed =
        GrabEntry(vmf, inode, index, profile.pmd_order());
    if (grabbed.entry == nullptr) {
      ret = FailFault(vmf, grabbed.fault, FaultReasonCode::kEntryConflict);
    } else if (vmf.pmd.is_table()) {
      // A PTE fault was faster: the access is tried again.
      UnlockEntry(vmf, inode, *grabbed.entry);
    } else {
      ret = PmdIterate(vmf, inode, ops, *grabbed.entry, index, pfnp);
      UnlockEntry(vmf, inode, *grabbed.entry);
    }
  }
  // The huge entry must go before single pages can be mapped there.
  if (ret == VM_FAULT_FALLBACK && vmf.pmd.is_leaf()) {
    vmf.mm->SplitHugePmd(*vmf.vma, vmf.pmd, vmf.address);
  }
  RecordDax(vmf, inode, K::kDaxPmdFaultDone, ret, max_pgoff);
  return ret;
}

vm_fault_t PteIterate(VmFault& vmf, DaxInode& inode, IomapOps& ops,
                      DaxEntry& entry, FlaggedPfn* pfnp, int* errp,
                      vm_fault_t* major) {
  const FaultProfile& profile = *inode.profile;
  // A private write only reads the file: it fills a copy.
  const bool write = vmf.write() && !vmf.has_cow_page;
  IomapIter iter;
  iter.inode = &inode;
  iter.pos = vmf.pgoff << profile.page_shift;
  iter.len = profile.page_size();
  iter.flags = IOMAP_DAX | IOMAP_FAULT | (write ? IOMAP_WRITE : 0u);
  vm_fault_t ret = 0;
  int error;
  while ((error = IomapIterNext(iter, ops, vmf.mm->recorder())) > 0) {
    if (iter.length() < profile.page_size()) {
      vmf.mm->Warn("iomap_length(&iter) < PAGE_SIZE");
      iter.processed = -EIO;
      continue;
    }
    ret = DaxFaultIter(vmf, iter, entry, vmf.pgoff, false, pfnp);
    const bool fresh = (iter.iomap.flags & IOMAP_F_NEW) != 0;
    if (fresh && (ret != VM_FAULT_SIGBUS || !profile.dax_major_in_result)) {
      *major = VM_FAULT_MAJOR;
    }
    if (!(ret & VM_FAULT_ERROR)) iter.processed = profile.page_size();
  }
  if (errp != nullptr) *errp = error;
  if (ret == 0 && error < 0) {
    SetErrnoReason(vmf, error);
    ret = DaxFaultReturn(profile, error);
  }
  return ret;
}

vm_fault_t DaxIomapPteFault(VmFault& vmf, DaxInode& inode, IomapOps& ops,
                            FlaggedPfn* pfnp, int* errp) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDaxIomapPteFault);
  const FaultProfile& profile = *inode.profile;
  RecordDax(vmf, inode, K::kDaxPteFault, 0);
  vm_fault_t major = 0;
  vm_fault_t ret = 0;
  if ((vmf.pgoff << profile.page_shift) >= inode.i_size) {
    ret = FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kBeyondEof,
                    vmf.pgoff, MaxPgoff(profile, inode.i_size));
  } else {
    const DaxEntries::Grabbed grabbed = GrabEntry(vmf, inode, vmf.pgoff, 0);
    if (vmf.pmd.is_leaf()) {
      ret = VM_FAULT_NOPAGE;  // a PMD was faster: the access is tried again
    } else {
      ret = PteIterate(vmf, inode, ops, *grabbed.entry, pfnp, errp, &major);
    }
    if (DaxEntry* entry = inode.entries.Find(vmf.pgoff)) {
      UnlockEntry(vmf, inode, *entry);
    }
  }
  // The trace point shows MAJOR only in kernels where it is part of the result.
  // A deferred fault had it in its result before.
  if (profile.dax_major_in_result || (ret & VM_FAULT_NEEDDSYNC)) ret |= major;
  RecordDax(vmf, inode, K::kDaxPteFaultDone, ret);
  return ret | major;
}

}  // namespace

vm_fault_t DaxCheckPmdFault(const FaultProfile& profile,
                            const VmAreaStruct& vma, bool write,
                            uint64_t address, uint64_t pgoff, uint64_t i_size,
                            FaultReason* reason) {
  const uint64_t index = pgoff & ~(profile.pmd_nr() - 1);
  const uint64_t max_pgoff = MaxPgoff(profile, i_size);
  // The check that fails first gives the reason; kernels differ in the order.
  const bool late = profile.dax_pmd_eof_check_late;
  if (!late && BeyondEof(index, max_pgoff, reason)) return VM_FAULT_SIGBUS;
  if (CheckFallbackVma(profile, vma, write, address, pgoff, reason)) {
    return VM_FAULT_FALLBACK;
  }
  if (late && BeyondEof(index, max_pgoff, reason)) return VM_FAULT_SIGBUS;
  const uint64_t last = index | (profile.pmd_nr() - 1);
  if (last < max_pgoff) return 0;
  SetReason(reason, FaultReasonCode::kEofInside, last + 1, max_pgoff);
  return VM_FAULT_FALLBACK;
}

FaultReason DaxExtentShort(const FaultProfile& profile, uint16_t type,
                           uint64_t pos, uint64_t length) {
  FaultReason reason{.code = FaultReasonCode::kExtentShort,
                     .want = profile.pmd_nr(),
                     .have = length >> profile.page_shift};
  reason.where = absl::StrFormat("%s at offset %d", IomapTypeName(type), pos);
  return reason;
}

void AddDaxEvent(VmFault& vmf, const DaxInode& inode, FaultEventKind kind,
                 int64_t ret, uint64_t max_pgoff) {
  FaultEvent& event = vmf.mm->recorder()->Add(kind);
  event.dev = inode.s_dev;
  event.ino = inode.i_ino;
  event.vm_flags = vmf.vma->vm_flags;
  event.flags = vmf.flags;
  event.address = vmf.address;
  event.vm_start = vmf.vma->vm_start;
  event.vm_end = vmf.vma->vm_end;
  event.pgoff = vmf.pgoff;
  event.max_pgoff = max_pgoff;
  event.ret = ret;
}

vm_fault_t DaxFaultReturn(const FaultProfile& profile, int error) {
  if (error == 0) return VM_FAULT_NOPAGE;
  if (error == -ENOMEM) return VM_FAULT_OOM;
  if (error == -EHWPOISON && profile.dax_hwpoison_errno) {
    return VM_FAULT_HWPOISON;
  }
  return VM_FAULT_SIGBUS;
}

vm_fault_t DaxIomapFault(VmFault& vmf, int order, DaxInode& inode,
                         IomapOps& ops, FlaggedPfn* pfnp, int* errp) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kDaxIomapFault);
  if (order == 0) return DaxIomapPteFault(vmf, inode, ops, pfnp, errp);
  if (order == inode.profile->pmd_order()) {
    return DaxIomapPmdFault(vmf, inode, ops, pfnp);
  }
  if (vmf.mm->reasons == FaultReasons::kNone) return VM_FAULT_FALLBACK;
  return FailFault(vmf, VM_FAULT_FALLBACK, FaultReasonCode::kFsNoPud,
                   vmf.vma->vm_ops->name());
}

}  // namespace dmdax
