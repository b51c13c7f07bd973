// SPDX-License-Identifier: Apache-2.0
//
// What a program may ask of an existing mapping: mprotect, madvise, mlock.
// Mirrors: mm/mprotect.c, mm/madvise.c, mm/mlock.c, populate_vma_page_range
// of mm/gup.c (6.1).
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "mm/insert.h"
#include "mm/mm_struct.h"

// Linux 5.14; older C libraries lack them.
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace dmdax {
namespace {

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
  absl::Status status = CheckRange(addr, len);
  if (!status.ok()) return status;
  const uint64_t access = ((prot & PROT_READ) ? VM_READ : 0) |
                          ((prot & PROT_WRITE) ? VM_WRITE : 0) |
                          ((prot & PROT_EXEC) ? VM_EXEC : 0);
  const uint64_t end =
      addr + ((len + profile_.page_size() - 1) & profile_.page_mask());
  for (uint64_t at = addr; at < end;) {
    VmAreaStruct* vma = FindVma(at);
    if (vma == nullptr) return ErrnoError(ENOMEM, "part is not mapped");
    // VM_MAYREAD and so on stand 4 bits above VM_READ.
    if (access & ~(vma->vm_flags >> 4) & VM_ACCESS_FLAGS) {
      return ErrnoError(EACCES, "the mapping may not have these rights");
    }
    const uint64_t stop = std::min(end, vma->vm_end);
    status = MprotectFixup(*vma, at, stop, access);
    if (!status.ok()) return status;
    at = stop;
  }
  return absl::OkStatus();
}

absl::Status MmStruct::MprotectFixup(VmAreaStruct& vma, uint64_t start,
                                     uint64_t end, uint64_t access) {
  if ((vma.vm_flags & VM_ACCESS_FLAGS) == access) return absl::OkStatus();
  absl::StatusOr<VmAreaStruct*> changed = VmaModifyFlags(
      &vma, start, end, (vma.vm_flags & ~VM_ACCESS_FLAGS) | access);
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
  return absl::OkStatus();
}

absl::Status MmStruct::MadviseDontneed(uint64_t start, uint64_t end) {
  // It needs no cut: it zaps within each VMA.
  for (uint64_t at = start; at < end;) {
    VmAreaStruct* vma = mm_mt_.FindIntersection(at, end);
    if (vma == nullptr) break;
    if (vma->vm_flags & (VM_PFNMAP | VM_LOCKED | VM_HUGETLB)) {
      return ErrnoError(EINVAL, "the mapping is locked or VM_PFNMAP");
    }
    const uint64_t stop = std::min(end, vma->vm_end);
    ZapPageRange(*vma, std::max(at, vma->vm_start), stop);
    at = stop;
  }
  return absl::OkStatus();
}

absl::Status MmStruct::MadviseHuge(uint64_t start, uint64_t end, int advice) {
  const uint64_t wanted = advice == MADV_HUGEPAGE ? VM_HUGEPAGE : VM_NOHUGEPAGE;
  for (uint64_t at = start; at < end;) {
    VmAreaStruct* vma = mm_mt_.FindIntersection(at, end);
    if (vma == nullptr) break;
    const uint64_t stop = std::min(end, vma->vm_end);
    const uint64_t flags =
        (vma->vm_flags & ~(VM_HUGEPAGE | VM_NOHUGEPAGE)) | wanted;
    if (flags != vma->vm_flags) {
      absl::Status status =
          VmaModifyFlags(vma, std::max(at, vma->vm_start), stop, flags)
              .status();
      if (!status.ok()) return status;
    }
    at = stop;
  }
  return absl::OkStatus();
}

absl::Status MmStruct::Madvise(uint64_t addr, uint64_t len, int advice) {
  absl::Status status = CheckRange(addr, len);
  if (!status.ok()) return status;
  const uint64_t end =
      addr + ((len + profile_.page_size() - 1) & profile_.page_mask());
  if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE) {
    if (!profile_.has_madv_populate) {
      return ErrnoError(EINVAL, "MADV_POPULATE came with 5.14");
    }
    const int err = MadvisePopulate(addr, end, advice == MADV_POPULATE_WRITE);
    return err == 0 ? absl::OkStatus() : ErrnoError(-err, "populating");
  }
  if (advice == MADV_DONTNEED) return MadviseDontneed(addr, end);
  if (advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE) {
    return MadviseHuge(addr, end, advice);
  }
  return ErrnoError(EINVAL, absl::StrCat("advice ", advice));
}

absl::Status MmStruct::Msync(uint64_t addr, uint64_t len) {
  if (addr & ~profile_.page_mask()) {
    return ErrnoError(EINVAL, "the address is inside a page");
  }
  const uint64_t end =
      (addr + len + ~profile_.page_mask()) & profile_.page_mask();
  for (uint64_t at = addr; at < end;) {
    VmAreaStruct* vma = FindVma(at);
    if (vma == nullptr) return ErrnoError(ENOMEM, "part is not mapped");
    const uint64_t stop = std::min(end, vma->vm_end);
    if (vma->vm_file != nullptr && (vma->vm_flags & VM_SHARED)) {
      if (vma->vm_file->sync == nullptr) {
        return ErrnoError(EINVAL, "the file has no fsync");
      }
      const uint64_t first =
          at - vma->vm_start + (vma->vm_pgoff << profile_.page_shift);
      const int err = vma->vm_file->sync->FsyncRange(
          first, first + (stop - at) - 1, /*datasync=*/true);
      if (err != 0) return ErrnoError(-err, "fsync of the file");
    }
    at = stop;
  }
  return absl::OkStatus();
}

absl::Status MmStruct::Mlock(uint64_t addr, uint64_t len) {
  const uint64_t start = addr & profile_.page_mask();
  const uint64_t end =
      (addr + len + profile_.page_size() - 1) & profile_.page_mask();
  for (uint64_t at = start; at < end;) {
    VmAreaStruct* vma = FindVma(at);
    if (vma == nullptr) return ErrnoError(ENOMEM, "part is not mapped");
    // mlock_fixup() does not mark special and DAX mappings as locked.
    if (!(vma->vm_flags & VM_SPECIAL) && !VmaIsDax(*vma)) {
      vma->vm_flags |= VM_LOCKED;
    }
    at = vma->vm_end;
  }
  // __mm_populate() stops without an error at the first page that can not be
  // faulted in.
  MmPopulate(start, end);
  return absl::OkStatus();
}

// __get_user_pages() without pages to collect, for [start, end) of `vma`: how
// many pages came, or -errno when the first one does not.
int64_t MmStruct::FaultinPages(VmAreaStruct& vma, uint64_t start, uint64_t end,
                               bool write) {
  unsigned flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;
  if (write) flags |= FAULT_FLAG_WRITE;
  uint64_t at = start;
  const auto fails = [&](int err) -> int64_t {
    return at > start
               ? static_cast<int64_t>((at - start) / profile_.page_size())
               : -err;
  };
  while (at < end) {
    int order = 0;
    PtSlot slot = page_table_.Lookup(at, &order);
    if (slot && (!write || pte_ops_.Write(slot.value()))) {
      at += profile_.page_size();
      continue;
    }
    vm_fault_t ret = HandleMmFault(vma, at, flags);
    if (ret & VM_FAULT_RETRY) {
      ret = HandleMmFault(vma, at, flags | FAULT_FLAG_TRIED);
    }
    if (ret & VM_FAULT_OOM) return fails(ENOMEM);
    if (ret & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)) {
      return fails(EHWPOISON);
    }
    if (ret & VM_FAULT_ERROR) return fails(EFAULT);
  }
  return fails(0);
}

// madvise_populate().  After a part that came, the page that did not is asked
// for again, and its error is the answer.
int MmStruct::MadvisePopulate(uint64_t start, uint64_t end, bool write) {
  for (uint64_t at = start; at < end;) {
    VmAreaStruct* vma = FindVma(at);
    if (vma == nullptr) return -ENOMEM;
    if (vma->vm_flags & (VM_IO | VM_PFNMAP)) return -EINVAL;
    if (!(vma->vm_flags & (write ? VM_WRITE : VM_READ))) return -EINVAL;
    const int64_t pages =
        FaultinPages(*vma, at, std::min(end, vma->vm_end), write);
    if (pages < 0) return static_cast<int>(pages);
    at += static_cast<uint64_t>(pages) * profile_.page_size();
  }
  return 0;
}

// __mm_populate() with ignore_errors: a page that fails ends the loop for its
// VMA.
void MmStruct::MmPopulate(uint64_t start, uint64_t end) {
  for (uint64_t at = start; at < end;) {
    VmAreaStruct* vma = FindVma(at);
    if (vma == nullptr) return;
    const uint64_t stop = std::min(end, vma->vm_end);
    // A private mapping is written, to break copy-on-write now; a shared one is
    // only read, since a write would make its pages dirty.
    const bool write = (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
    const bool skips = (vma->vm_flags & (VM_IO | VM_PFNMAP)) != 0;
    const int64_t pages = skips ? -EINVAL : FaultinPages(*vma, at, stop, write);
    at = pages < 0 ? stop
                   : at + static_cast<uint64_t>(pages) * profile_.page_size();
  }
}

}  // namespace dmdax
