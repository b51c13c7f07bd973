// SPDX-License-Identifier: Apache-2.0
//
// The edge between a program and the kernel: the hardware's check of the page
// tables and do_user_addr_fault().
// Mirrors: arch/x86/mm/fault.c (6.1; the VMA-lock pass 6.12).
#include <csignal>

#include "absl/strings/str_cat.h"
#include "mm/mm_struct.h"

namespace dmdax {
namespace {

// enum x86_pf_error_code.
constexpr unsigned X86_PF_PROT = 1;
constexpr unsigned X86_PF_WRITE = 2;
constexpr unsigned X86_PF_USER = 4;
constexpr unsigned X86_PF_INSTR = 16;
constexpr unsigned X86_PF_PK = 32;

// si_codes as plain numbers: the names of the C library are macros of another
// type.
constexpr int kSegvMaperr = 1;
constexpr int kSegvAccerr = 2;
constexpr int kSegvPkuerr = 4;
constexpr int kBusAdrerr = 2;
constexpr int kBusMceerrAr = 4;

// The kernel would loop for ever; after so many faults we report it.
constexpr int kMaxFaults = 64;

// !arch_vma_access_permitted(): the key of a mapping that is only executed
// forbids to read and write it.
bool KeyForbids(const VmAreaStruct& vma, bool exec) {
  return (vma.vm_flags & VM_PKEY_BIT0) && !exec;
}

// access_error(): true when the VMA forbids what was tried.
bool AccessError(const VmAreaStruct& vma, bool write, bool exec, bool present) {
  if (KeyForbids(vma, exec)) return true;
  if (write) return !(vma.vm_flags & VM_WRITE);
  if (exec) return !(vma.vm_flags & VM_EXEC);
  if (present) return true;  // a read of a present page can not fault
  return (vma.vm_flags & VM_ACCESS_FLAGS) == 0;
}

void Signal(FaultOutcome& out, int sig, int code, uint64_t addr) {
  out.sig = sig;
  out.si_code = code;
  out.sig_addr = addr;
}

// Out of line, as FailFault().
[[gnu::noinline]] void BadArea(FaultOutcome& out, FaultReasonCode reason,
                               int code, uint64_t addr) {
  out.reason = {.code = reason};
  Signal(out, SIGSEGV, code, addr);
}

// fault_signal_pending, do_sigbus, pagefault_out_of_memory.
void ErrorSignal(FaultOutcome& out, vm_fault_t ret, uint64_t addr,
                 int page_shift) {
  if (ret & (VM_FAULT_KERNEL_BUG | VM_FAULT_OOM)) {
    Signal(out, SIGKILL, 0, addr);
  } else if (ret & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)) {
    Signal(out, SIGBUS, kBusMceerrAr, addr);
    out.sig_addr_lsb = page_shift;
  } else if (ret & VM_FAULT_SIGSEGV) {
    Signal(out, SIGSEGV, kSegvMaperr, addr);
  } else {
    Signal(out, SIGBUS, kBusAdrerr, addr);
  }
}

}  // namespace

vm_fault_t MmStruct::Bug(VmFault& vmf, const char* condition) {
  vmf.reason = {.code = FaultReasonCode::kKernelBug, .where = condition};
  log_.Printk(KernLevel::kErr, absl::StrCat("kernel BUG: ", condition));
  if (outcome_ != nullptr) outcome_->bug = condition;
  return VM_FAULT_KERNEL_BUG;
}

void MmStruct::Warn(const char* condition) {
  log_.Printk(KernLevel::kWarn, absl::StrCat("WARNING: ", condition));
  if (outcome_ != nullptr) outcome_->warnings.push_back(condition);
}

// What the memory-management unit decides, and the bits it sets.
bool MmStruct::AccessAllowed(uint64_t addr, bool write, bool exec,
                             FaultOutcome& out) {
  PtSlot slot = page_table_.Lookup(addr, &out.order);
  Pte entry = slot.value();
  out.entry = entry;
  if (!slot) return false;
  if (!pte_ops_.Present(entry) || !pte_ops_.User(entry)) return false;
  if (write && !pte_ops_.Write(entry)) return false;
  if (exec || profile_.has_pkeys) {
    const VmAreaStruct* vma = FindVma(addr);
    if (exec && (vma == nullptr || !(vma->vm_flags & VM_EXEC))) return false;
    if (vma != nullptr && KeyForbids(*vma, exec)) return false;
  }
  entry = pte_ops_.MkYoung(entry);
  if (write) entry = pte_ops_.MkDirty(entry);
  slot.Set(entry);
  out.entry = entry;
  return true;
}

// One exception; false when a signal ends the access.
bool MmStruct::UserFault(uint64_t addr, bool write, bool exec,
                         FaultOutcome& out) {
  const bool present = pte_ops_.Present(out.entry);
  VmAreaStruct* vma = FindVma(addr);
  const bool key = vma != nullptr && KeyForbids(*vma, exec);
  if (recorder_ != nullptr) {
    FaultEvent& event = recorder_->Add(FaultEventKind::kPageFaultUser);
    event.address = addr;
    event.flags = X86_PF_USER | (present ? X86_PF_PROT : 0) |
                  (write ? X86_PF_WRITE : 0) | (exec ? X86_PF_INSTR : 0) |
                  (present && key ? X86_PF_PK : 0);
  }
  if (vma == nullptr) {
    BadArea(out, FaultReasonCode::kNoVma, kSegvMaperr, addr);
    return false;
  }
  if (AccessError(*vma, write, exec, present)) {
    BadArea(out, FaultReasonCode::kVmaAccess, key ? kSegvPkuerr : kSegvAccerr,
            addr);
    return false;
  }
  unsigned flags = FAULT_FLAG_DEFAULT | FAULT_FLAG_USER;
  if (write) flags |= FAULT_FLAG_WRITE;
  if (exec) flags |= FAULT_FLAG_INSTRUCTION;
  outcome_ = &out;
  vm_fault_t ret = VM_FAULT_RETRY;
  // lock_vma_under_rcu(): the first try holds the lock of the VMA alone; RETRY
  // repeats it under mmap_lock.
  if (profile_.per_vma_lock) {
    ret = HandleMmFault(*vma, addr, flags | FAULT_FLAG_VMA_LOCK);
    if ((ret & VM_FAULT_RETRY) && (ret & VM_FAULT_MAJOR)) {
      flags |= FAULT_FLAG_TRIED;
    }
  }
  for (int i = 0; (ret & VM_FAULT_RETRY) && i < kMaxFaults; ++i) {
    ret = HandleMmFault(*vma, addr, flags);
    flags |= FAULT_FLAG_TRIED;
  }
  outcome_ = nullptr;
  if (ret & VM_FAULT_ERROR) {
    ErrorSignal(out, ret, addr, profile_.page_shift);
    return false;
  }
  return true;
}

void MmStruct::FinishOutcome(uint64_t addr, FaultOutcome& out) {
  const uint64_t inside =
      (addr >> profile_.page_shift) & ((uint64_t{1} << out.order) - 1);
  out.pfn = pte_ops_.Pfn(out.entry) + inside;
  out.zero_page = mem_.IsZero(out.pfn);
  if (out.reason || !out.fallbacks.empty()) ExplainOrder(out);
}

// The last fallback that is larger than the entry explains why the entry is no
// larger.
void MmStruct::ExplainOrder(FaultOutcome& out) {
  const FaultReason* last = nullptr;
  for (const FaultReason& fallback : out.fallbacks) {
    if (fallback.order > out.order) last = &fallback;
  }
  if (last != nullptr) {
    out.reason = *last;
  } else if (out.reason) {
    out.reason = FaultReason{};
  }
}

FaultOutcome MmStruct::Touch(uint64_t addr, bool write, bool exec) {
  FaultOutcome out;
  for (int i = 0; i < kMaxFaults; ++i) {
    if (AccessAllowed(addr, write, exec, out)) {
      FinishOutcome(addr, out);
      return out;
    }
    out.faulted = true;
    if (!UserFault(addr, write, exec, out)) return out;
  }
  out.warnings.push_back("the access faults again and again without progress");
  return out;
}

}  // namespace dmdax
