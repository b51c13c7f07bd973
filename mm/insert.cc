// SPDX-License-Identifier: Apache-2.0
#include "mm/insert.h"

#include <cerrno>

namespace dmdax {
namespace {

using K = FaultEventKind;

[[gnu::noinline]] void Add(FaultRecorder& recorder, K kind, uint64_t addr,
                           uint64_t raw_pfn, bool write, int64_t ret) {
  FaultEvent& event = recorder.Add(kind);
  event.address = addr;
  event.pfn = raw_pfn;
  event.write = write;
  event.ret = ret;
}

// Without a recorder no more than this test.
inline void Record(VmFault& vmf, K kind, uint64_t addr, uint64_t raw_pfn,
                   bool write, int64_t ret) {
  FaultRecorder* recorder = vmf.mm->recorder();
  if (recorder != nullptr) Add(*recorder, kind, addr, raw_pfn, write, ret);
}

bool OutsideVma(const VmAreaStruct& vma, uint64_t addr) {
  return addr < vma.vm_start || addr >= vma.vm_end;
}

// pte_alloc_map() of `addr`, which is mostly the fault's own.
PtSlot AllocPte(VmFault& vmf, uint64_t addr) {
  PageTable& table = vmf.mm->page_table();
  return vmf.pmd && addr == vmf.address ? table.PteOf(vmf.pmd, addr, true)
                                        : table.PteSlot(addr, true);
}

// An entry that is there already, as insert_pfn() treats it.
int BusyPte(VmFault& vmf, PtSlot slot, pfn_t pfn, bool mkwrite) {
  MmStruct& mm = *vmf.mm;
  const PteOps& ops = mm.pte_ops();
  const bool is_errno = mm.profile().insert_returns_errno;
  if (!mkwrite) return is_errno ? -EBUSY : 0;
  const Pte entry = slot.value();
  if (ops.Pfn(entry) != pfn) {
    if (is_errno) {
      mm.Warn("pte_pfn(*pte) != pfn_t_to_pfn(pfn)");
    } else if (!mm.mem().IsZero(ops.Pfn(entry))) {
      mm.Warn("!is_zero_pfn(pte_pfn(*pte))");
    }
    return is_errno ? -EBUSY : 0;
  }
  slot.Set(MaybeMkwrite(ops, ops.MkDirty(ops.MkYoung(entry)), *vmf.vma));
  return 0;
}

// vm_mixed_ok().
bool MixedOk(VmFault& vmf, FlaggedPfn pfn, bool mkwrite) {
  const FaultProfile& profile = vmf.mm->profile();
  const VmAreaStruct& vma = *vmf.vma;
  const bool zero = vmf.mm->mem().IsZero(pfn.pfn);
  if (profile.mixed_not_ok_is_sigbus && zero) {
    if (mkwrite) return false;
    // vm_mixed_zeropage_allowed().
    const bool writable = (vma.vm_flags & (VM_WRITE | VM_MAYWRITE)) != 0;
    if (!IsCowMapping(vma.vm_flags) && writable &&
        !(vma.vm_ops != nullptr && vma.vm_ops->has(VmOperations::kPfnMkwrite) &&
          (VmaIsFsdax(vma) || (vma.vm_flags & VM_IO)))) {
      return false;
    }
  }
  if (vma.vm_flags & VM_MIXEDMAP) return true;
  if (profile.mixed_needs_flag) return false;
  return PfnDevmap(profile, pfn) || pfn.special || zero;
}

vm_fault_t MixedFault(VmFault& vmf, uint64_t addr, FlaggedPfn pfn,
                      bool mkwrite) {
  MmStruct& mm = *vmf.mm;
  FaultScope scope(mm.recorder(), FaultFunction::kVmInsertMixedCore);
  const FaultProfile& profile = mm.profile();
  if (!MixedOk(vmf, pfn, mkwrite)) {
    if (!profile.mixed_not_ok_is_sigbus) {
      return mm.Bug(vmf, profile.mixed_needs_flag
                             ? "!(vma->vm_flags & VM_MIXEDMAP)"
                             : "!vm_mixed_ok(vma, pfn)");
    }
    return FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kInsertNotAllowed);
  }
  if (OutsideVma(*vmf.vma, addr)) {
    return FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kInsertRange);
  }
  // Without a special bit a page that has a struct page must be counted.
  int err;
  if (!profile.has_pte_special && !PfnDevmap(profile, pfn) &&
      mm.mem().PfnValid(pfn.pfn)) {
    err = InsertPage(vmf, addr, pfn.pfn, mkwrite);
  } else {
    err = InsertPfn(vmf, addr, pfn, mkwrite);
  }
  if (err == -ENOMEM) return VM_FAULT_OOM;
  // -EBUSY: the page is mapped already, and the access is tried again.
  if (err < 0 && err != -EBUSY) {
    return FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kInsertNotAllowed);
  }
  return VM_FAULT_NOPAGE;
}

}  // namespace

std::optional<pfn_t> VmNormalPage(MmStruct& mm, const VmAreaStruct& vma,
                                  uint64_t addr, Pte entry, int order) {
  const FaultProfile& profile = mm.profile();
  const PteOps& ops = mm.pte_ops();
  const pfn_t pfn = ops.Pfn(entry);
  if (mm.mem().IsZero(pfn)) return std::nullopt;
  // PMDs have a special bit only since 6.12; before, the flags decide.
  const bool has_special =
      profile.has_pte_special && (order == 0 || profile.insert_pmd_special);
  if (has_special && ops.Special(entry)) return std::nullopt;
  if (profile.has_pte_devmap && ops.Devmap(entry)) return std::nullopt;
  if (!has_special || order > 0) {
    if ((vma.vm_flags & VM_MIXEDMAP) && !mm.mem().PfnValid(pfn)) {
      return std::nullopt;
    }
    if (vma.vm_flags & VM_PFNMAP) {
      const uint64_t off = (addr - vma.vm_start) >> profile.page_shift;
      if (pfn.value() == vma.vm_pgoff + off) return std::nullopt;
      if (!IsCowMapping(vma.vm_flags)) return std::nullopt;
    }
  }
  return pfn;
}

int InsertPfn(VmFault& vmf, uint64_t addr, FlaggedPfn pfn, bool mkwrite) {
  MmStruct& mm = *vmf.mm;
  FaultScope scope(mm.recorder(), FaultFunction::kInsertPfn);
  const PteOps& ops = mm.pte_ops();
  PtSlot slot = AllocPte(vmf, addr);
  if (!slot) return -ENOMEM;
  if (!slot.none()) return BusyPte(vmf, slot, pfn.pfn, mkwrite);
  Pte entry = ops.MkPte(pfn.pfn, vmf.vma->vm_page_prot);
  entry = PfnDevmap(mm.profile(), pfn) ? ops.MkDevmap(entry, 0)
                                       : ops.MkSpecial(entry);
  if (mkwrite) {
    entry = MaybeMkwrite(ops, ops.MkDirty(ops.MkYoung(entry)), *vmf.vma);
  }
  slot.Set(entry);
  return 0;
}

int InsertPage(VmFault& vmf, uint64_t addr, pfn_t pfn, bool mkwrite) {
  MmStruct& mm = *vmf.mm;
  FaultScope scope(mm.recorder(), FaultFunction::kInsertPage);
  const PteOps& ops = mm.pte_ops();
  const bool zero = mm.mem().IsZero(pfn);
  if (!zero && mm.mem().Refcount(pfn) <= 0) return -EINVAL;
  PtSlot slot = AllocPte(vmf, addr);
  if (!slot) return -ENOMEM;
  if (!slot.none()) {
    if (!mkwrite) return -EBUSY;
    const Pte old = slot.value();
    if (ops.Pfn(old) != pfn) {
      if (!mm.mem().IsZero(ops.Pfn(old))) {
        mm.Warn("!is_zero_pfn(pte_pfn(pteval))");
      }
      return -EFAULT;
    }
    slot.Set(MaybeMkwrite(ops, ops.MkYoung(old), *vmf.vma));
    return 0;
  }
  Pte entry = ops.MkPte(pfn, vmf.vma->vm_page_prot);
  if (zero) {
    entry = ops.MkSpecial(entry);
  } else {
    mm.mem().Get(pfn);
    mm.mem().AddMapcount(pfn, 1);
    ++mm.rss_file;
  }
  if (mkwrite) {
    entry = MaybeMkwrite(ops, ops.MkDirty(ops.MkYoung(entry)), *vmf.vma);
  }
  slot.Set(entry);
  return 0;
}

vm_fault_t VmfInsertPfn(VmFault& vmf, uint64_t addr, pfn_t pfn) {
  MmStruct& mm = *vmf.mm;
  const uint64_t flags = vmf.vma->vm_flags;
  const uint64_t both = VM_PFNMAP | VM_MIXEDMAP;
  if ((flags & both) == 0) {
    return mm.Bug(vmf, "!(vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP))");
  }
  if ((flags & both) == both) {
    return mm.Bug(vmf,
                  "(vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP)) == "
                  "(VM_PFNMAP|VM_MIXEDMAP)");
  }
  if ((flags & VM_PFNMAP) && IsCowMapping(flags)) {
    return mm.Bug(vmf,
                  "(vma->vm_flags & VM_PFNMAP) && "
                  "is_cow_mapping(vma->vm_flags)");
  }
  if ((flags & VM_MIXEDMAP) && mm.mem().PfnValid(pfn)) {
    return mm.Bug(vmf, "(vma->vm_flags & VM_MIXEDMAP) && pfn_valid(pfn)");
  }
  if (OutsideVma(*vmf.vma, addr)) {
    return FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kInsertRange);
  }
  const int err =
      InsertPfn(vmf, addr, FlaggedPfn{.pfn = pfn, .dev = true}, false);
  return err == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_NOPAGE;
}

vm_fault_t VmfInsertMixed(VmFault& vmf, uint64_t addr, FlaggedPfn pfn,
                          bool mkwrite) {
  FaultScope scope(vmf.mm->recorder(),
                   mkwrite ? FaultFunction::kVmfInsertMixedMkwrite
                           : FaultFunction::kVmfInsertMixed);
  // Until 6.16 the two functions have probes of their own.
  const bool two = !vmf.mm->profile().no_pfn_t && mkwrite;
  Record(vmf, two ? K::kInsertPfnPteMkwrite : K::kInsertPfnPte, addr, pfn.raw(),
         mkwrite, 0);
  const vm_fault_t ret = MixedFault(vmf, addr, pfn, mkwrite);
  Record(vmf, two ? K::kInsertPfnPteMkwriteRet : K::kInsertPfnPteRet, addr, 0,
         mkwrite, ret);
  return ret;
}

vm_fault_t VmfInsertPageMkwrite(VmFault& vmf, pfn_t pfn, bool write) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kVmfInsertPageMkwrite);
  Record(vmf, K::kInsertPfnPteMkwrite, vmf.address, pfn.value(), write, 0);
  vm_fault_t ret = VM_FAULT_NOPAGE;
  if (OutsideVma(*vmf.vma, vmf.address)) {
    vmf.reason = {.code = FaultReasonCode::kInsertRange};
    ret = VM_FAULT_SIGBUS;
  } else {
    const int err = InsertPage(vmf, vmf.address, pfn, write);
    if (err == -ENOMEM) {
      ret = VM_FAULT_OOM;
    } else if (err < 0 && err != -EBUSY) {
      vmf.reason = err == -EINVAL
                       ? FaultReason{.code = FaultReasonCode::kFolioNoRef,
                                     .want = pfn.value()}
                       : FaultReason{.code = FaultReasonCode::kInsertOtherPage,
                                     .want = pfn.value()};
      ret = VM_FAULT_SIGBUS;
    }
  }
  Record(vmf, K::kInsertPfnPteMkwriteRet, vmf.address, 0, write, ret);
  return ret;
}

int RemapPfnRange(MmStruct& mm, VmAreaStruct& vma, uint64_t addr, pfn_t pfn,
                  uint64_t size) {
  if (IsCowMapping(vma.vm_flags)) {
    if (addr != vma.vm_start || addr + size != vma.vm_end) return -EINVAL;
    vma.vm_pgoff = pfn.value();
  }
  vma.vm_flags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
  const PteOps& ops = mm.pte_ops();
  const uint64_t step = mm.profile().page_size();
  for (uint64_t off = 0; off < size; off += step) {
    PtSlot slot = mm.page_table().PteSlot(addr + off, true);
    if (!slot) return -ENOMEM;
    slot.Set(ops.MkSpecial(ops.MkPte(pfn + off / step, vma.vm_page_prot)));
  }
  return 0;
}

}  // namespace dmdax
