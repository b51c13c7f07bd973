// SPDX-License-Identifier: Apache-2.0
#include "mm/gup.h"

#include <cerrno>

#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "mm/insert.h"

namespace dmdax {
namespace {

// How often a walk may find nothing and the fault change nothing, before we say
// what the kernel would do for ever.
constexpr int kMaxRounds = 16;

FollowedPage Error(int err) { return FollowedPage{.err = -err}; }

// try_grab_page().
int Grab(MmStruct& mm, pfn_t pfn, unsigned flags) {
  if (!(flags & (FOLL_GET | FOLL_PIN))) return 0;
  const bool small = mm.mem().FolioOrder(pfn) == 0;
  mm.mem().Get(pfn, (flags & FOLL_PIN) && small ? kGupPinCountingBias : 1);
  return 0;
}

// The devmap branch: follow_page_pte() answers "no page" where
// follow_devmap_pmd() answers -EFAULT.
FollowedPage FollowDevmap(MmStruct& mm, pfn_t pfn, unsigned flags, bool huge,
                          DevPagemap** pgmap) {
  if (!(flags & (FOLL_GET | FOLL_PIN))) return Error(EEXIST);
  const bool have = *pgmap != nullptr && mm.mem().FindPagemap(pfn) == *pgmap;
  if (!have) {
    if (*pgmap != nullptr) MemMap::PutDevPagemap(*pgmap);
    *pgmap = mm.mem().GetDevPagemap(pfn);
  }
  if (*pgmap == nullptr) return huge ? Error(EFAULT) : FollowedPage{};
  Grab(mm, pfn, flags);
  return FollowedPage{.found = true, .pfn = pfn};
}

// check_vma_flags().
int CheckVmaFlags(const VmAreaStruct& vma, unsigned flags) {
  if (vma.vm_flags & (VM_IO | VM_PFNMAP)) return -EFAULT;
  if ((flags & FOLL_LONGTERM) && VmaIsFsdax(vma)) return -EOPNOTSUPP;
  if (flags & FOLL_WRITE) {
    if (!(vma.vm_flags & VM_WRITE)) return -EFAULT;
  } else if (!(vma.vm_flags & VM_READ)) {
    return -EFAULT;
  }
  return 0;
}

// faultin_page(): 0 or -errno.
int FaultinPage(MmStruct& mm, VmAreaStruct& vma, uint64_t addr,
                unsigned flags) {
  unsigned fault_flags = FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_KILLABLE;
  if (flags & FOLL_WRITE) fault_flags |= FAULT_FLAG_WRITE;
  vm_fault_t ret = mm.HandleMmFault(vma, addr, fault_flags);
  if (ret & VM_FAULT_RETRY) {
    ret = mm.HandleMmFault(vma, addr, fault_flags | FAULT_FLAG_TRIED);
  }
  if (!(ret & VM_FAULT_ERROR)) return 0;
  if (ret & VM_FAULT_OOM) return -ENOMEM;
  if (ret & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)) {
    return (flags & FOLL_HWPOISON) ? -EHWPOISON : -EFAULT;
  }
  return -EFAULT;
}

absl::Status PageError(int err, uint64_t addr) {
  return ErrnoError(
      -err, absl::StrFormat("the page at 0x%x: -%s", addr, ErrnoName(-err)));
}

}  // namespace

FollowedPage FollowPage(MmStruct& mm, VmAreaStruct& vma, uint64_t addr,
                        unsigned flags, DevPagemap** pgmap) {
  if ((flags & FOLL_GET) && (flags & FOLL_PIN)) {
    mm.Warn("(flags & (FOLL_PIN | FOLL_GET)) == (FOLL_PIN | FOLL_GET)");
    return Error(EINVAL);
  }
  const PteOps& ops = mm.pte_ops();
  Pte entry;
  int order = 0;
  if (!mm.Lookup(addr, &entry, &order) || !ops.Present(entry)) {
    return FollowedPage{};
  }
  if ((flags & FOLL_WRITE) && !ops.Write(entry)) return FollowedPage{};
  const uint64_t inside =
      (addr >> mm.profile().page_shift) & ((uint64_t{1} << order) - 1);
  const pfn_t pfn = ops.Pfn(entry) + inside;
  if (ops.Devmap(entry)) {
    return FollowDevmap(mm, pfn, flags, order > 0, pgmap);
  }
  if (!VmNormalPage(mm, vma, addr, entry, order)) {
    if (flags & FOLL_DUMP) return Error(EFAULT);
    if (mm.mem().IsZero(pfn)) return FollowedPage{.found = true, .pfn = pfn};
    return Error(EEXIST);
  }
  Grab(mm, pfn, flags);
  return FollowedPage{.found = true, .pfn = pfn};
}

absl::StatusOr<std::vector<pfn_t>> GetUserPages(MmStruct& mm, uint64_t addr,
                                                uint64_t nr, unsigned flags) {
  std::vector<pfn_t> pages;
  DevPagemap* pgmap = nullptr;
  absl::Status failed;
  for (uint64_t i = 0; i < nr && failed.ok(); ++i) {
    const uint64_t at = addr + (i << mm.profile().page_shift);
    VmAreaStruct* vma = mm.FindVma(at);
    int err = vma == nullptr ? -EFAULT : CheckVmaFlags(*vma, flags);
    FollowedPage page;
    for (int round = 0; err == 0; ++round) {
      page = FollowPage(mm, *vma, at, flags, &pgmap);
      if (!page.null()) break;
      if (round == kMaxRounds) {
        failed = ErrnoError(
            EINTR, absl::StrFormat(
                       "the page at 0x%x is mapped, but its memory is going "
                       "away: the kernel faults again and again until the "
                       "entry is removed or a fatal signal comes",
                       at));
        break;
      }
      err = FaultinPage(mm, *vma, at, flags);
    }
    if (!failed.ok()) break;
    if (err == 0) err = page.err;
    if (err < 0) {
      failed = PageError(err, at);
    } else {
      pages.push_back(page.pfn);
    }
  }
  // The cached pagemap reference ends with the walk; the pages keep theirs.
  if (pgmap != nullptr) MemMap::PutDevPagemap(pgmap);
  if (pages.empty() && !failed.ok()) return failed;
  return pages;
}

void PutUserPages(MmStruct& mm, absl::Span<const pfn_t> pages, unsigned flags) {
  for (const pfn_t pfn : pages) {
    if (mm.mem().IsZero(pfn)) continue;
    const bool small = mm.mem().FolioOrder(pfn) == 0;
    mm.mem().Put(pfn, (flags & FOLL_PIN) && small ? kGupPinCountingBias : 1);
  }
}

}  // namespace dmdax
