// SPDX-License-Identifier: Apache-2.0
#include "mm/mm_struct.h"

#include <sys/mman.h>

#include <cerrno>
#include <climits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "mm/unmapped_area.h"

namespace dmdax {
namespace {

constexpr uint64_t MAX_LFS_FILESIZE = LLONG_MAX;

// LEGACY_MAP_MASK, as x86 has it: what MAP_SHARED_VALIDATE knows besides what a
// file adds.  Flags that came later, MAP_FIXED_NOREPLACE too, are not among it.
constexpr int kMap32Bit = 0x40, kMapHuge2Mb = 21 << 26, kMapHuge1Gb = 30 << 26;
constexpr int kLegacyMapMask =
    MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE |
    MAP_EXECUTABLE | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |
    MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | kMap32Bit | kMapHuge2Mb |
    kMapHuge1Gb;

// What do_mmap() says of the flags of a shared mapping of `file`: 0 or -errno.
int CheckShared(const FaultProfile& profile, const File& file,
                const MmapRequest& request) {
  if ((request.flags & MAP_TYPE) == MAP_SHARED_VALIDATE) {
    if (!profile.has_map_sync) return -EINVAL;
    int known = kLegacyMapMask;
    if (file.f_op->supports_map_sync()) known |= MAP_SYNC;
    if (request.flags & ~known) return -EOPNOTSUPP;
  }
  return (request.prot & PROT_WRITE) && !file.writable ? -EACCES : 0;
}

// The flags of a new mapping, or -errno: MAP_SHARED, MAP_PRIVATE,
// MAP_SHARED_VALIDATE as do_mmap() sorts them.
int64_t VmFlagsOf(const FaultProfile& profile, const MmapRequest& request,
                  uint64_t prot_flags) {
  uint64_t flags = prot_flags | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC;
  // calc_vm_flag_bits() comes before anyone looks whether the file knows the
  // flag, and what is only MAP_SHARED or MAP_PRIVATE ignores what it does not.
  if ((request.flags & MAP_SYNC) && profile.has_map_sync) flags |= VM_SYNC;
  const File* file = request.file.get();
  const int type = request.flags & MAP_TYPE;
  const bool validate = type == MAP_SHARED_VALIDATE && file != nullptr;
  if (type == MAP_SHARED || validate) {
    const int err = file != nullptr ? CheckShared(profile, *file, request) : 0;
    if (err < 0) return err;
    flags |= VM_SHARED | VM_MAYSHARE;
    // A shared mapping of a read-only file can never be written; the kernel
    // drops VM_SHARED and keeps VM_MAYSHARE.
    if (file != nullptr && !file->writable) flags &= ~(VM_MAYWRITE | VM_SHARED);
  } else if (type != MAP_PRIVATE) {
    return -EINVAL;
  }
  if (file != nullptr && !file->readable) return -EACCES;
  if (request.flags & MAP_NORESERVE) flags |= VM_NORESERVE;
  // accountable_mapping()
  if ((flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE) {
    flags |= VM_ACCOUNT;
  }
  return static_cast<int64_t>(flags);
}

}  // namespace

MmStruct::MmStruct(const FaultProfile& profile, MemMap& mem)
    : profile_(profile),
      pte_ops_(profile),
      mem_(mem),
      page_table_(profile, &mem.page_tables()) {
  // The kernel aligns it: to 64 KiB where that is a page.
  mmap_base &= profile.page_mask();
}

MmStruct::~MmStruct() {
  while (mm_mt_.map_count() > 0) RemoveVma(mm_mt_.begin()->second.get());
}

std::vector<VmAreaStruct*> MmStruct::vmas() {
  std::vector<VmAreaStruct*> out;
  for (const auto& [start, vma] : mm_mt_) out.push_back(vma.get());
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

absl::Status MmStruct::TooManyMappings() const {
  return ErrnoError(ENOMEM, absl::StrCat("the process has ", mm_mt_.map_count(),
                                         " mappings; max_map_count is ",
                                         sysctl_max_map_count));
}

absl::Status MmStruct::CheckMmap(const MmapRequest& request) const {
  const uint64_t pages = request.len >> profile_.page_shift;
  if (request.pgoff + pages < request.pgoff) {
    return ErrnoError(EOVERFLOW,
                      absl::StrCat("page ", request.pgoff, " of the file + ",
                                   pages, " pages overflows"));
  }
  if (mm_mt_.map_count() > sysctl_max_map_count) return TooManyMappings();
  return absl::OkStatus();
}

absl::Status MmStruct::CheckMmapAt(const MmapRequest& request,
                                   uint64_t addr) const {
  if ((request.flags & MAP_FIXED_NOREPLACE) &&
      mm_mt_.FindIntersection(addr, addr + request.len) != nullptr) {
    return ErrnoError(EEXIST, "the range is mapped already");
  }
  if (request.file == nullptr || !profile_.file_mmap_checks_size) {
    return absl::OkStatus();
  }
  // file_mmap_ok(): devices of characters may have what a long can count.
  const Inode* inode = request.file->f_inode;
  const bool device = inode != nullptr && inode->type == InodeType::kCharDevice;
  const uint64_t largest = device ? ULONG_MAX : MAX_LFS_FILESIZE;
  if (request.len <= largest &&
      request.pgoff <= (largest - request.len) >> profile_.page_shift) {
    return absl::OkStatus();
  }
  return ErrnoError(
      EOVERFLOW, absl::StrCat("offset ", request.pgoff << profile_.page_shift,
                              " + length ", request.len, " is beyond ",
                              device ? "ULONG_MAX" : "MAX_LFS_FILESIZE",
                              ", which is ", largest));
}

absl::StatusOr<VmAreaStruct*> MmStruct::Mmap(const MmapRequest& request) {
  if (request.len == 0) return ErrnoError(EINVAL, "the length is 0");
  MmapRequest r = request;
  r.len = (r.len + profile_.page_size() - 1) & profile_.page_mask();
  if (r.len == 0) return ErrnoError(ENOMEM, "the length overflows");
  absl::Status status = CheckMmap(r);
  if (!status.ok()) return status;
  absl::StatusOr<uint64_t> addr = GetUnmappedArea(*this, r);
  if (!addr.ok()) return addr.status();
  status = CheckMmapAt(r, *addr);
  if (!status.ok()) return status;
  const int64_t vm_flags = VmFlagsOf(profile_, r, ProtFlags(r.prot));
  if (vm_flags < 0) {
    return ErrnoError(static_cast<int>(-vm_flags), "mmap flags or mode");
  }
  status = Munmap(*addr, r.len);
  if (!status.ok()) return status;
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
  }
  // ->mmap has set vm_ops and flags, on which write notification depends.
  UpdatePageProt(*vma);
  VmAreaStruct* result = LinkVma(std::move(vma));
  if ((r.flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE) {
    MmPopulate(result->vm_start, result->vm_end, PopulateErrors::kIgnore);
  }
  return result;
}

absl::Status MmStruct::NotMapped(uint64_t addr) const {
  return ErrnoError(ENOMEM, absl::StrFormat("nothing is mapped at 0x%x", addr));
}

uint64_t MmStruct::ProtFlags(int prot) const {
  const uint64_t flags = ((prot & PROT_READ) ? VM_READ : 0) |
                         ((prot & PROT_WRITE) ? VM_WRITE : 0) |
                         ((prot & PROT_EXEC) ? VM_EXEC : 0);
  // execute_only_pkey()
  return flags == VM_EXEC && profile_.has_pkeys ? flags | VM_PKEY_BIT0 : flags;
}

absl::Status MmStruct::CheckRange(uint64_t addr, uint64_t len) {
  if ((addr & (profile_.page_size() - 1)) || len == 0) {
    return ErrnoError(EINVAL, "the range is not page aligned or empty");
  }
  return absl::OkStatus();
}

absl::Status MmStruct::Munmap(uint64_t addr, uint64_t len) {
  absl::Status status = CheckRange(addr, len);
  if (!status.ok()) return status;
  if (addr > task_size || len > task_size - addr) {
    return ErrnoError(EINVAL, "the range ends above the task's size");
  }
  const uint64_t end =
      addr + ((len + profile_.page_size() - 1) & profile_.page_mask());
  VmAreaStruct* first = mm_mt_.FindIntersection(addr, end);
  if (first != nullptr && first->vm_start < addr) {
    // Only a hole makes one more.
    if (end < first->vm_end && mm_mt_.map_count() >= sysctl_max_map_count) {
      return TooManyMappings();
    }
    status = SplitVma(*first, addr).status();
    if (!status.ok()) return status;
  }
  VmAreaStruct* last = FindVma(end);
  if (last != nullptr && last->vm_start < end) {
    status = SplitVma(*last, end).status();
    if (!status.ok()) return status;
  }
  while (VmAreaStruct* vma = mm_mt_.FindIntersection(addr, end)) {
    RemoveVma(vma);
  }
  return absl::OkStatus();
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
  // The pagemap walk has no callback for PUDs, so it splits them to reach PMDs.
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
