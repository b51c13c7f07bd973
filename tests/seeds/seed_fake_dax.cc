// SPDX-License-Identifier: Apache-2.0
//
// Seed 002: a driver that passes for DAX, and what it needs of the kernel.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/kernel_module.h"
#include "base/kernel_profile.h"
#include "mm/gup.h"
#include "tests/fake_driver.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

// A process that maps a FakeDriver of devmap frames, VM_MIXEDMAP so that
// every kernel lets them in.
struct FakeLab {
  FakeLab(const char* kernel, FakeDriverOptions options, ThpEnabled thp)
      : profile((*FindKernelProfile(kernel))->fault),
        mem(profile),
        mm(profile, mem) {
    options.pfn = pfn_t((4 * k1G) >> profile.page_shift);
    options.nr = (4 * k1G) >> profile.page_shift;
    options.dev_map = true;
    options.vm_flags |= VM_MIXEDMAP;
    driver = std::make_unique<FakeDriver>(options);
    mm.thp_enabled = thp;
    mapped = mm.Mmap({.addr = kAddr,
                      .len = k1G,
                      .prot = PROT_READ | PROT_WRITE,
                      .flags = MAP_SHARED | MAP_FIXED,
                      .file = driver->Open()})
                 .ok();
  }
  const FaultProfile& profile;
  MemMap mem;
  std::unique_ptr<FakeDriver> driver;
  MmStruct mm;
  bool mapped = false;
};

// S_DAX, set in the mmap hook, makes the VMA a DAX one if the flagged inode
// owns the mapping.
std::string SDaxInTheMmapHook() {
  return PerKernel(kAllKernels, [](const char* kernel) {
    std::string said;
    for (const bool other : {false, true}) {
      FakeLab lab(kernel, {.s_dax = true, .other_host = other},
                  ThpEnabled::kNever);
      const bool dax = VmaIsDax(*lab.mm.FindVma(kAddr));
      const FaultOutcome outcome = lab.mm.Touch(kAddr, true);
      absl::StrAppendFormat(
          &said, "  host %s: vma_is_dax %s, huge_fault called %d times, %s\n",
          other ? "is another inode" : "is the inode", dax ? "yes" : "no",
          lab.driver->huge_faults,
          outcome.bug.empty() ? OrderName(lab.profile, outcome.order)
                              : "kernel BUG: " + outcome.bug);
    }
    return said;
  });
}

// VM_PFNMAP lets a plain frame in, and keeps get_user_pages() out.
std::string WhatVmPfnmapIsFor() {
  return PerKernel(kAllKernels, [](const char* kernel) {
    std::string said;
    for (const FrameKind kind : {FrameKind::kPlain, FrameKind::kDevMap}) {
      for (const uint64_t flag : {uint64_t{0}, VM_PFNMAP}) {
        DriverLab lab(kernel, InsertsAt(HugeSize::kPmd, kind), flag);
        (void)lab.Map(kAddr, k1G);
        absl::StrAppend(
            &said, "  ", kind == FrameKind::kPlain ? "plain" : "devmap",
            flag != 0 ? ", VM_PFNMAP: " : ": ", lab.TouchWords(kAddr, true));
        if (EntryWords(*lab.mm, kAddr) != "nothing") {
          absl::StatusOr<std::vector<pfn_t>> pages =
              GetUserPages(*lab.mm, kAddr, 1, FOLL_GET);
          absl::StrAppend(
              &said, "; GUP: ",
              pages.ok() ? "a page" : ErrnoName(ErrnoOf(pages.status())));
        }
        absl::StrAppend(&said, "\n");
      }
    }
    return said;
  });
}

// Who gets ->huge_fault called: the sysfs switch, S_DAX, MADV_HUGEPAGE.
std::string WhoGetsHugeFault() {
  return PerKernel(kAllKernels, [](const char* kernel) {
    std::string said =
        "         always +hugepage  madvise +hugepage  never +hugepage\n";
    for (const bool s_dax : {true, false}) {
      std::vector<std::string> cells;
      for (const ThpEnabled thp :
           {ThpEnabled::kAlways, ThpEnabled::kMadvise, ThpEnabled::kNever}) {
        for (const uint64_t flag : {uint64_t{0}, VM_HUGEPAGE}) {
          FakeLab lab(kernel, {.s_dax = s_dax, .vm_flags = flag}, thp);
          lab.mm.Touch(kAddr, true);
          cells.push_back(lab.driver->huge_faults > 0 ? "yes" : "no");
        }
      }
      absl::StrAppendFormat(&said, "  %s %-6s %-10s %-7s %-10s %-5s %s\n",
                            s_dax ? "S_DAX " : "none  ", cells[0], cells[1],
                            cells[2], cells[3], cells[4], cells[5]);
    }
    return said;
  });
}

// What arm64 of 4.14 lacks, seen in what the same driver gets.
std::string ArchitectureOfTheFirstMachine() {
  return PerKernel({"v4_14", "arm64_4_14"}, [](const char* kernel) {
    DriverLab lab(
        kernel,
        [&](VmFault& vmf, int order) -> vm_fault_t {
          if (order > 0) return VM_FAULT_FALLBACK;
          const uint64_t page =
              (4 * k1G >> vmf.mm->profile().page_shift) + vmf.pgoff;
          return VmfInsertMixed(vmf, vmf.address,
                                {.pfn = pfn_t(page), .dev = true, .map = true},
                                true);
        },
        VM_MIXEDMAP);
    absl::StatusOr<VmAreaStruct*> vma = lab.Map(kAddr, k1G + 1);
    std::string said =
        absl::StrFormat("  mmap of 1 GiB + 1 byte ends 0x%x further\n",
                        (*vma)->vm_end - kAddr - k1G);
    absl::StrAppend(&said,
                    "  a PFN_DEV|PFN_MAP frame: ", lab.TouchWords(kAddr, true),
                    "\n");
    absl::StrAppend(&said, "  ", absl::StrJoin(lab.calls, ", "), "\n");
    for (const uint64_t align : {k2M, 512 * (k2M / 2), k1G}) {
      absl::StrAppendFormat(&said, "  huge pages of %d MiB: %s\n", align >> 20,
                            align == lab.profile->pmd_size()     ? "PMD"
                            : DaxAlignValid(*lab.profile, align) ? "PUD"
                                                                 : "none");
    }
    return said;
  });
}

std::string LoadWords(const char* kernel, const std::string& suffix) {
  KernelLog log;
  const absl::Status status =
      LoadModule((*FindKernelProfile(kernel))->fault, log,
                 {.name = "huge_test",
                  .imports = {absl::StrCat("vmf_insert_pfn_pmd", suffix),
                              absl::StrCat("vmf_insert_pfn_pud", suffix)}});
  std::string words =
      absl::StrCat("  imports vmf_insert_pfn_pmd", suffix, " and _pud", suffix,
                   ": ", Words(status), "\n");
  for (const std::string& line : log.TakeNew()) {
    absl::StrAppend(&words, "    ", line, "\n");
  }
  return words;
}

// insmod of a module that inserts huge pages.
std::string ModulesThatImportThem() {
  return PerKernel(kAllKernels, [](const char* kernel) {
    return LoadWords(kernel, "") + LoadWords(kernel, "_prot");
  });
}

// One line of the dump of the zones, and a driver's view of that zone.
std::string ZonesOfTheFirstMachine() {
  constexpr uint64_t kStart = 0x204000000000;
  constexpr uint64_t kBytes = 128 * k1G;
  return "emulated: a driver's map of the memory of node 3; managed and "
         "present are not known\n" +
         PerKernel({"arm64_4_14", "v4_14"}, [&](const char* kernel) {
           const FaultProfile& profile = (*FindKernelProfile(kernel))->fault;
           MemMap mem(profile);
           FakeDriver driver({.pfn = pfn_t(kStart >> profile.page_shift),
                              .nr = kBytes >> profile.page_shift,
                              .vm_flags = VM_PFNMAP,
                              .huge_fault = false});
           MmStruct mm(profile, mem);
           (void)mm.Mmap({.addr = kAddr,
                          .len = kBytes + profile.page_size(),
                          .prot = PROT_READ | PROT_WRITE,
                          .flags = MAP_SHARED | MAP_FIXED,
                          .file = driver.Open()});
           const FaultOutcome first = mm.Touch(kAddr, true);
           const FaultOutcome last = mm.Touch(kAddr + kBytes - 1, true);
           const FaultOutcome next = mm.Touch(kAddr + kBytes, true);
           return absl::StrFormat(
               "  node 3: start_pfn %x, spanned %d; the frame after: %s\n",
               first.pfn.value(), last.pfn - first.pfn + 1,
               next.sig != 0 ? "SIGBUS" : "mapped");
         });
}

// grep vmf_insert_pfn_p /proc/kallsyms.
std::string SymbolsOfTheKernels() {
  return "emulated: the exported symbols only; 5.10 and 6.1 have the plain "
         "names inline\n" +
         PerKernel(kAllKernels, [](const char* kernel) {
           std::string said;
           for (const char* name : {"pmd", "pud"}) {
             for (const char* suffix : {"", "_prot"}) {
               const std::string symbol =
                   absl::StrCat("vmf_insert_pfn_", name, suffix);
               if (!ExportsSymbol((*FindKernelProfile(kernel))->fault, symbol))
                 continue;
               absl::StrAppend(&said, "  T ", symbol, ", __ksymtab_", symbol,
                               ", __kstrtab_", symbol, "\n");
             }
           }
           return said;
         });
}

}  // namespace

absl::Span<const SeedRow> FakeDaxRows() {
  static constexpr SeedRow kRows[] = {
      {"2.1", "S_DAX set in the mmap hook", SDaxInTheMmapHook},
      {"2.2", "what VM_PFNMAP is for", WhatVmPfnmapIsFor},
      {"2.3", "who gets huge_fault: THP switch, S_DAX, MADV_HUGEPAGE",
       WhoGetsHugeFault},
      {"2.5", "arm64 of 4.14: 64 KiB pages, no devmap bit, no huge PUDs",
       ArchitectureOfTheFirstMachine},
      {"2.6", "insmod of a module that imports vmf_insert_pfn_p[mu]d",
       ModulesThatImportThem},
      {"2.7", "the zones of the machine have 64 KiB pages",
       ZonesOfTheFirstMachine},
      {"2.8", "kallsyms: vmf_insert_pfn_p[mu]d", SymbolsOfTheKernels},
  };
  return kRows;
}

}  // namespace dmdax::seeds
