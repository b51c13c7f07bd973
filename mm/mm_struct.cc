// SPDX-License-Identifier: Apache-2.0
#include "mm/mm_struct.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "mm/unmapped_area.h"

namespace dmdax {
namespace {

// calc_vm_prot_bits() and the MAY bits of do_mmap().
uint64_t VmProtFlags(int prot) {
  return ((prot & PROT_READ) ? VM_READ : 0) |
         ((prot & PROT_WRITE) ? VM_WRITE : 0) |
         ((prot & PROT_EXEC) ? VM_EXEC : 0);
}

// The flags of a new mapping, or -errno: MAP_SHARED, MAP_PRIVATE,
// MAP_SHARED_VALIDATE as do_mmap() sorts them.
int64_t VmFlagsOf(const FaultProfile& profile, const MmapRequest& request) {
  uint64_t flags =
      VmProtFlags(request.prot) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  const File* file = request.file.get();
  const int type = request.flags & MAP_TYPE;
  if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE) {
    const bool validate = type == MAP_SHARED_VALIDATE;
    if (validate && !profile.has_map_sync) return -EINVAL;
    if (validate && (request.flags & MAP_SYNC)) {
      if (file == nullptr || !file->f_op->supports_map_sync()) {
        return -EOPNOTSUPP;
      }
      flags |= VM_SYNC;
    }
    if (file != nullptr && !file->writable && (request.prot & PROT_WRITE)) {
      return -EACCES;
    }
    flags |= VM_SHARED | VM_MAYSHARE;
    if (file != nullptr && !file->writable) flags &= ~(VM_MAYWRITE | VM_SHARED);
  } else if (type != MAP_PRIVATE) {
    return -EINVAL;
  }
  return static_cast<int64_t>(flags);
}

}  // namespace

MmStruct::MmStruct(const FaultProfile& profile, MemMap& mem)
    : profile_(profile), pte_ops_(profile), mem_(mem), page_table_(profile) {
  // The kernel aligns it: to 64 KiB where that is a page.
  mmap_base &= profile.page_mask();
}

MmStruct::~MmStruct() {
  while (!vmas_.empty()) RemoveVma(vmas_.begin()->second.get());
}

VmAreaStruct* MmStruct::FindVma(uint64_t addr) {
  auto it = vmas_.upper_bound(addr);
  if (it == vmas_.begin()) return nullptr;
  VmAreaStruct* vma = std::prev(it)->second.get();
  return addr < vma->vm_end ? vma : nullptr;
}

std::vector<VmAreaStruct*> MmStruct::vmas() {
  std::vector<VmAreaStruct*> out;
  for (auto& [start, vma] : vmas_) out.push_back(vma.get());
  return out;
}

// vma_set_page_prot() with vma_wants_writenotify().
void MmStruct::UpdatePageProt(VmAreaStruct& vma) {
  const uint64_t both = VM_WRITE | VM_SHARED;
  bool notify = false;
  if ((vma.vm_flags & both) == both && vma.vm_ops != nullptr) {
    notify = vma.vm_ops->has(VmOperations::kPageMkwrite) ||
             vma.vm_ops->has(VmOperations::kPfnMkwrite);
  }
  vma.vm_page_prot = pte_ops_.VmGetPageProt(vma.vm_flags, notify);
}

absl::StatusOr<VmAreaStruct*> MmStruct::Mmap(const MmapRequest& request) {
  if (request.len == 0) return ErrnoError(EINVAL, "the length is 0");
  MmapRequest r = request;
  r.len = (r.len + profile_.page_size() - 1) & profile_.page_mask();
  if (r.len == 0) return ErrnoError(ENOMEM, "the length overflows");
  absl::StatusOr<uint64_t> addr = GetUnmappedArea(*this, r);
  if (!addr.ok()) return addr.status();
  const int64_t vm_flags = VmFlagsOf(profile_, r);
  if (vm_flags < 0) {
    return ErrnoError(static_cast<int>(-vm_flags), "mmap flags or mode");
  }
  for (VmAreaStruct* old : vmas()) {
    if (*addr >= old->vm_end || old->vm_start >= *addr + r.len) continue;
    if (r.flags & MAP_FIXED_NOREPLACE) {
      return ErrnoError(EEXIST, "the range is mapped already");
    }
    absl::Status status = Munmap(*addr, r.len);
    if (!status.ok()) return status;
    break;
  }
  auto vma = std::make_unique<VmAreaStruct>();
  vma->vm_start = *addr;
  vma->vm_end = *addr + r.len;
  vma->vm_flags = static_cast<uint64_t>(vm_flags);
  vma->vm_pgoff = r.file != nullptr ? r.pgoff : *addr >> profile_.page_shift;
  vma->vm_file = r.file;
  vma->vm_mm = this;
  vma->vm_page_prot = pte_ops_.VmGetPageProt(vma->vm_flags, false);
  if (r.file != nullptr) {
    const int err = r.file->f_op->Mmap(*r.file, *vma);
    if (err < 0) {
      return ErrnoError(-err, absl::StrFormat("mmap of %s", r.file->path));
    }
    vma->vm_file->f_mapping->i_mmap.push_back(vma.get());
  }
  UpdatePageProt(*vma);
  VmAreaStruct* result = vma.get();
  vmas_[*addr] = std::move(vma);
  if (r.flags & MAP_POPULATE) {
    MmPopulate(result->vm_start, result->vm_end);
  }
  return result;
}

void MmStruct::RemoveVma(VmAreaStruct* vma) {
  ZapPageRange(*vma, vma->vm_start, vma->vm_end);
  if (vma->vm_file != nullptr) {
    std::vector<VmAreaStruct*>& i_mmap = vma->vm_file->f_mapping->i_mmap;
    i_mmap.erase(std::remove(i_mmap.begin(), i_mmap.end(), vma), i_mmap.end());
  }
  if (vma->vm_ops != nullptr && vma->vm_ops->has(VmOperations::kClose)) {
    vma->vm_ops->Close(*vma);
  }
  vmas_.erase(vma->vm_start);
}

// __split_vma(): the upper part becomes a VMA of its own.
VmAreaStruct* MmStruct::SplitVma(VmAreaStruct* vma, uint64_t addr) {
  // A huge entry across the cut does not survive it.
  int order = 0;
  PtSlot slot = page_table_.Lookup(addr, &order);
  if (slot && order > 0) {
    const uint64_t size = uint64_t{1} << (order + profile_.page_shift);
    if (addr & (size - 1)) ZapLeaf(*vma, slot, addr & ~(size - 1), order);
  }
  auto upper = std::make_unique<VmAreaStruct>(*vma);
  upper->vm_start = addr;
  upper->vm_pgoff += (addr - vma->vm_start) >> profile_.page_shift;
  vma->vm_end = addr;
  if (upper->vm_file != nullptr) {
    upper->vm_file->f_mapping->i_mmap.push_back(upper.get());
  }
  if (upper->vm_ops != nullptr && upper->vm_ops->has(VmOperations::kOpen)) {
    upper->vm_ops->Open(*upper);
  }
  VmAreaStruct* result = upper.get();
  vmas_[addr] = std::move(upper);
  return result;
}

void MmStruct::MergeVmas() {
  for (auto it = vmas_.begin(); it != vmas_.end();) {
    VmAreaStruct& lower = *it->second;
    auto next = std::next(it);
    if (next == vmas_.end()) return;
    VmAreaStruct& upper = *next->second;
    const uint64_t pages =
        (lower.vm_end - lower.vm_start) >> profile_.page_shift;
    const bool same =
        lower.vm_end == upper.vm_start && lower.vm_flags == upper.vm_flags &&
        lower.vm_file == upper.vm_file && lower.vm_ops == upper.vm_ops &&
        lower.vm_pgoff + pages == upper.vm_pgoff &&
        lower.anon_vma == upper.anon_vma;
    // Operations that want to hear of a close are left alone.
    const bool closes =
        lower.vm_ops != nullptr && lower.vm_ops->has(VmOperations::kClose);
    if (!same || closes) {
      it = next;
      continue;
    }
    lower.vm_end = upper.vm_end;
    if (upper.vm_file != nullptr) {
      std::vector<VmAreaStruct*>& i_mmap = upper.vm_file->f_mapping->i_mmap;
      i_mmap.erase(std::remove(i_mmap.begin(), i_mmap.end(), &upper),
                   i_mmap.end());
    }
    vmas_.erase(next);
  }
}

absl::Status MmStruct::CheckRange(uint64_t addr, uint64_t len) {
  if ((addr & (profile_.page_size() - 1)) || len == 0) {
    return ErrnoError(EINVAL, "the range is not page aligned or empty");
  }
  return absl::OkStatus();
}

absl::Status MmStruct::ForRange(uint64_t addr, uint64_t len,
                                const std::function<void(VmAreaStruct&)>& f) {
  const uint64_t end = addr + len;
  for (uint64_t cut : {addr, end}) {
    VmAreaStruct* vma = FindVma(cut);
    if (vma == nullptr || vma->vm_start == cut) continue;
    if (vma->vm_ops != nullptr && vma->vm_ops->has(VmOperations::kMaySplit)) {
      const int err = vma->vm_ops->MaySplit(*vma, cut);
      if (err < 0) return ErrnoError(-err, "the mapping can not be cut there");
    }
    SplitVma(vma, cut);
  }
  for (VmAreaStruct* vma : vmas()) {
    if (vma->vm_start >= addr && vma->vm_end <= end) f(*vma);
  }
  return absl::OkStatus();
}

absl::Status MmStruct::Munmap(uint64_t addr, uint64_t len) {
  absl::Status status = CheckRange(addr, len);
  if (!status.ok()) return status;
  len = (len + profile_.page_size() - 1) & profile_.page_mask();
  return ForRange(addr, len, [&](VmAreaStruct& vma) { RemoveVma(&vma); });
}

bool MmStruct::Lookup(uint64_t addr, Pte* entry, int* order) {
  PtSlot slot = page_table_.Lookup(addr, order);
  *entry = slot.value();
  return static_cast<bool>(slot);
}

PagemapEntry MmStruct::ReadPagemap(uint64_t addr) {
  PagemapEntry out;
  VmAreaStruct* vma = FindVma(addr);
  if (vma == nullptr) return out;
  // The walk has no PUD callback: it splits to get at PMDs.
  PtSlot pud = page_table_.Pud(addr, false);
  if (pud.is_leaf()) SplitHugePud(*vma, pud, addr);
  int order = 0;
  Pte entry;
  if (!Lookup(addr, &entry, &order)) return out;
  out.present = true;
  const uint64_t inside =
      (addr >> profile_.page_shift) & ((uint64_t{1} << order) - 1);
  out.pfn = pte_ops_.Pfn(entry) + inside;
  return out;
}

}  // namespace dmdax
