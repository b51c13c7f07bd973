// SPDX-License-Identifier: Apache-2.0
//
// Seed 001: __do_fault(), what it does with each answer of a handler.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"
#include "mm/filemap.h"
#include "mm/memory.h"
#include "mm/shmem.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

constexpr int kRead = PROT_READ;

// A mapping of one page whose handler answers `answer` with a page.
struct Answering {
  explicit Answering(const char* kernel, vm_fault_t answer,
                     PageLock lock = PageLock::kAsReturned)
      : lab(kernel,
            [this, answer, lock](VmFault& vmf, int order) -> vm_fault_t {
              if (order > 0) return VM_FAULT_FALLBACK;
              vmf.page = page;
              vmf.has_page = true;
              vmf.page_lock = lock;
              return answer;
            }) {
    page = lab.mem->AllocRam();
    (void)lab.Map(kAddr, lab.profile->page_size(), kRead);
    vmf.vma = lab.mm->FindVma(kAddr);
    vmf.mm = lab.mm.get();
    vmf.address = kAddr;
  }
  // __do_fault() of it.
  vm_fault_t Run() { return DoFaultCore(vmf); }
  std::string State() const {
    return absl::StrCat(
        vmf.has_page ? "has a page" : "page NULL", ", ",
        vmf.page_lock == PageLock::kLocked ? "locked here" : "not locked here");
  }

  pfn_t page{};
  DriverLab lab;
  VmFault vmf;
};

std::string Bits(vm_fault_t ret) {
  if (ret == VM_FAULT_KERNEL_BUG) return "kernel BUG";
  return ret == 0 ? "0" : VmFaultText(ret);
}

// The tables there are, each reached by the fault of one page.
std::string EveryTable() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    std::string said;
    const auto touch = [&](MmStruct& mm, uint64_t addr) {
      const std::string name = mm.FindVma(addr)->vm_ops->name();
      absl::StrAppend(&said, "  ", name, ": ", Bits(mm.Touch(addr, true).ret),
                      "\n");
    };
    DevDaxLab dev(kernel);
    (void)dev.Map(k4K);
    touch(*dev.mm, kAddr);
    for (const char* fs : {"ext4", "xfs", "ext2"}) {
      for (const bool dax : {true, false}) {
        FileLab file(kernel, fs);
        file.inode->s_dax = dax;
        file.Extent(0, (16 << 20) + k4K, 8 << 20);
        (void)file.Map();
        touch(*file.mm, kAddr);
      }
    }
    MemMap mem((*FindKernelProfile(kernel))->fault);
    ShmemFile tmpfs(mem);
    ShmSegment segment(tmpfs, k4K);
    MmStruct mm((*FindKernelProfile(kernel))->fault, mem);
    for (const auto& file : {tmpfs.Create(k4K, 1), segment.Attach()}) {
      touch(mm, (*mm.Mmap({.len = k4K,
                           .prot = PROT_READ | PROT_WRITE,
                           .flags = MAP_SHARED,
                           .file = file}))
                    ->vm_start);
    }
    return said;
  });
}

std::string PassesThrough() {
  return PerKernel(kAllKernels, [](const char* kernel) {
    std::string said;
    for (const vm_fault_t answer :
         {vm_fault_t{0}, VM_FAULT_LOCKED, VM_FAULT_LOCKED | VM_FAULT_MAJOR,
          vm_fault_t{VM_FAULT_MAJOR}}) {
      Answering a(kernel, answer);
      absl::StrAppend(&said, "  ", Bits(answer), " -> ", Bits(a.Run()), "\n");
    }
    return said;
  });
}

std::string ReturnsEarly() {
  return PerKernel(kAllKernels, [](const char* kernel) {
    std::string said;
    for (const vm_fault_t answer :
         {VM_FAULT_OOM, VM_FAULT_SIGBUS, VM_FAULT_SIGSEGV, VM_FAULT_HWPOISON,
          VM_FAULT_HWPOISON_LARGE, VM_FAULT_FALLBACK, VM_FAULT_NOPAGE,
          VM_FAULT_RETRY, VM_FAULT_DONE_COW}) {
      Answering a(kernel, answer);
      a.lab.mem->SetHwPoison(a.page, true);  // would be seen
      const vm_fault_t early = a.Run();
      absl::StrAppend(&said, "  ", Bits(answer), " -> ", Bits(early), ", ",
                      a.State(), "\n");
    }
    // do_cow_fault: DONE_COW is a success, and nothing is mapped by it.
    Answering cow(kernel, VM_FAULT_DONE_COW);
    (void)cow.lab.Map(kAddr, cow.lab.profile->page_size(),
                      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED);
    const vm_fault_t ret = cow.lab.mm->HandleMmFault(
        *cow.lab.mm->FindVma(kAddr), kAddr, FAULT_FLAG_WRITE | FAULT_FLAG_USER);
    absl::StrAppend(&said, "  do_cow_fault: ", Bits(ret),
                    (ret & VM_FAULT_ERROR) ? ", an error\n" : ", no error\n");
    return said;
  });
}

std::string PoisonedPage() {
  return "emulated: pages of the cache are clean\n" +
         PerKernel(kAllKernels, [](const char* kernel) {
           std::string said;
           const auto run = [&](const char* name, vm_fault_t answer,
                                bool cached) {
             Answering a(kernel, answer);
             a.lab.mem->SetHwPoison(a.page, true);
             if (cached) a.lab.mapping.pages[0] = a.page;
             const vm_fault_t ret = a.Run();
             absl::StrAppend(
                 &said, "  ", name, ": ", Bits(ret), ", ", a.State(),
                 !cached                       ? ""
                 : a.lab.mapping.pages.empty() ? ", out of the cache"
                                               : ", still in the cache",
                 "\n");
           };
           run("LOCKED, not in the cache", VM_FAULT_LOCKED, false);
           run("LOCKED, in the cache", VM_FAULT_LOCKED, true);
           run("0, in the cache", 0, true);
           Answering user(kernel, VM_FAULT_LOCKED);
           user.lab.mem->SetHwPoison(user.page, true);
           absl::StrAppend(&said, "  user: ",
                           Words(*user.lab.profile, *user.lab.mm,
                                 user.lab.mm->Touch(kAddr, false)),
                           "\n");
           return said;
         });
}

std::string LocksThePage() {
  return PerKernel(kAllKernels, [](const char* kernel) {
    Answering a(kernel, 0, PageLock::kUnlocked);
    const vm_fault_t ret = a.Run();
    std::string said =
        absl::StrCat("  __do_fault: ", Bits(ret), ", ", a.State(), "\n");
    const FaultOutcome o = a.lab.mm->Touch(kAddr, false);
    absl::StrAppend(&said, "  the fault: ", Bits(o.ret), ", ",
                    o.pfn == a.page ? "maps the page" : "maps another",
                    ", min_flt +", o.min_flt, "\n");
    return said;
  });
}

std::string LockedButIsNot() {
  return "emulated: a kernel with CONFIG_DEBUG_VM\n" +
         PerKernel(kAllKernels, [](const char* kernel) {
           std::string said;
           for (const PageLock lock :
                {PageLock::kLocked, PageLock::kUnlocked}) {
             Answering a(kernel, VM_FAULT_LOCKED, lock);
             const FaultOutcome o = a.lab.mm->Touch(kAddr, false);
             absl::StrAppend(&said, "  LOCKED, and it ",
                             lock == PageLock::kLocked ? "is: " : "is not: ",
                             o.bug.empty()
                                 ? absl::StrCat("mapped, ", Bits(o.ret))
                                 : absl::StrCat("kernel BUG: ", o.bug),
                             "\n");
           }
           return said;
         });
}

std::string PageTableBeforeAndAfter() {
  return "emulated: memory for page tables never runs out\n" +
         PerKernel(kAllKernels, [](const char* kernel) {
           std::string said;
           for (const vm_fault_t answer :
                {VM_FAULT_LOCKED, VM_FAULT_NOPAGE, VM_FAULT_SIGBUS}) {
             Answering a(kernel, answer);
             const auto table = [&] {
               return a.lab.mm->page_table().Pmd(kAddr, true).none()
                          ? "none"
                          : "a page table";
             };
             absl::StrAppend(&said, "  pmd ", table());
             const vm_fault_t ret =
                 a.lab.mm->HandleMmFault(*a.vmf.vma, kAddr, FAULT_FLAG_USER);
             absl::StrAppend(&said, ", handler says ", Bits(answer),
                             ": returned ", Bits(ret), ", pmd ", table(), "\n");
           }
           return said;
         });
}

}  // namespace

absl::Span<const SeedRow> DoFaultRows() {
  static constexpr SeedRow kRows[] = {
      {"1.1", "__do_fault reaches each table", EveryTable},
      {"1.2", "the hook's answer passes through", PassesThrough},
      {"1.3", "ERROR, NOPAGE, RETRY, DONE_COW return early", ReturnsEarly},
      {"1.4", "a page with HWPoison", PoisonedPage},
      {"1.5", "not LOCKED: lock_page", LocksThePage},
      {"1.6", "LOCKED, but the page is not", LockedButIsNot},
      {"1.7", "the return, and the page table", PageTableBeforeAndAfter},
  };
  return kRows;
}

}  // namespace dmdax::seeds
