// SPDX-License-Identifier: Apache-2.0
//
// Seed 000: the entry a device-dax fault makes: its frame and its bits.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/kernel_profile.h"
#include "mm/insert.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

bool IsInsertion(FaultEventKind kind) {
  return kind == FaultEventKind::kInsertPfnPte ||
         kind == FaultEventKind::kInsertPfnPteMkwrite;
}

// The pfn the handler hands to the insertion, flags in its top bits.
std::string PfnOfTheFourthPage() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DevDaxLab lab(kernel);
    (void)lab.Map(k2M, MAP_SHARED, 256);
    lab.Touch(3 * k4K, true);
    std::string said;
    for (const FaultEvent& event : lab.recorder.events()) {
      if (!IsInsertion(event.kind)) continue;
      absl::StrAppendFormat(
          &said, "  (4 GiB + (259 - 0) * 4K) >> 12 = 0x%x: flags 0x%x\n",
          event.pfn & ((uint64_t{1} << 52) - 1), event.pfn >> 59);
    }
    return said;
  });
}

// VmInsertMixed in a VM_MIXEDMAP mapping of this architecture.
std::string MixedInsertion(const FaultProfile& profile, FlaggedPfn pfn) {
  MemMap mem(profile);
  mem.AddPagemap({.start = pfn_t{1 << 20}, .nr = 16});
  MmStruct mm(profile, mem);
  VmAreaStruct vma;
  vma.vm_start = kAddr;
  vma.vm_end = kAddr + k2M;
  vma.vm_flags = VM_READ | VM_SHARED | VM_MAYSHARE | VM_MIXEDMAP;
  vma.vm_mm = &mm;
  vma.vm_page_prot = mm.pte_ops().VmGetPageProt(vma.vm_flags, false);
  VmFault vmf;
  vmf.vma = &vma;
  vmf.mm = &mm;
  vmf.address = kAddr;
  const vm_fault_t ret = VmfInsertMixed(vmf, kAddr, pfn, false);
  const bool counted = mem.Mapcount(pfn.pfn) > 0;
  mm.ZapPageRange(vma, vma.vm_start, vma.vm_end);
  return absl::StrCat(counted ? "insert_page" : "insert_pfn", " ",
                      VmFaultText(ret));
}

std::string PfnOrPage() {
  std::string said;
  for (const bool special : {true, false}) {
    for (const bool devmap : {true, false}) {
      for (const bool valid : {true, false}) {
        FaultProfile profile = (*FindKernelProfile("v6_1"))->fault;
        profile.has_pte_special = special;
        const FlaggedPfn pfn{.pfn = pfn_t{valid ? 1u << 20 : 1u << 22},
                             .dev = devmap,
                             .map = devmap};
        absl::StrAppend(&said, "pte_special ", special, ", devmap ", devmap,
                        ", pfn_valid ", valid, ": ",
                        MixedInsertion(profile, pfn), "\n");
      }
    }
  }
  absl::StrAppend(&said, "device-dax, one touch:\n");
  return said + PerKernel(kX86Kernels, [](const char* kernel) {
           DevDaxLab lab(kernel);
           (void)lab.Map(k4K);
           lab.Touch(0, true);
           return absl::StrCat("  ",
                               lab.mem->Mapcount(DevDaxLab::kFirst) > 0
                                   ? "insert_page"
                                   : "insert_pfn",
                               "\n");
         });
}

// The software bits insert_pfn() gives each kind of frame.
std::string DevmapOrSpecial() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DriverLab lab(kernel, nullptr, VM_MIXEDMAP);
    (void)lab.Map(kAddr, k2M, PROT_READ);
    const FlaggedPfn frames[] = {lab.DevFrame(0),
                                 FlaggedPfn{.pfn = lab.Frame(1), .dev = true},
                                 FlaggedPfn{.pfn = lab.mem->zero_pfn()}};
    const char* const names[] = {"DEV|MAP", "DEV", "zero page, no flags"};
    std::string said;
    for (int i = 0; i < 3; ++i) {
      VmFault vmf;
      vmf.vma = lab.mm->FindVma(kAddr);
      vmf.mm = lab.mm.get();
      vmf.address = kAddr + i * k4K;
      InsertPfn(vmf, vmf.address, frames[i], false);
      Pte entry;
      int order = 0;
      lab.mm->Lookup(vmf.address, &entry, &order);
      const PteOps& ops = lab.mm->pte_ops();
      absl::StrAppend(&said, "  ", names[i], ": SPECIAL ", ops.Special(entry),
                      ", DEVMAP ",
                      lab.profile->has_pte_devmap && ops.Devmap(entry), "\n");
    }
    return said;
  });
}

std::string BitsInTheEntry() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    std::string said;
    for (const uint64_t align : {k4K, k2M}) {
      DevDaxLab lab(kernel, align);
      (void)lab.Map(k2M);
      const Pte entry = lab.Touch(0, false).entry;
      const auto bit = [&](int n) { return entry.val >> n & 1; };
      absl::StrAppend(&said, "  ", EntryWords(*lab.mm, kAddr),
                      "\n    bits 7: ", bit(7), ", 9: ", bit(9),
                      ", 57: ", bit(57), ", 58: ", bit(58), "\n");
    }
    return said;
  });
}

}  // namespace

absl::Span<const SeedRow> DevDaxEntryRows() {
  static constexpr SeedRow kRows[] = {
      {"0.4", "phys_to_pfn_t(phys, region->pfn_flags)", PfnOfTheFourthPage},
      {"0.5", "vm_insert_mixed: insert_pfn or insert_page", PfnOrPage},
      {"0.6", "devmap frames mkdevmap, others mkspecial", DevmapOrSpecial},
      {"0.7", "the bits of an entry", BitsInTheEntry},
  };
  return kRows;
}

}  // namespace dmdax::seeds
