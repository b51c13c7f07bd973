// SPDX-License-Identifier: Apache-2.0
//
// Seed 002: the address of a mapping, the hooks in their order, and the way
// from a fault to ->huge_fault.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/kernel_profile.h"
#include "mm/unmapped_area.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

// The part of an address inside its 2 MiB: "aligned", "0x1000 off".
std::string Inside(const absl::StatusOr<VmAreaStruct*>& vma) {
  if (!vma.ok()) return Words(vma.status());
  const uint64_t off = (*vma)->vm_start % k2M;
  return off == 0 ? "2 MiB aligned" : absl::StrFormat("0x%x off", off);
}

// mmap of an ext4 file, the kernel picking the address.
std::string MapFile(const char* kernel, bool dax, uint64_t addr, uint64_t pgoff,
                    uint64_t len) {
  FileLab lab(kernel);
  lab.inode->s_dax = dax;
  // Something small at the top, so that nothing is aligned by chance.
  for (const uint64_t at : {uint64_t{0}, kAddr}) {
    (void)lab.mm->Mmap({.addr = at,
                        .len = 5 * k4K,
                        .prot = PROT_READ,
                        .flags = MAP_PRIVATE | MAP_ANONYMOUS});
  }
  absl::StatusOr<VmAreaStruct*> vma =
      lab.mm->Mmap({.addr = addr,
                    .len = len,
                    .prot = PROT_READ,
                    .flags = MAP_SHARED,
                    .file = lab.fs->Open(*lab.inode, "f"),
                    .pgoff = pgoff});
  if (vma.ok() && addr != 0 && (*vma)->vm_start == addr) return "the hint";
  return Inside(vma);
}

std::string WhereMmapPutsAFile() {
  struct Vector {
    const char* words;
    uint64_t pgoff, len, addr;
  };
  static constexpr Vector kVectors[] = {
      {"offset 0, 4 MiB", 0, 4 << 20, 0},
      {"offset 4 KiB, 4 MiB", 1, 4 << 20, 0},
      {"offset 0, 1 MiB", 0, 1 << 20, 0},
      {"offset 4 KiB, 2 MiB", 1, k2M, 0},
      {"4 MiB, a free hint", 0, 4 << 20, kAddr + 5 * k4K},
      {"4 MiB, a hint that is in use", 0, 4 << 20, kAddr},
  };
  return PerKernel(kX86Kernels, [](const char* kernel) {
    std::string said;
    for (const Vector& v : kVectors) {
      absl::StrAppend(&said, "  ", v.words, ": DAX ",
                      MapFile(kernel, true, v.addr, v.pgoff, v.len),
                      ", not DAX ",
                      MapFile(kernel, false, v.addr, v.pgoff, v.len), "\n");
    }
    // The arithmetic alone, with what mm->get_unmapped_area answers given.
    for (const int64_t at : {0x7f0000123000, 0x7f0000200000}) {
      absl::StrAppendFormat(
          &said, "  mm answers 0x%x: 0x%x\n", at,
          ThpUnmappedAddress((*FindKernelProfile(kernel))->fault,
                             [&](uint64_t, uint64_t) { return at; }, 0, 4 << 20,
                             0, k2M));
    }
    return said;
  });
}

// The events of one fault of a user program, down to the insertion.
std::string FromFaultToHugeFault() {
  return "emulated: exc_page_fault, do_user_addr_fault (4.14: do_page_fault, "
         "__do_page_fault)\nand __handle_mm_fault are one call, which the "
         "first and last event enclose\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           DriverLab lab(kernel, InsertsAt(HugeSize::kPmd, FrameKind::kDevMap),
                         VM_PFNMAP);
           (void)lab.Map(kAddr, k1G);
           lab.calls.clear();
           const FaultOutcome outcome = lab.mm->Touch(kAddr + 0x5123, true);
           return absl::StrCat(Words(*lab.profile, lab.recorder),
                               "  calls: ", absl::StrJoin(lab.calls, ", "),
                               "\n  ", outcome.min_flt, " minor fault\n");
         });
}

std::string MapWords(DriverLab& lab, uint64_t addr, uint64_t len, int flags) {
  lab.calls.clear();
  absl::StatusOr<VmAreaStruct*> vma =
      lab.Map(addr, len, PROT_READ | PROT_WRITE, flags);
  return absl::StrCat(vma.ok()
                          ? absl::StrFormat("%s, 0x%x bytes", Inside(vma),
                                            (*vma)->vm_end - (*vma)->vm_start)
                          : Words(vma.status()),
                      " [", absl::StrJoin(lab.calls, ", "), "]\n");
}

// do_mmap() asks for the address first, and checks the answer.
std::string AddressFirst() {
  return "emulated: security_mmap_file and the system call's entry do nothing "
         "here\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           DriverLab lab(kernel, InsertsAt(HugeSize::kPmd, FrameKind::kPlain));
           lab.inode.s_dax = true;
           std::string said = absl::StrCat(
               "  2 MiB less a byte: ", MapWords(lab, 0, k2M - 1, MAP_SHARED));
           absl::StrAppend(&said, "  2 MiB less two pages: ",
                           MapWords(lab, 0, k2M - 2 * k4K, MAP_SHARED));
           absl::StrAppend(&said, "  longer than the task: ",
                           MapWords(lab, 0, lab.mm->task_size + 1, MAP_SHARED));
           absl::StrAppend(&said, "  fixed, ends above the task: ",
                           MapWords(lab, lab.mm->task_size - k4K, 2 * k4K,
                                    MAP_SHARED | MAP_FIXED));
           absl::StrAppend(
               &said, "  fixed, not page aligned: ",
               MapWords(lab, kAddr + 1, k4K, MAP_SHARED | MAP_FIXED));
           lab.mm->mmap_base = k2M;
           absl::StrAppend(
               &said, "  no room: ", MapWords(lab, 0, 4 << 20, MAP_SHARED));
           lab.mmap_result = -ENODEV;
           absl::StrAppend(&said, "  the mmap hook fails: ",
                           MapWords(lab, kAddr, k4K, MAP_SHARED | MAP_FIXED));
           return said;
         });
}

// The mmap hook comes after, too late for its own S_DAX.
std::string AddressBeforeTheMmapHook() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DriverLab lab(kernel, InsertsAt(HugeSize::kPmd, FrameKind::kPlain));
    lab.mm->mmap_base -= 5 * k4K;
    std::string said;
    for (const char* which : {"first", "second"}) {
      absl::StrAppend(&said, "  ", which,
                      " mmap: ", MapWords(lab, 0, 4 << 20, MAP_SHARED));
    }
    absl::StrAppend(
        &said, "  MAP_FIXED: ",
        MapWords(lab, kAddr + k4K, 4 << 20, MAP_SHARED | MAP_FIXED));
    return said;
  });
}

}  // namespace

absl::Span<const SeedRow> MmapHookRows() {
  static constexpr SeedRow kRows[] = {
      {"2.4", "thp_get_unmapped_area", WhereMmapPutsAFile},
      {"2.16", "from a user fault to huge_fault", FromFaultToHugeFault},
      {"2.17", "do_mmap asks for the address first", AddressFirst},
      {"2.18", "get_unmapped_area comes before mmap", AddressBeforeTheMmapHook},
  };
  return kRows;
}

}  // namespace dmdax::seeds
