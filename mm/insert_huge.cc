// SPDX-License-Identifier: Apache-2.0
#include "mm/insert.h"

namespace dmdax {
namespace {

using K = FaultEventKind;

[[gnu::noinline]] void Add(FaultRecorder& recorder, K kind, uint64_t raw_pfn,
                           bool write, int64_t ret) {
  FaultEvent& event = recorder.Add(kind);
  event.pfn = raw_pfn;
  event.write = write;
  event.ret = ret;
}

// Without a recorder no more than this test.
inline void Record(VmFault& vmf, K kind, uint64_t raw_pfn, bool write,
                   int64_t ret) {
  FaultRecorder* recorder = vmf.mm->recorder();
  if (recorder != nullptr) Add(*recorder, kind, raw_pfn, write, ret);
}

uint64_t HugeAddress(const VmFault& vmf, int order) {
  const FaultProfile& profile = vmf.mm->profile();
  return vmf.address & ~((uint64_t{1} << (order + profile.page_shift)) - 1);
}

bool OutOfRange(const VmFault& vmf, int order) {
  const FaultProfile& profile = vmf.mm->profile();
  const uint64_t addr =
      profile.insert_pmd_raw_address ? vmf.address : HugeAddress(vmf, order);
  return addr < vmf.vma->vm_start || addr >= vmf.vma->vm_end;
}

// The BUG_ONs of vmf_insert_pfn_pmd() and _pud(); null when all hold.
const char* BrokenPrecondition(VmFault& vmf, FlaggedPfn pfn) {
  const FaultProfile& profile = vmf.mm->profile();
  const uint64_t flags = vmf.vma->vm_flags;
  const uint64_t both = VM_PFNMAP | VM_MIXEDMAP;
  const bool devmap = PfnDevmap(profile, pfn);
  if ((flags & both) == 0) {
    if (profile.insert_pmd_always_needs_flag) {
      return "!(vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP))";
    }
    if (!devmap) {
      return "!(vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP)) && "
             "!pfn_t_devmap(pfn)";
    }
  }
  if ((flags & both) == both) {
    return "(vma->vm_flags & (VM_PFNMAP|VM_MIXEDMAP)) == "
           "(VM_PFNMAP|VM_MIXEDMAP)";
  }
  if ((flags & VM_PFNMAP) && IsCowMapping(flags)) {
    return "(vma->vm_flags & VM_PFNMAP) && is_cow_mapping(vma->vm_flags)";
  }
  if (profile.insert_pmd_needs_devmap && !devmap) return "!pfn_t_devmap(pfn)";
  return nullptr;
}

// insert_pfn_pmd() and insert_pfn_pud(), insert_pmd() and insert_pud().
void InsertHuge(VmFault& vmf, PtSlot slot, FlaggedPfn pfn, int order,
                bool write, bool folio) {
  MmStruct& mm = *vmf.mm;
  const FaultProfile& profile = mm.profile();
  const PteOps& ops = mm.pte_ops();
  if (!slot.none() && !profile.insert_pmd_overwrites) {
    if (!write || slot.is_table()) return;
    if (ops.Pfn(slot.value()) != pfn.pfn) {
      if (order == profile.pud_order()) {
        // There is no huge zero PUD, so another frame is always a mistake.
        mm.Warn("pud_pfn(*pud) != pfn_t_to_pfn(pfn)");
      } else if (!mm.mem().IsZero(ops.Pfn(slot.value()))) {
        mm.Warn("!is_huge_zero_pmd(*pmd)");
      }
      return;
    }
    slot.Set(
        MaybeMkwrite(ops, ops.MkDirty(ops.MkYoung(slot.value())), *vmf.vma));
    return;
  }
  // The hardware ignores the bits below the page's own size.
  const pfn_t base((pfn.pfn.value() >> order) << order);
  Pte entry = ops.MkHuge(ops.MkPte(base, vmf.vma->vm_page_prot));
  const bool zero = mm.mem().IsZero(pfn.pfn);
  if (folio && !zero) {
    mm.mem().Get(pfn.pfn);
    mm.mem().AddMapcount(pfn.pfn, 1);
    mm.rss_file += int64_t{1} << order;
  } else if (PfnDevmap(profile, pfn)) {
    entry = ops.MkDevmap(entry, order);
  } else if (profile.insert_pmd_special) {
    entry = ops.MkSpecial(entry);
  }
  if (write) {
    entry = MaybeMkwrite(ops, ops.MkDirty(ops.MkYoung(entry)), *vmf.vma);
  }
  slot.Set(entry);
}

vm_fault_t InsertPfnHuge(VmFault& vmf, PtSlot slot, FlaggedPfn pfn, int order,
                         bool write) {
  const char* const broken = BrokenPrecondition(vmf, pfn);
  if (broken != nullptr) return vmf.mm->Bug(vmf, broken);
  if (OutOfRange(vmf, order)) {
    return FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kInsertRange);
  }
  InsertHuge(vmf, slot, pfn, order, write, false);
  return VM_FAULT_NOPAGE;
}

vm_fault_t InsertFolioHuge(VmFault& vmf, PtSlot slot, pfn_t pfn, int order,
                           bool write) {
  MemMap& mem = vmf.mm->mem();
  if (OutOfRange(vmf, order)) {
    return FailFault(vmf, VM_FAULT_SIGBUS, FaultReasonCode::kInsertRange);
  }
  // The huge zero page is a folio of PMD order by construction.
  if (!mem.IsZero(pfn) && mem.FolioOrder(pfn) != order) {
    vmf.mm->Warn(order == vmf.mm->profile().pud_order()
                     ? "folio_order(folio) != PUD_ORDER"
                     : "folio_order(folio) != PMD_ORDER");
    vmf.reason = {.code = FaultReasonCode::kFolioOrder,
                  .want = static_cast<uint64_t>(order),
                  .have = static_cast<uint64_t>(mem.FolioOrder(pfn))};
    return VM_FAULT_SIGBUS;
  }
  FaultScope scope(vmf.mm->recorder(), order == vmf.mm->profile().pmd_order()
                                           ? FaultFunction::kInsertPmd
                                           : FaultFunction::kInsertPud);
  InsertHuge(vmf, slot, FlaggedPfn{.pfn = mem.FolioHead(pfn)}, order, write,
             true);
  return VM_FAULT_NOPAGE;
}

}  // namespace

vm_fault_t VmfInsertPfnPmd(VmFault& vmf, FlaggedPfn pfn, bool write) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kVmfInsertPfnPmd);
  Record(vmf, K::kInsertPfnPmd, pfn.raw(), write, 0);
  const vm_fault_t ret =
      InsertPfnHuge(vmf, vmf.pmd, pfn, vmf.mm->profile().pmd_order(), write);
  Record(vmf, K::kInsertPfnPmdRet, 0, write, ret);
  return ret;
}

vm_fault_t VmfInsertPfnPud(VmFault& vmf, FlaggedPfn pfn, bool write) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kVmfInsertPfnPud);
  Record(vmf, K::kInsertPfnPud, pfn.raw(), write, 0);
  const vm_fault_t ret =
      InsertPfnHuge(vmf, vmf.pud, pfn, vmf.mm->profile().pud_order(), write);
  Record(vmf, K::kInsertPfnPudRet, 0, write, ret);
  return ret;
}

vm_fault_t VmfInsertFolioPmd(VmFault& vmf, pfn_t pfn, bool write) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kVmfInsertFolioPmd);
  Record(vmf, K::kInsertPfnPmd, vmf.mm->mem().FolioHead(pfn).value(), write, 0);
  const vm_fault_t ret =
      InsertFolioHuge(vmf, vmf.pmd, pfn, vmf.mm->profile().pmd_order(), write);
  Record(vmf, K::kInsertPfnPmdRet, 0, write, ret);
  return ret;
}

vm_fault_t VmfInsertFolioPud(VmFault& vmf, pfn_t pfn, bool write) {
  FaultScope scope(vmf.mm->recorder(), FaultFunction::kVmfInsertFolioPud);
  Record(vmf, K::kInsertPfnPud, vmf.mm->mem().FolioHead(pfn).value(), write, 0);
  const vm_fault_t ret =
      InsertFolioHuge(vmf, vmf.pud, pfn, vmf.mm->profile().pud_order(), write);
  Record(vmf, K::kInsertPfnPudRet, 0, write, ret);
  return ret;
}

}  // namespace dmdax
