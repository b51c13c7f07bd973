// SPDX-License-Identifier: Apache-2.0
//
// Seed 000: how a fault gets to its handler, and get_user_pages() of what it
// mapped: when get_dev_pagemap() is null, and what becomes of it.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/kernel_profile.h"
#include "mm/gup.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

constexpr pfn_t kFirst = DevDaxLab::kFirst;
constexpr int kFixedShared = MAP_SHARED | MAP_FIXED;
constexpr int kFixedPrivate = MAP_PRIVATE | MAP_FIXED;

// get_user_pages() of one page: "a page" or the errno; puts it back.
std::string Gup(MmStruct& mm, unsigned flags) {
  const auto pages = GetUserPages(mm, kAddr, 1, flags);
  if (!pages.ok()) return absl::StrCat("-", Words(pages.status()));
  PutUserPages(mm, *pages, flags);
  return "a page";
}

// follow_page_pte(): "a page", "NULL" or the errno.
std::string Follow(MmStruct& mm, unsigned flags) {
  DevPagemap* pgmap = nullptr;
  const FollowedPage page =
      FollowPage(mm, *mm.FindVma(kAddr), kAddr, flags, &pgmap);
  if (pgmap != nullptr) MemMap::PutDevPagemap(pgmap);
  return page.null()  ? "NULL"
         : page.found ? "a page"
                      : absl::StrCat("errno ", page.err);
}

std::string RemapPfn() {
  return PerKernel(kAllKernels, [](const char* kernel) {
    DriverLab lab(kernel, nullptr);
    const uint64_t page = lab.profile->page_size();
    const auto remap = [&](int flags, uint64_t pages) {
      VmAreaStruct* vma =
          *lab.Map(kAddr, 2 * page, PROT_READ | PROT_WRITE, flags);
      return RemapPfnRange(*lab.mm, *vma, kAddr, lab.Frame(0), pages * page);
    };
    std::string said =
        absl::StrCat("  private, half of it: ", remap(kFixedPrivate, 1));
    absl::StrAppend(&said, "\n  private, all of it: ", remap(kFixedPrivate, 2));
    absl::StrAppend(&said, "\n  shared, half of it: ", remap(kFixedShared, 1),
                    "\n");
    const VmAreaStruct& vma = *lab.mm->FindVma(kAddr);
    absl::StrAppend(&said, "  flags: ",
                    VmFlagsText(vma.vm_flags & (VM_IO | VM_PFNMAP |
                                                VM_DONTEXPAND | VM_DONTDUMP)),
                    "\n  GUP: ", Gup(*lab.mm, FOLL_GET), "\n");
    return said;
  });
}

// A handler that says who called it.
std::string Caller(bool write, int flags) {
  return PerKernel(kAllKernels, [&](const char* kernel) {
    std::string caller;
    pfn_t page{};
    DriverLab lab(kernel, [&](VmFault& vmf, int order) -> vm_fault_t {
      if (order > 0) return VM_FAULT_FALLBACK;
      caller = vmf.has_cow_page ? "do_cow_fault"
               : vmf.write()    ? "do_shared_fault"
                                : "do_read_fault";
      vmf.page = page;
      vmf.has_page = true;
      return 0;
    });
    page = lab.mem->AllocRam();
    (void)lab.Map(kAddr, lab.profile->page_size(), PROT_READ | PROT_WRITE,
                  flags);
    const FaultOutcome o = lab.mm->Touch(kAddr, write);
    return absl::StrCat(
        "  ", caller,
        "; mapped: ", o.pfn == page ? "the handler's page" : "a copy",
        lab.mm->pte_ops().Write(o.entry) ? ", RW" : ", RO", "; rss file ",
        lab.mm->rss_file, ", anon ", lab.mm->rss_anon, "\n");
  });
}

std::string ReadCowShared() {
  std::string said = absl::StrCat(
      "read, MAP_SHARED\n", Caller(false, kFixedShared), "write, MAP_PRIVATE\n",
      Caller(true, kFixedPrivate), "write, MAP_SHARED\n",
      Caller(true, kFixedShared), "device-dax, MAP_PRIVATE\n");
  return said + PerKernel(kX86Kernels, [](const char* kernel) {
           DevDaxLab lab(kernel);
           std::string words =
               absl::StrCat("  ", Words(lab.Map(k4K, MAP_PRIVATE)), "\n");
           for (const std::string& line : lab.mm->log().TakeNew()) {
             absl::StrAppend(&words, "  ", line, "\n");
           }
           return words;
         });
}

std::string DevmapBranch() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DevDaxLab lab(kernel);
    (void)lab.Map(k4K);
    const Pte entry = lab.Touch(0, true).entry;
    const VmAreaStruct& vma = *lab.mm->FindVma(kAddr);
    const bool normal = VmNormalPage(*lab.mm, vma, kAddr, entry, 0).has_value();
    const int before = lab.mem->Refcount(kFirst);
    DevPagemap* pgmap = nullptr;
    const FollowedPage page =
        FollowPage(*lab.mm, *lab.mm->FindVma(kAddr), kAddr, FOLL_GET, &pgmap);
    const int during = lab.mem->Refcount(kFirst);
    std::string said = absl::StrFormat(
        "  vm_normal_page: %s\n  FOLL_GET: %s, pgmap references %d, page "
        "references %d -> %d",
        normal ? "the page" : "NULL", page.found ? "a page" : "none",
        lab.dax->pagemap(0)->refs, before, during);
    if (pgmap != nullptr) MemMap::PutDevPagemap(pgmap);
    PutUserPages(*lab.mm, {page.pfn}, FOLL_GET);
    absl::StrAppend(&said, ", after put ", lab.mem->Refcount(kFirst),
                    "\n  neither GET nor PIN: ", Follow(*lab.mm, 0), "\n");
    return said;
  });
}

std::string DyingPagemap() {
  return "emulated: the endless loop of faults ends as by a fatal signal\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           DevDaxLab lab(kernel);
           (void)lab.Map(k4K);
           lab.Touch(0, false);
           lab.dax->pagemap(0)->ref_live = false;
           const vm_fault_t refault = lab.mm->HandleMmFault(
               *lab.mm->FindVma(kAddr), kAddr, FAULT_FLAG_DEFAULT);
           std::string said =
               absl::StrCat("  PTE: follow_page_pte ",
                            Follow(*lab.mm, FOLL_GET), ", fault returns ",
                            refault, ", GUP ", Gup(*lab.mm, FOLL_GET), "\n");
           lab.dax->KillDevDax();
           absl::StrAppend(&said, "  killed and unmapped: GUP ",
                           Gup(*lab.mm, FOLL_GET), "\n");
           DevDaxLab huge(kernel, k2M);
           (void)huge.Map(k2M);
           huge.Touch(0, false);
           huge.dax->pagemap(0)->ref_live = false;
           absl::StrAppend(&said, "  PMD: GUP ", Gup(*huge.mm, FOLL_GET), "\n");
           return said;
         });
}

// get_dev_pagemap() in the six situations.
std::string WhenIsItNull() {
  return "emulated: every kernel has CONFIG_ZONE_DEVICE\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           MemMap mem((*FindKernelProfile(kernel))->fault);
           DevPagemap* pgmap = mem.AddPagemap({.start = kFirst, .nr = 512});
           const auto get = [](MemMap& map, pfn_t pfn) {
             DevPagemap* got = map.GetDevPagemap(pfn);
             if (got != nullptr) MemMap::PutDevPagemap(got);
             return got != nullptr ? "not NULL\n" : "NULL\n";
           };
           std::string said = absl::StrCat("  (a) live: ", get(mem, kFirst));
           mem.SetHwPoison(kFirst, true);
           absl::StrAppend(&said, "  (e) poisoned page: ", get(mem, kFirst));
           pgmap->ref_live = false;
           absl::StrAppend(&said,
                           "  (b) after percpu_ref_kill: ", get(mem, kFirst));
           mem.RemovePagemap(pgmap);
           absl::StrAppend(
               &said, "  (c) after the range is deleted: ", get(mem, kFirst),
               "  (d) DEV|MAP of plain MMIO: ", get(mem, pfn_t{1 << 28}));
           DevDaxLab lab(kernel);
           lab.dax->KillDevDax();
           absl::StrAppend(&said, "  (f) dax not alive, pgmap live: ",
                           get(*lab.mem, kFirst));
           return said;
         });
}

}  // namespace

absl::Span<const SeedRow> GupRows() {
  static constexpr SeedRow kRows[] = {
      {"0.12", "VM_PFNMAP by remap_pfn_range", RemapPfn},
      {"0.13", "handle_pte_fault, do_fault, do_read/cow/shared_fault",
       ReadCowShared},
      {"0.15", "follow_page_pte, the devmap branch", DevmapBranch},
      {"0.16", "NULL, no_page, faultin_page", DyingPagemap},
      {"0.17", "when is get_dev_pagemap NULL?", WhenIsItNull},
  };
  return kRows;
}

}  // namespace dmdax::seeds
