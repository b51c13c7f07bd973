// SPDX-License-Identifier: Apache-2.0
//
// madvise(2): what a program says of a range of mappings.
// Mirrors: mm/madvise.c do_madvise, madvise_walk_vmas, madvise_vma_behavior,
// madvise_populate (6.1; 5.10, 6.12).
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/round_up.h"
#include "mm/mm_struct.h"

// Linux 5.14; older C libraries lack them.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace dmdax {
namespace {

// One that only sets and clears flags.
struct FlagAdvice {
  int advice;
  uint64_t clear;
  uint64_t set;
};

constexpr FlagAdvice kFlagAdvice[] = {
    {MADV_NORMAL, VM_RAND_READ | VM_SEQ_READ, 0},
    {MADV_RANDOM, VM_SEQ_READ, VM_RAND_READ},
    {MADV_SEQUENTIAL, VM_RAND_READ, VM_SEQ_READ},
    {MADV_HUGEPAGE, VM_NOHUGEPAGE, VM_HUGEPAGE},
    {MADV_NOHUGEPAGE, VM_HUGEPAGE, VM_NOHUGEPAGE},
    {MADV_DONTFORK, 0, VM_DONTCOPY},
    {MADV_DOFORK, VM_DONTCOPY, 0},
    {MADV_DONTDUMP, 0, VM_DONTDUMP},
    {MADV_DODUMP, VM_DONTDUMP, 0},
};

bool IsPopulate(int advice) {
  return advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;
}

// madvise_behavior_valid(), as far as advice is modelled.
absl::Status CheckAdvice(const FaultProfile& profile, int advice) {
  if (IsPopulate(advice)) {
    if (profile.has_madv_populate) return absl::OkStatus();
    return ErrnoError(EINVAL, "MADV_POPULATE came with 5.14");
  }
  for (const FlagAdvice& known : kFlagAdvice) {
    if (known.advice == advice) return absl::OkStatus();
  }
  if (advice == MADV_DONTNEED) return absl::OkStatus();
  return ErrnoError(EINVAL, absl::StrCat("advice ", advice));
}

}  // namespace

absl::Status MmStruct::MadviseWalkVmas(
    uint64_t start, uint64_t end,
    const std::function<absl::Status(VmAreaStruct&, uint64_t, uint64_t)>&
        visit) {
  absl::Status unmapped;
  for (uint64_t at = start; at < end;) {
    VmAreaStruct* vma = mm_mt_.FindIntersection(at, end);
    if (vma == nullptr) return NotMapped(at);
    if (at < vma->vm_start) {
      // The hole is remembered and passed over.
      if (unmapped.ok()) unmapped = NotMapped(at);
      at = vma->vm_start;
    }
    const uint64_t stop = std::min(end, vma->vm_end);
    absl::Status status = visit(*vma, at, stop);
    if (!status.ok()) return status;
    at = stop;
  }
  return unmapped;
}

absl::Status MmStruct::MadviseDontneed(VmAreaStruct& vma, uint64_t start,
                                       uint64_t end) {
  if (vma.vm_flags & (VM_PFNMAP | VM_LOCKED | VM_HUGETLB)) {
    return ErrnoError(EINVAL, "the mapping is locked or VM_PFNMAP");
  }
  ZapPageRange(vma, start, end);
  if (!profile_.dontneed_frees_tables) return absl::OkStatus();
  // reclaim_pt_is_enabled(): those of which all lies in the range.
  const uint64_t size = profile_.pmd_size();
  for (uint64_t addr = RoundUp(start, size); addr < end && end - addr >= size;
       addr += size) {
    PtSlot pud = page_table_.Pud(addr, false);
    if (!pud.is_table()) {
      addr = RoundDown(addr, profile_.pud_size()) + profile_.pud_size() - size;
      continue;
    }
    PtSlot pmd = page_table_.PmdOf(pud, addr, false);
    if (pmd.is_table()) pmd.Clear();
  }
  return absl::OkStatus();
}

absl::Status MmStruct::MadviseFlags(VmAreaStruct& vma, uint64_t start,
                                    uint64_t end, int advice) {
  const bool io = (vma.vm_flags & VM_IO) != 0;
  const bool special = (vma.vm_flags & VM_SPECIAL) != 0;
  if ((advice == MADV_DOFORK && io) || (advice == MADV_DODUMP && special)) {
    return ErrnoError(EINVAL, "the mapping is a device's");
  }
  uint64_t flags = vma.vm_flags;
  for (const FlagAdvice& known : kFlagAdvice) {
    if (known.advice == advice) flags = (flags & ~known.clear) | known.set;
  }
  // What is so already is not cut.
  if (flags == vma.vm_flags) return absl::OkStatus();
  absl::Status status = VmaModifyFlags(&vma, start, end, flags).status();
  if (!profile_.madvise_enomem_is_eagain || ErrnoOf(status) != ENOMEM) {
    return status;
  }
  return ErrnoError(EAGAIN, status.message());
}

absl::Status MmStruct::Madvise(uint64_t addr, uint64_t len, int advice) {
  absl::Status status = CheckAdvice(profile_, advice);
  if (!status.ok()) return status;
  if (addr & ~profile_.page_mask()) {
    return ErrnoError(EINVAL, "the address is inside a page");
  }
  const uint64_t pages =
      (len + profile_.page_size() - 1) & profile_.page_mask();
  const uint64_t end = addr + pages;
  if ((len != 0 && pages == 0) || end < addr) {
    return ErrnoError(EINVAL, "the range overflows");
  }
  if (IsPopulate(advice)) {
    const bool write = advice == MADV_POPULATE_WRITE;
    const auto populate = [&](VmAreaStruct&, uint64_t from, uint64_t to) {
      const int err = MadvisePopulate(from, to, write);
      return err == 0 ? absl::OkStatus() : ErrnoError(-err, "populating");
    };
    if (!profile_.madv_populate_stops_at_hole) {
      return MadviseWalkVmas(addr, end, populate);
    }
    const int err = MadvisePopulate(addr, end, write);
    return err == 0 ? absl::OkStatus() : ErrnoError(-err, "populating");
  }
  return MadviseWalkVmas(
      addr, end, [&](VmAreaStruct& vma, uint64_t from, uint64_t to) {
        return advice == MADV_DONTNEED ? MadviseDontneed(vma, from, to)
                                       : MadviseFlags(vma, from, to, advice);
      });
}

// madvise_populate().  After a part that came, the page that did not is asked
// for again, and its error is the answer.
int MmStruct::MadvisePopulate(uint64_t start, uint64_t end, bool write) {
  for (uint64_t at = start; at < end;) {
    VmAreaStruct* vma = FindVma(at);
    if (vma == nullptr) return -ENOMEM;
    if (vma->vm_flags & (VM_IO | VM_PFNMAP)) return -EINVAL;
    if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ))) return -EINVAL;
    const int64_t pages = FaultinPages(
        *vma, at, std::min(end, vma->vm_end), write,
        profile_.madv_populate_retries ? Retry::kIsTried : Retry::kBeginsAnew);
    if (pages < 0) return static_cast<int>(pages);
    at += static_cast<uint64_t>(pages) * profile_.page_size();
  }
  return 0;
}

}  // namespace dmdax
