// SPDX-License-Identifier: Apache-2.0
//
// Seed 004: inserting counted pages and folios, and the folios themselves.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

constexpr pfn_t kFirst = DevDaxLab::kFirst;
constexpr const char* kCounting[] = {"v6_16", "v6_17", "v6_18", "v7_2", "v7_3"};

// A fault of a VMA of two pages; `before` frames first, in order, for a read
// or a write; then the fault inserts page 0.
std::string PageInsertWords(const char* kernel, int prot, bool write,
                            const FaultHandler& before) {
  DriverLab* self = nullptr;
  vm_fault_t ret = 0;
  DriverLab lab(kernel, [&](VmFault& vmf, int order) -> vm_fault_t {
    if (order > 0) return VM_FAULT_FALLBACK;
    before(vmf, 0);
    ret = VmfInsertPageMkwrite(vmf, self->Frame(0), write);
    return ret;
  });
  self = &lab;
  (void)lab.Map(kAddr, 2 * k4K, prot);
  const FaultOutcome outcome = lab.mm->Touch(kAddr, false);
  std::string words =
      absl::StrCat(VmFaultText(ret), ", ", EntryWords(*lab.mm, kAddr),
                   ", count ", lab.mem->Refcount(lab.Frame(0)));
  for (const std::string& warning : outcome.warnings) {
    absl::StrAppend(&words, "; WARN: ", warning);
  }
  return absl::StrCat(words, "\n");
}

std::string InsertPageMkwrite() {
  return PerKernel(kCounting, [](const char* kernel) {
    constexpr int kRw = PROT_READ | PROT_WRITE;
    const auto insert = [](uint64_t page, bool write) -> FaultHandler {
      return [=](VmFault& vmf, int) {
        return VmfInsertPageMkwrite(vmf, kFirst + page, write);
      };
    };
    const FaultHandler nothing = [](VmFault&, int) -> vm_fault_t { return 0; };
    const FaultHandler moved = [](VmFault& vmf, int) -> vm_fault_t {
      vmf.address = vmf.vma->vm_end;
      return 0;
    };
    const FaultHandler freed = [](VmFault& vmf, int) -> vm_fault_t {
      MemMap& mem = vmf.mm->mem();
      mem.FindPagemap(kFirst)->type = MemoryType::kFsDax;
      return 0;
    };
    struct Step {
      const char* words;
      int prot;
      bool write;
      FaultHandler before;
    };
    const Step steps[] = {
        {"read", kRw, false, nothing},
        {"read, no VM_WRITE", PROT_READ, false, nothing},
        {"write", kRw, true, nothing},
        {"write, written before", kRw, true, insert(0, true)},
        {"write, another page there", kRw, true, insert(7, true)},
        {"read, another page there", kRw, false, insert(7, true)},
        {"address after the VMA", kRw, true, moved},
        {"a page with count 0", kRw, true, freed},
    };
    std::string said;
    for (const Step& s : steps) {
      absl::StrAppend(&said, "  ", s.words, ": ",
                      PageInsertWords(kernel, s.prot, s.write, s.before));
    }
    return said;
  });
}

// vmf_insert_folio_pmd(), vmf_insert_folio_pud(): the counts, and a folio of
// another order.
std::string FolioInsert(uint64_t align) {
  return PerKernel(kCounting, [&](const char* kernel) {
    std::string said;
    DevDaxLab lab(kernel, align);
    (void)lab.Map(align);
    absl::StrAppend(&said, "  ", lab.TouchWords(0, true), "\n");
    absl::StrAppend(&said, "  head: ", lab.CountWords(), "\n");
    absl::StrAppend(&said, "  its third page: ", lab.CountWords(kFirst + 2),
                    "\n");
    (void)lab.mm->Munmap(kAddr, align);
    absl::StrAppend(&said, "  unmapped: ", lab.CountWords(), "\n");
    for (const int order : {0, 9, 18}) {
      const bool pud = align == k1G;
      DriverLab driver(
          kernel,
          [&](VmFault& vmf, int at) -> vm_fault_t {
            if (at == (pud ? 18 : 9)) {
              return pud ? VmfInsertFolioPud(vmf, kFirst, true)
                         : VmfInsertFolioPmd(vmf, kFirst, true);
            }
            return at == 0 ? VM_FAULT_SIGBUS : VM_FAULT_FALLBACK;
          },
          0, order);
      (void)driver.Map(kAddr, k1G);
      const FaultOutcome outcome = driver.mm->Touch(kAddr, true);
      absl::StrAppend(&said, "  a folio of order ", order, ": ",
                      Words(*driver.profile, *driver.mm, outcome), "\n");
    }
    return said;
  });
}

std::string FolioPmd() { return FolioInsert(k2M); }
std::string FolioPud() { return FolioInsert(k1G); }

// page_folio() of any page of a huge fault.
std::string CompoundMetadata() {
  return PerKernel(kCounting, [](const char* kernel) {
    std::string said;
    for (const bool compound : {true, false}) {
      DevDaxLab lab(kernel, k2M, compound);
      (void)lab.Map(2 * k2M);
      const pfn_t page = kFirst + 512 + 5;
      absl::StrAppendFormat(
          &said,
          "  vmemmap_shift %d: page_folio(0x%x) = 0x%x, order %d; fault: %s\n",
          lab.dax->pagemap(0)->vmemmap_shift, page.value(),
          lab.mem->FolioHead(page).value(), lab.mem->FolioOrder(page),
          lab.TouchWords(k2M + 5 * k4K, true));
    }
    return said;
  });
}

// Fewer tail pages with memory of their own; the same faults.
std::string OptimizedVmemmap() {
  return "emulated: struct pages are counted by the rule, not made\n" +
         PerKernel(
             {"v6_1", "v6_12", "v6_16", "v6_17", "v6_18", "v7_2", "v7_3"},
             [](const char* kernel) {
               std::string said;
               for (const uint64_t align : {k4K, k2M, k1G}) {
                 absl::StrAppendFormat(&said, "  align %d KiB:", align >> 10);
                 std::string faults[2];
                 for (const bool optimize : {false, true}) {
                   DevDaxLab lab(kernel, align);
                   lab.dax->pagemap(0)->optimize_vmemmap = optimize;
                   (void)lab.Map(k1G);
                   faults[optimize] =
                       lab.TouchWords(5 * k4K, true) + lab.CountWords();
                   absl::StrAppendFormat(
                       &said, " %s %d struct pages a folio,",
                       optimize ? "with" : "without",
                       UniqueStructPages(*lab.profile, *lab.dax->pagemap(0)));
                 }
                 absl::StrAppend(
                     &said, " the fault is ",
                     faults[0] == faults[1] ? "the same" : "another", "\n");
               }
               return said;
             });
}

}  // namespace

absl::Span<const SeedRow> FolioRows() {
  static constexpr SeedRow kRows[] = {
      {"4.7", "vmf_insert_page_mkwrite", InsertPageMkwrite},
      {"4.8", "vmf_insert_folio_pmd", FolioPmd},
      {"4.9", "vmf_insert_folio_pud", FolioPud},
      {"4.10", "compound pages: vmemmap_shift", CompoundMetadata},
      {"4.11", "ARCH_WANT_OPTIMIZE_DAX_VMEMMAP", OptimizedVmemmap},
  };
  return kRows;
}

}  // namespace dmdax::seeds
