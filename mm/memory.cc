// SPDX-License-Identifier: Apache-2.0
#include "mm/memory.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "mm/insert.h"

namespace dmdax {
namespace {

// Notes for the outcome that ->huge_fault answered FALLBACK.
void NoteFallback(VmFault& vmf, int order) {
  if (vmf.mm->reasons == FaultReasons::kAll) {
    vmf.reason.order = order;
    vmf.mm->outcome()->fallbacks.push_back(std::move(vmf.reason));
  }
  if (vmf.reason) vmf.reason = FaultReason{};
}

[[gnu::noinline]] vm_fault_t NoHugeFault(VmFault& vmf) {
  const VmOperations* ops = vmf.vma->vm_ops;
  return FailFault(vmf, VM_FAULT_FALLBACK, FaultReasonCode::kNoHugeFault,
                   ops != nullptr ? ops->name() : "anonymous memory");
}

vm_fault_t CallHugeFault(VmFault& vmf, int order) {
  VmAreaStruct& vma = *vmf.vma;
  vmf.ClearReason();
  if (vma.vm_ops == nullptr || !vma.vm_ops->has(VmOperations::kHugeFault)) {
    return NoHugeFault(vmf);
  }
  return vma.vm_ops->HugeFault(vmf, order);
}

vm_fault_t CreateHuge(VmFault& vmf, int order) {
  const FaultProfile& profile = vmf.mm->profile();
  if (order == profile.pud_order() && !profile.has_pud_thp) {
    return FailFault(vmf, VM_FAULT_FALLBACK, FaultReasonCode::kNoPudThp);
  }
  return CallHugeFault(vmf, order);
}

// wp_huge_pmd() and wp_huge_pud(): a write to a read-only huge entry.
vm_fault_t WpHuge(VmFault& vmf, int order) {
  const FaultProfile& profile = vmf.mm->profile();
  const bool pud = order == profile.pud_order();
  const bool shared = (vmf.vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) != 0;
  vmf.reason = FaultReason{};
  if (shared || profile.wp_huge_pmd_private) {
    const vm_fault_t ret = CallHugeFault(vmf, order);
    if (!(ret & VM_FAULT_FALLBACK)) return ret;
    // 5.6 to 5.18 had this split in create_huge_pud by mistake.
    if (pud && profile.huge_pud_swapped) return ret;
  } else {
    vmf.reason = {.code = FaultReasonCode::kPrivateWrite};
  }
  if (pud) {
    vmf.mm->SplitHugePud(*vmf.vma, vmf.pud, vmf.address);
  } else {
    vmf.mm->SplitHugePmd(*vmf.vma, vmf.pmd, vmf.address);
  }
  return VM_FAULT_FALLBACK;
}

// huge_pmd_set_accessed(), huge_pud_set_accessed().
vm_fault_t HugeSetAccessed(VmFault& vmf, PtSlot slot) {
  const PteOps& ops = vmf.mm->pte_ops();
  Pte entry = ops.MkYoung(slot.value());
  if (vmf.write()) entry = ops.MkDirty(entry);
  slot.Set(entry);
  return 0;
}

// False, for a rule with this text.
bool Forbidden(std::string* why, const char* rule) {
  if (why != nullptr) *why = rule;
  return false;
}

bool SysfsFileRule(const MmStruct& mm, const VmAreaStruct& vma,
                   std::string* why) {
  if (mm.thp_enabled == ThpEnabled::kAlways) return true;
  if (mm.thp_enabled == ThpEnabled::kMadvise && (vma.vm_flags & VM_HUGEPAGE)) {
    return true;
  }
  return Forbidden(
      why, mm.thp_enabled == ThpEnabled::kNever
               ? "transparent_hugepage/enabled is never"
               : "transparent_hugepage/enabled is madvise, and it was not "
                 "given");
}

// What the rules say of a VMA that is not DAX.
bool ThpAllowedByRule(const MmStruct& mm, const VmAreaStruct& vma, int order,
                      std::string* why) {
  const FaultProfile& profile = mm.profile();
  switch (profile.thp_rule) {
    case ThpRule::kSysfsFirst:
      return SysfsFileRule(mm, vma, why);
    case ThpRule::kDaxOnly:
      if (vma.anonymous()) return SysfsFileRule(mm, vma, why);
      return Forbidden(why, "the file is not DAX");
    case ThpRule::kDaxThenSysfs:
      break;
  }
  if (!SysfsFileRule(mm, vma, why)) return false;
  if (vma.anonymous()) return true;
  const bool special = (vma.vm_flags & (VM_PFNMAP | VM_MIXEDMAP)) != 0;
  if (order == profile.pud_order() && !special) {
    return Forbidden(why, "PUD mappings are for DAX and special mappings only");
  }
  if (vma.vm_ops->has(VmOperations::kHugeFault)) return true;
  if (why == nullptr) return false;
  *why = absl::StrCat(vma.vm_ops->name(), " has no huge_fault");
  return false;
}

// hugepage_vma_check(), thp_vma_allowable_order(): whether huge faults are
// tried for `vma` at all.  When not, *why says which rule; null: nobody asks.
bool ThpAllowed(const MmStruct& mm, const VmAreaStruct& vma, int order,
                std::string* why) {
  if (vma.vm_flags & VM_NOHUGEPAGE) return Forbidden(why, "MADV_NOHUGEPAGE");
  if (mm.thp_disabled) return Forbidden(why, "prctl(PR_SET_THP_DISABLE)");
  // Every rule allows DAX, unless madvise() or prctl() forbids it.
  return VmaIsDax(vma) || ThpAllowedByRule(mm, vma, order, why);
}

// Of a file without DAX no rule is to blame, but where one forbids DAX too.
FaultReason WhyNotTried(const MmStruct& mm, const VmAreaStruct& vma,
                        int order) {
  const bool of_file =
      vma.vm_file != nullptr && vma.vm_file->f_mapping != nullptr;
  if (of_file && !VmaIsDax(vma) && !(vma.vm_flags & VM_NOHUGEPAGE) &&
      !mm.thp_disabled) {
    return {.code = FaultReasonCode::kNotDax};
  }
  FaultReason reason{.code = FaultReasonCode::kThpDisabled};
  ThpAllowed(mm, vma, order, &reason.where);
  return reason;
}

// One level of the walk, PUD or PMD, where no table is.  True when the fault is
// decided.
bool TryHuge(VmFault& vmf, PtSlot slot, int order, vm_fault_t* ret) {
  const PteOps& ops = vmf.mm->pte_ops();
  if (slot.none()) {
    if (!ThpAllowed(*vmf.mm, *vmf.vma, order, nullptr)) {
      if (vmf.mm->reasons == FaultReasons::kAll) {
        vmf.reason = WhyNotTried(*vmf.mm, *vmf.vma, order);
      }
      NoteFallback(vmf, order);
      return false;
    }
    *ret = CreateHuge(vmf, order);
  } else {
    // The entry allows the access; only its accessed and dirty bits are
    // missing.
    if (!vmf.write() || ops.Write(slot.value())) {
      *ret = HugeSetAccessed(vmf, slot);
      return true;
    }
    *ret = WpHuge(vmf, order);
  }
  if (!(*ret & VM_FAULT_FALLBACK)) return true;
  NoteFallback(vmf, order);
  return false;
}

// Without a try there is a reason all the same.
[[gnu::noinline]] void NotePageTable(MmStruct& mm) {
  FaultReason& reason = mm.outcome()->fallbacks.emplace_back();
  reason.code = FaultReasonCode::kPageTablePresent;
  reason.order = mm.profile().pmd_order();
}

// __handle_mm_fault().
vm_fault_t HandleMmFaultWalk(VmFault& vmf) {
  MmStruct& mm = *vmf.mm;
  FaultScope scope(mm.recorder(), FaultFunction::kHandleMmFaultWalk);
  const FaultProfile& profile = mm.profile();
  vm_fault_t ret = 0;
  vmf.pud = mm.page_table().Pud(vmf.address, true);
  if (!vmf.pud.is_table() && TryHuge(vmf, vmf.pud, profile.pud_order(), &ret)) {
    return ret;
  }
  vmf.pmd = mm.page_table().PmdOf(vmf.pud, vmf.address, true);
  if (!vmf.pmd) return VM_FAULT_OOM;
  if (vmf.pmd.is_table()) {
    if (mm.reasons == FaultReasons::kAll) NotePageTable(mm);
    return DoPteFault(vmf);
  }
  vmf.orig_pmd = vmf.pmd.value();
  if (TryHuge(vmf, vmf.pmd, profile.pmd_order(), &ret)) return ret;
  return DoPteFault(vmf);
}

}  // namespace

vm_fault_t VmfCanCallFault(VmFault& vmf) {
  if (!(vmf.flags & FAULT_FLAG_VMA_LOCK)) return 0;
  if (vmf.vma->vm_ops->has(VmOperations::kMapPages)) return 0;
  return FailFault(vmf, VM_FAULT_RETRY, FaultReasonCode::kVmLockRetry,
                   vmf.vma->vm_ops->name());
}

vm_fault_t MmStruct::HandleMmFault(VmAreaStruct& vma, uint64_t addr,
                                   unsigned flags) {
  if (outcome_ == nullptr) return HandleWithoutOutcome(vma, addr, flags);
  FaultScope scope(recorder_, FaultFunction::kHandleMmFault);
  VmFault vmf;
  vmf.vma = &vma;
  vmf.mm = this;
  vmf.flags = flags;
  vmf.address = addr & profile_.page_mask();
  vmf.real_address = addr;
  vmf.pgoff =
      ((vmf.address - vma.vm_start) >> profile_.page_shift) + vma.vm_pgoff;

  // Only the last try explains the outcome.
  if (!outcome_->fallbacks.empty()) outcome_->fallbacks.clear();
  const vm_fault_t ret = HandleMmFaultWalk(vmf);
  // A fault that went well has none, and none to replace.
  if (vmf.reason || outcome_->reason) outcome_->reason = std::move(vmf.reason);
  outcome_->ret = ret;
  AccountFault(ret, flags);
  if (recorder_ != nullptr) {
    FaultEvent& event = recorder_->Add(FaultEventKind::kHandleMmFaultRet);
    event.ret = ret;
  }
  return ret;
}

// A caller outside Touch(), such as GUP, has no outcome of its own.
vm_fault_t MmStruct::HandleWithoutOutcome(VmAreaStruct& vma, uint64_t addr,
                                          unsigned flags) {
  FaultOutcome scratch;
  outcome_ = &scratch;
  const vm_fault_t ret = HandleMmFault(vma, addr, flags);
  outcome_ = nullptr;
  return ret;
}

}  // namespace dmdax
