// SPDX-License-Identifier: Apache-2.0
//
// mlock(2), MAP_POPULATE and msync(2): what is done to the pages of a range.
// Mirrors: mm/mlock.c do_mlock, apply_vma_lock_flags, mlock_fixup; mm/gup.c
// populate_vma_page_range, __mm_populate; mm/msync.c (6.1).
#include <algorithm>
#include <cerrno>

#include "base/errno_status.h"
#include "mm/mm_struct.h"

namespace dmdax {

absl::Status MmStruct::Msync(uint64_t addr, uint64_t len) {
  if (addr & ~profile_.page_mask()) {
    return ErrnoError(EINVAL, "the address is inside a page");
  }
  const uint64_t end =
      addr + ((len + ~profile_.page_mask()) & profile_.page_mask());
  if (end < addr) return ErrnoError(ENOMEM, "the range overflows");
  // A hole is passed over, and told of when all is done.
  absl::Status unmapped;
  for (uint64_t at = addr; at < end;) {
    VmAreaStruct* vma = mm_mt_.FindIntersection(at, end);
    if (vma == nullptr) return NotMapped(at);
    if (at < vma->vm_start) {
      if (unmapped.ok()) unmapped = NotMapped(at);
      at = vma->vm_start;
    }
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
  return unmapped;
}

// apply_vma_lock_flags() with VM_LOCKED.
absl::Status MmStruct::MlockFixup(uint64_t start, uint64_t end) {
  for (uint64_t at = start; at < end;) {
    VmAreaStruct* vma = FindVma(at);
    if (vma == nullptr) return NotMapped(at);
    const uint64_t stop = std::min(end, vma->vm_end);
    // Special and DAX mappings are not marked.
    if (!(vma->vm_flags & (VM_SPECIAL | VM_LOCKED)) && !VmaIsDax(*vma)) {
      absl::Status status =
          VmaModifyFlags(vma, at, stop, vma->vm_flags | VM_LOCKED).status();
      if (!status.ok()) return status;
    }
    at = stop;
  }
  return absl::OkStatus();
}

absl::Status MmStruct::Mlock(uint64_t addr, uint64_t len) {
  const uint64_t start = addr & profile_.page_mask();
  const uint64_t end = start + ((len + (addr - start) + ~profile_.page_mask()) &
                                profile_.page_mask());
  if (end < start) return ErrnoError(EINVAL, "the range overflows");
  absl::Status status = MlockFixup(start, end);
  if (!status.ok()) return status;
  const int err = MmPopulate(start, end, PopulateErrors::kReport);
  if (err == 0) return absl::OkStatus();
  // __mlock_posix_error_return()
  return ErrnoError(err == -EFAULT   ? ENOMEM
                    : err == -ENOMEM ? EAGAIN
                                     : -err,
                    "a page can not be faulted in");
}

// __get_user_pages() without pages to collect, for [start, end) of `vma`: how
// many pages came, or -errno when the first one does not.
int64_t MmStruct::FaultinPages(VmAreaStruct& vma, uint64_t start, uint64_t end,
                               bool write, Retry retry) {
  unsigned flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;
  if (write) flags |= FAULT_FLAG_WRITE;
  unsigned tried = 0;
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
    const vm_fault_t ret = HandleMmFault(vma, at, flags | tried);
    tried = 0;
    if (ret & VM_FAULT_RETRY) {
      if (retry == Retry::kIsTried) tried = FAULT_FLAG_TRIED;
      continue;
    }
    if (ret & VM_FAULT_OOM) return fails(ENOMEM);
    if (ret & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)) {
      return fails(EHWPOISON);
    }
    if (ret & VM_FAULT_ERROR) return fails(EFAULT);
  }
  return fails(0);
}

int64_t MmStruct::PopulateVma(VmAreaStruct& vma, uint64_t start, uint64_t end) {
  // Whatever rights a mapping has are enough, but it must have some, and the
  // key of one that is only executed forbids to look.
  if (!(vma.vm_flags & VM_ACCESS_FLAGS) || (vma.vm_flags & VM_PKEY_BIT0)) {
    return -EFAULT;
  }
  // A private mapping is written, to break copy-on-write now; a shared one is
  // only read, since a write would make its pages dirty.
  const bool write = (vma.vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
  const int64_t pages =
      FaultinPages(vma, start, end, write, Retry::kBeginsAnew);
  // Without FOLL_HWPOISON a poisoned page is like any that does not come.
  return pages == -EHWPOISON ? -EFAULT : pages;
}

int MmStruct::MmPopulate(uint64_t start, uint64_t end, PopulateErrors errors) {
  for (uint64_t at = start; at < end;) {
    VmAreaStruct* vma = mm_mt_.FindIntersection(at, end);
    if (vma == nullptr) break;
    at = std::max(at, vma->vm_start);
    const uint64_t stop = std::min(end, vma->vm_end);
    if (vma->vm_flags & (VM_IO | VM_PFNMAP)) {
      at = stop;
      continue;
    }
    const int64_t pages = PopulateVma(*vma, at, stop);
    if (pages < 0 && errors == PopulateErrors::kReport) {
      return static_cast<int>(pages);
    }
    // An error that nobody wants to hear of ends this mapping's part only.
    at = pages < 0 ? stop
                   : at + static_cast<uint64_t>(pages) * profile_.page_size();
  }
  return 0;
}

}  // namespace dmdax
