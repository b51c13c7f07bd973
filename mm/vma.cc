// SPDX-License-Identifier: Apache-2.0
//
// Cutting VMAs, joining them, and who knows of them.
// Mirrors: mm/vma.c of 6.12 (mm/mmap.c before), __split_vma, vma_merge,
// vma_modify.
#include <cerrno>
#include <utility>

#include "base/errno_status.h"
#include "mm/mm_struct.h"

namespace dmdax {

VmAreaStruct* MmStruct::LinkVma(std::unique_ptr<VmAreaStruct> vma) {
  if (vma->vm_file != nullptr) {
    std::list<VmAreaStruct*>& i_mmap = vma->vm_file->f_mapping->i_mmap;
    vma->shared = i_mmap.insert(i_mmap.end(), vma.get());
  }
  return mm_mt_.Insert(std::move(vma));
}

void MmStruct::UnlinkFileVma(const VmAreaStruct& vma) {
  if (vma.vm_file != nullptr) {
    vma.vm_file->f_mapping->i_mmap.erase(vma.shared);
  }
}

void MmStruct::RemoveVma(VmAreaStruct* vma) {
  ZapPageRange(*vma, vma->vm_start, vma->vm_end);
  UnlinkFileVma(*vma);
  if (vma->vm_ops != nullptr && vma->vm_ops->has(VmOperations::kClose)) {
    vma->vm_ops->Close(*vma);
  }
  mm_mt_.Erase(*vma);
}

absl::StatusOr<VmAreaStruct*> MmStruct::SplitVma(VmAreaStruct& vma,
                                                 uint64_t addr) {
  if (vma.vm_ops != nullptr && vma.vm_ops->has(VmOperations::kMaySplit)) {
    const int err = vma.vm_ops->MaySplit(vma, addr);
    if (err < 0) return ErrnoError(-err, "the mapping can not be cut there");
  }
  return CutVma(vma, addr);
}

VmAreaStruct* MmStruct::CutVma(VmAreaStruct& vma, uint64_t addr) {
  // A huge entry across the cut does not survive it.
  int order = 0;
  PtSlot slot = page_table_.Lookup(addr, &order);
  if (slot && order > 0) {
    const uint64_t size = uint64_t{1} << (order + profile_.page_shift);
    if (addr & (size - 1)) ZapLeaf(vma, slot, addr & ~(size - 1), order);
  }
  auto upper = std::make_unique<VmAreaStruct>(vma);
  upper->vm_start = addr;
  upper->vm_pgoff += (addr - vma.vm_start) >> profile_.page_shift;
  mm_mt_.SetEnd(vma, addr);
  VmAreaStruct* result = LinkVma(std::move(upper));
  if (result->vm_ops != nullptr && result->vm_ops->has(VmOperations::kOpen)) {
    result->vm_ops->Open(*result);
  }
  return result;
}

// anon_vma_compatible(): they differ in their rights at most.
bool MmStruct::AnonVmaCompatible(const VmAreaStruct& lower,
                                 const VmAreaStruct& upper) const {
  const uint64_t pages = (lower.vm_end - lower.vm_start) >> profile_.page_shift;
  return lower.vm_end == upper.vm_start && lower.vm_file == upper.vm_file &&
         ((lower.vm_flags ^ upper.vm_flags) & ~VM_ACCESS_FLAGS) == 0 &&
         lower.vm_pgoff + pages == upper.vm_pgoff;
}

void MmStruct::AnonVmaPrepare(VmAreaStruct& vma) {
  if (vma.anon_vma != 0) return;
  const auto reuse = [&](const VmAreaStruct& old) {
    if (old.fork_child) return;
    vma.anon_vma = old.anon_vma;
  };
  // The next one is asked first, as in find_mergeable_anon_vma().
  const VmAreaStruct* next = mm_mt_.Next(vma);
  if (next != nullptr && AnonVmaCompatible(vma, *next)) reuse(*next);
  const VmAreaStruct* prev = mm_mt_.Prev(vma);
  if (vma.anon_vma == 0 && prev != nullptr && AnonVmaCompatible(*prev, vma)) {
    reuse(*prev);
  }
  if (vma.anon_vma == 0) vma.anon_vma = ++last_anon_vma_;
}

// is_mergeable_anon_vma() of `changed` and the neighbour it would go into.
bool MmStruct::AnonVmasMerge(const VmAreaStruct& changed,
                             const VmAreaStruct& existing) const {
  if (changed.anon_vma == existing.anon_vma) return true;
  if (changed.anon_vma == 0) return !existing.fork_child;
  return existing.anon_vma == 0 && profile_.merge_hands_over_anon_vma &&
         !changed.fork_child;
}

bool MmStruct::CanMerge(const VmAreaStruct* lower, const VmAreaStruct* upper,
                        const VmAreaStruct* existing) const {
  if (lower == nullptr || upper == nullptr) return false;
  if (lower->vm_flags & VM_SPECIAL) return false;
  // Operations that want to hear of a close are left alone.
  if (lower->vm_ops != nullptr && lower->vm_ops->has(VmOperations::kClose)) {
    return false;
  }
  const uint64_t pages =
      (lower->vm_end - lower->vm_start) >> profile_.page_shift;
  return lower->vm_end == upper->vm_start &&
         lower->vm_flags == upper->vm_flags &&
         lower->vm_file == upper->vm_file && lower->vm_ops == upper->vm_ops &&
         lower->vm_pgoff + pages == upper->vm_pgoff &&
         AnonVmasMerge(existing == lower ? *upper : *lower, *existing);
}

VmAreaStruct* MmStruct::MergeVma(VmAreaStruct* vma) {
  const auto absorb = [&](VmAreaStruct& lower, VmAreaStruct& upper) {
    const uint64_t end = upper.vm_end;
    if (lower.anon_vma == 0) lower.anon_vma = upper.anon_vma;
    UnlinkFileVma(upper);
    mm_mt_.Erase(upper);
    mm_mt_.SetEnd(lower, end);
    return &lower;
  };
  VmAreaStruct* prev = mm_mt_.Prev(*vma);
  VmAreaStruct* next = mm_mt_.Next(*vma);
  // Both neighbours are asked before anything changes.
  const bool with_prev = CanMerge(prev, vma, prev);
  bool with_next = CanMerge(vma, next, next);
  if (with_prev && with_next && prev->anon_vma != 0 && next->anon_vma != 0) {
    with_next = prev->anon_vma == next->anon_vma;
  }
  if (with_prev) vma = absorb(*prev, *vma);
  return with_next ? absorb(*vma, *next) : vma;
}

absl::StatusOr<VmAreaStruct*> MmStruct::VmaModifyFlags(VmAreaStruct* vma,
                                                       uint64_t start,
                                                       uint64_t end,
                                                       uint64_t vm_flags) {
  VmAreaStruct part = *vma;
  part.vm_start = start;
  part.vm_end = end;
  part.vm_pgoff += (start - vma->vm_start) >> profile_.page_shift;
  part.vm_flags = vm_flags;
  // What a neighbour takes over needs no split, so none is refused.
  const VmAreaStruct* prev = mm_mt_.Prev(*vma);
  const VmAreaStruct* next = mm_mt_.Next(*vma);
  const bool merges =
      CanMerge(prev, &part, prev) || CanMerge(&part, next, next);
  for (uint64_t cut : {start, end}) {
    if (cut <= vma->vm_start || cut >= vma->vm_end) continue;
    absl::StatusOr<VmAreaStruct*> upper = nullptr;
    if (merges) {
      upper = CutVma(*vma, cut);
    } else if (mm_mt_.map_count() >= sysctl_max_map_count) {
      return TooManyMappings();
    } else {
      upper = SplitVma(*vma, cut);
    }
    if (!upper.ok()) return upper.status();
    if (cut == start) vma = *upper;
  }
  vma->vm_flags = vm_flags;
  return MergeVma(vma);
}

}  // namespace dmdax
