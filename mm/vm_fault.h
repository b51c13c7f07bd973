// SPDX-License-Identifier: Apache-2.0
//
// The numbers of a page fault: VM_FAULT_*, FAULT_FLAG_*, VM_* and their names
// as the kernel's trace points print them.
//
//   VmFaultText(VM_FAULT_MAJOR | VM_FAULT_NOPAGE);   // "MAJOR|NOPAGE"
//   FaultFlagText(FAULT_FLAG_WRITE | FAULT_FLAG_USER);  // "WRITE|USER"
//
// Values are 6.1's; where a kernel lacks a bit it never occurs there.
// Mirrors: include/linux/mm_types.h, include/linux/mm.h (6.1).
#ifndef DMDAX_MM_VM_FAULT_H_
#define DMDAX_MM_VM_FAULT_H_

#include <cstdint>
#include <string>

#include "base/fault_profile.h"

namespace dmdax {

// vm_fault_t: what a fault handler answers.  A set of bits.
using vm_fault_t = uint32_t;

inline constexpr vm_fault_t VM_FAULT_OOM = 0x1;
inline constexpr vm_fault_t VM_FAULT_SIGBUS = 0x2;
inline constexpr vm_fault_t VM_FAULT_MAJOR = 0x4;
inline constexpr vm_fault_t VM_FAULT_WRITE = 0x8;  // until 6.1
inline constexpr vm_fault_t VM_FAULT_HWPOISON = 0x10;
inline constexpr vm_fault_t VM_FAULT_HWPOISON_LARGE = 0x20;
inline constexpr vm_fault_t VM_FAULT_SIGSEGV = 0x40;
inline constexpr vm_fault_t VM_FAULT_NOPAGE = 0x100;
inline constexpr vm_fault_t VM_FAULT_LOCKED = 0x200;
inline constexpr vm_fault_t VM_FAULT_RETRY = 0x400;
inline constexpr vm_fault_t VM_FAULT_FALLBACK = 0x800;
inline constexpr vm_fault_t VM_FAULT_DONE_COW = 0x1000;
inline constexpr vm_fault_t VM_FAULT_NEEDDSYNC = 0x2000;
inline constexpr vm_fault_t VM_FAULT_COMPLETED = 0x4000;
// Ours, not the kernel's: a BUG_ON was hit, FaultOutcome::bug names it.
inline constexpr vm_fault_t VM_FAULT_KERNEL_BUG = 0x80000000;

inline constexpr vm_fault_t VM_FAULT_ERROR =
    VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV | VM_FAULT_HWPOISON |
    VM_FAULT_HWPOISON_LARGE | VM_FAULT_FALLBACK | VM_FAULT_KERNEL_BUG;

// enum fault_flag: what kind of fault it is.  A set of bits.
inline constexpr unsigned FAULT_FLAG_WRITE = 1 << 0;
inline constexpr unsigned FAULT_FLAG_MKWRITE = 1 << 1;
inline constexpr unsigned FAULT_FLAG_ALLOW_RETRY = 1 << 2;
inline constexpr unsigned FAULT_FLAG_RETRY_NOWAIT = 1 << 3;
inline constexpr unsigned FAULT_FLAG_KILLABLE = 1 << 4;
inline constexpr unsigned FAULT_FLAG_TRIED = 1 << 5;
inline constexpr unsigned FAULT_FLAG_USER = 1 << 6;
inline constexpr unsigned FAULT_FLAG_REMOTE = 1 << 7;
inline constexpr unsigned FAULT_FLAG_INSTRUCTION = 1 << 8;
inline constexpr unsigned FAULT_FLAG_INTERRUPTIBLE = 1 << 9;
inline constexpr unsigned FAULT_FLAG_ORIG_PTE_VALID = 1 << 11;
inline constexpr unsigned FAULT_FLAG_VMA_LOCK = 1 << 12;

inline constexpr unsigned FAULT_FLAG_DEFAULT =
    FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE | FAULT_FLAG_INTERRUPTIBLE;

// vm_area_struct::vm_flags.  A set of bits.
inline constexpr uint64_t VM_READ = 0x1;
inline constexpr uint64_t VM_WRITE = 0x2;
inline constexpr uint64_t VM_EXEC = 0x4;
inline constexpr uint64_t VM_SHARED = 0x8;
inline constexpr uint64_t VM_MAYREAD = 0x10;
inline constexpr uint64_t VM_MAYWRITE = 0x20;
inline constexpr uint64_t VM_MAYEXEC = 0x40;
inline constexpr uint64_t VM_MAYSHARE = 0x80;
inline constexpr uint64_t VM_PFNMAP = 0x400;
inline constexpr uint64_t VM_LOCKED = 0x2000;
inline constexpr uint64_t VM_IO = 0x4000;
inline constexpr uint64_t VM_SEQ_READ = 0x8000;
inline constexpr uint64_t VM_RAND_READ = 0x10000;
inline constexpr uint64_t VM_DONTCOPY = 0x20000;
inline constexpr uint64_t VM_DONTEXPAND = 0x40000;
inline constexpr uint64_t VM_ACCOUNT = 0x100000;
inline constexpr uint64_t VM_NORESERVE = 0x200000;
inline constexpr uint64_t VM_HUGETLB = 0x400000;
inline constexpr uint64_t VM_SYNC = 0x800000;
inline constexpr uint64_t VM_DONTDUMP = 0x4000000;
inline constexpr uint64_t VM_MIXEDMAP = 0x10000000;
inline constexpr uint64_t VM_HUGEPAGE = 0x20000000;
inline constexpr uint64_t VM_NOHUGEPAGE = 0x40000000;
// x86: the protection key 1, which is that of mappings that are only executed.
inline constexpr uint64_t VM_PKEY_BIT0 = uint64_t{1} << 32;

inline constexpr uint64_t VM_ACCESS_FLAGS = VM_READ | VM_WRITE | VM_EXEC;
inline constexpr uint64_t VM_SPECIAL =
    VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP;

// A private mapping that may be written: its pages are copied on write.
constexpr bool IsCowMapping(uint64_t vm_flags) {
  return (vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

// "MAJOR|NOPAGE"; "" for 0.  Bits without a name are left out.
std::string VmFaultText(vm_fault_t ret);

// "WRITE|ALLOW_RETRY|KILLABLE"; a bit that has no name in this kernel's trace
// points is printed as a number ("0x800").
std::string FaultFlagText(unsigned flags);

// The two-letter codes of /proc/PID/smaps' VmFlags line: "rd wr sh mr mw ...".
std::string VmFlagsText(uint64_t vm_flags);

// "PTE", "PMD", "PUD" for an order of this profile.
std::string OrderText(const FaultProfile& profile, int order);

}  // namespace dmdax

#endif  // DMDAX_MM_VM_FAULT_H_
