// SPDX-License-Identifier: Apache-2.0
//
// mremap(2): another length or place for a mapping.
// Mirrors: mm/mremap.c mremap, vma_to_resize, vma_expandable, move_vma,
// move_page_tables (6.1).
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "mm/mm_struct.h"
#include "mm/unmapped_area.h"

namespace dmdax {

// The checks of vma_to_resize().
absl::Status MmStruct::CheckResize(const VmAreaStruct& vma, uint64_t addr,
                                   uint64_t old_len, uint64_t new_len) const {
  if (old_len == 0 && !(vma.vm_flags & (VM_SHARED | VM_MAYSHARE))) {
    return ErrnoError(EINVAL, "a private mapping is not duplicated");
  }
  if (old_len > vma.vm_end - addr) {
    return ErrnoError(EFAULT, "the range ends behind the mapping");
  }
  if (new_len == old_len) return absl::OkStatus();
  const uint64_t pgoff =
      vma.vm_pgoff + ((addr - vma.vm_start) >> profile_.page_shift);
  if (pgoff + (new_len >> profile_.page_shift) < pgoff) {
    return ErrnoError(EINVAL, "the offset overflows");
  }
  if (vma.vm_flags & (VM_DONTEXPAND | VM_PFNMAP)) {
    return ErrnoError(EFAULT, "the mapping may not be expanded");
  }
  return absl::OkStatus();
}

// Huge entries move whole when both places are aligned; else they are split,
// which for a file means that they go.
void MmStruct::MovePageTables(VmAreaStruct& vma, uint64_t from, uint64_t to,
                              uint64_t len) {
  for (uint64_t done = 0; done < len;) {
    const uint64_t old_addr = from + done;
    const uint64_t new_addr = to + done;
    int order = 0;
    PtSlot slot = page_table_.Lookup(old_addr, &order);
    if (!slot) {
      done += profile_.page_size();
      continue;
    }
    const uint64_t size = uint64_t{1} << (order + profile_.page_shift);
    const bool whole = (old_addr & (size - 1)) == 0 &&
                       (new_addr & (size - 1)) == 0 && len - done >= size;
    if (order > 0 && !whole) {
      ZapLeaf(vma, slot, old_addr & ~(size - 1), order);
      continue;
    }
    const Pte entry = slot.value();
    slot.Clear();
    PtSlot place = order == 0 ? page_table_.PteSlot(new_addr, true)
                   : order == profile_.pmd_order()
                       ? page_table_.Pmd(new_addr, true)
                       : page_table_.Pud(new_addr, true);
    place.Set(entry);
    done += size;
  }
}

absl::StatusOr<uint64_t> MmStruct::MoveVma(VmAreaStruct& vma, uint64_t addr,
                                           uint64_t old_len, uint64_t new_len,
                                           uint64_t new_addr) {
  // Each cut of the old mapping, and the copy, may make one more.
  if (mm_mt_.map_count() + 3 >= sysctl_max_map_count) return TooManyMappings();
  if (vma.vm_ops != nullptr && vma.vm_ops->has(VmOperations::kMaySplit)) {
    int err = 0;
    if (vma.vm_start != addr) err = vma.vm_ops->MaySplit(vma, addr);
    if (err == 0 && vma.vm_end != addr + old_len) {
      err = vma.vm_ops->MaySplit(vma, addr + old_len);
    }
    if (err < 0) return ErrnoError(-err, "the mapping can not be cut there");
  }
  auto copy = std::make_unique<VmAreaStruct>(vma);
  copy->vm_start = new_addr;
  copy->vm_end = new_addr + new_len;
  copy->vm_pgoff += (addr - vma.vm_start) >> profile_.page_shift;
  VmAreaStruct* moved = LinkVma(std::move(copy));
  if (moved->vm_ops != nullptr && moved->vm_ops->has(VmOperations::kOpen)) {
    moved->vm_ops->Open(*moved);
  }
  MovePageTables(vma, addr, new_addr, old_len);
  if (old_len > 0) {
    absl::Status status = Munmap(addr, old_len);
    if (!status.ok()) return status;
  }
  if (moved->vm_flags & VM_LOCKED) {
    (void)MmPopulate(new_addr + old_len, new_addr + new_len,
                     PopulateErrors::kIgnore);
  }
  return new_addr;
}

// mremap_to(): what is at the new place goes.
absl::Status MmStruct::ClearNewPlace(uint64_t addr, uint64_t old_len,
                                     uint64_t new_addr, uint64_t new_len) {
  const bool fits = new_len <= task_size && new_addr <= task_size - new_len;
  const bool overlap = addr + old_len > new_addr && new_addr + new_len > addr;
  if ((new_addr & ~profile_.page_mask()) || !fits || overlap) {
    return ErrnoError(
        EINVAL, absl::StrFormat("0x%x + 0x%x is inside a page, too high or in "
                                "the old place",
                                new_addr, new_len));
  }
  return Munmap(new_addr, new_len);
}

// vma_expandable(), and the new end.
bool MmStruct::GrowInPlace(VmAreaStruct& vma, uint64_t end) {
  const uint64_t old_end = vma.vm_end;
  if (end <= old_end || end > task_size) return end == old_end;
  if (mm_mt_.FindIntersection(old_end, end) != nullptr) return false;
  mm_mt_.SetEnd(vma, end);
  if (vma.vm_flags & VM_LOCKED) {
    (void)MmPopulate(old_end, end, PopulateErrors::kIgnore);
  }
  return true;
}

absl::StatusOr<uint64_t> MmStruct::Mremap(uint64_t addr, uint64_t old_len,
                                          uint64_t new_len, int flags,
                                          uint64_t new_addr) {
  const uint64_t inside = ~profile_.page_mask();
  const bool fixed = (flags & MREMAP_FIXED) != 0;
  if ((flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE)) ||
      (fixed && !(flags & MREMAP_MAYMOVE))) {
    return ErrnoError(EINVAL, absl::StrFormat("mremap flags 0x%x", flags));
  }
  if (addr & inside) return ErrnoError(EINVAL, "the address is inside a page");
  old_len = (old_len + inside) & ~inside;
  new_len = (new_len + inside) & ~inside;
  if (new_len == 0) return ErrnoError(EINVAL, "the length is 0");
  if (FindVma(addr) == nullptr) {
    return ErrnoError(EFAULT,
                      absl::StrFormat("nothing is mapped at 0x%x", addr));
  }
  absl::Status status;
  if (fixed) status = ClearNewPlace(addr, old_len, new_addr, new_len);
  // What is too much goes first.
  if (status.ok() && old_len > new_len) {
    status = Munmap(addr + new_len, old_len - new_len);
  }
  if (!status.ok()) return status;
  if (old_len >= new_len && !fixed) return addr;
  old_len = std::min(old_len, new_len);
  VmAreaStruct* vma = FindVma(addr);
  status = CheckResize(*vma, addr, old_len, new_len);
  if (!status.ok()) return status;
  if (!fixed && old_len > 0 && addr + old_len == vma->vm_end &&
      GrowInPlace(*vma, addr + new_len)) {
    return addr;
  }
  if (!(flags & MREMAP_MAYMOVE)) {
    return ErrnoError(ENOMEM, "there is no room behind the mapping");
  }
  MmapRequest request;
  request.addr = fixed ? new_addr : 0;
  request.len = new_len;
  request.flags = (vma->vm_flags & VM_MAYSHARE) ? MAP_SHARED : MAP_PRIVATE;
  if (fixed) request.flags |= MAP_FIXED;
  request.file = vma->vm_file;
  request.pgoff =
      vma->vm_pgoff + ((addr - vma->vm_start) >> profile_.page_shift);
  absl::StatusOr<uint64_t> place = GetUnmappedArea(*this, request);
  if (!place.ok()) return place.status();
  return MoveVma(*vma, addr, old_len, new_len, *place);
}

}  // namespace dmdax
