// SPDX-License-Identifier: Apache-2.0
//
// Seed 000: device-dax, its operations and its faults.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

constexpr const char* kSizes[] = {"PTE", "PMD", "PUD"};

// "PUD FALLBACK, PMD FALLBACK, PTE NOPAGE": the handler's calls so far.
std::string Calls(const FaultRecorder& recorder) {
  std::vector<std::string> calls;
  for (const FaultEvent& event : recorder.events()) {
    if (event.kind != FaultEventKind::kDevDaxFaultRet) continue;
    calls.push_back(
        absl::StrCat(kSizes[event.pe_size], " ",
                     VmFaultText(static_cast<vm_fault_t>(event.ret))));
  }
  return absl::StrJoin(calls, ", ");
}

// ->fault called itself, as a vma without huge pages does.
std::string FaultIsHugeFaultOfAPte() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DevDaxLab lab(kernel);
    (void)lab.Map(k2M);
    (void)lab.mm->Madvise(kAddr, k2M, MADV_NOHUGEPAGE);
    lab.Touch(0, false);
    return absl::StrCat("  ", Calls(lab.recorder), "\n");
  });
}

std::string OperationsOfTheVma() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DevDaxLab lab(kernel);
    (void)lab.Map(k4K);
    const VmOperations& ops = *lab.mm->FindVma(kAddr)->vm_ops;
    return absl::StrCat("  ", ops.name(), ": ",
                        HookNames(*lab.profile, ops.hooks()), "\n");
  });
}

std::string SizesInOrder() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    std::string said;
    for (const uint64_t align : {k4K, k2M, k1G}) {
      DevDaxLab lab(kernel, align);
      (void)lab.Map(k1G);
      lab.Touch(0, false);
      absl::StrAppend(&said, "  align ", align / 1024,
                      " KiB: ", Calls(lab.recorder), "\n");
    }
    return said;
  });
}

constexpr const char* kHookNames[] = {"none", "thp", "dax"};

std::string OperationsOfTheFile() {
  return "emulated: the file has no read, write or lseek to call\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           DevDaxLab lab(kernel, k2M);
           const std::shared_ptr<File> file = lab.dax->Open();
           const auto map = [&](int flags, uint64_t len) {
             return lab.mm->Mmap({.len = len,
                                  .prot = PROT_READ | PROT_WRITE,
                                  .flags = flags,
                                  .file = file});
           };
           const auto plain = map(MAP_SHARED, 2 * k2M);
           return absl::StrCat(
               "  ", file->f_op->name(), ", get_unmapped_area: ",
               kHookNames[static_cast<int>(file->f_op->unmapped_area())],
               ", address modulo 2 MiB: ", (*plain)->vm_start % k2M,
               "\n  mmap: ", Words(plain.status()), "\n  mmap with MAP_SYNC: ",
               Words(map(MAP_SHARED_VALIDATE | MAP_SYNC, 2 * k2M).status()),
               "\n");
         });
}

std::string CreatedAndDead() {
  return "emulated: create and probe are one step; a killed device stands for\n"
         "one that is not probed yet\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           DevDaxLab lab(kernel);
           std::string said =
               absl::StrCat("  probed: alive ", lab.dax->dax_dev().alive(),
                            ", mmap ", Words(lab.Map(k4K)));
           absl::StrAppend(&said, "; ", lab.TouchWords(0, true), "\n");
           lab.dax->KillDevDax();
           absl::StrAppend(&said, "  dead: alive ", lab.dax->dax_dev().alive(),
                           ", mmap ", Words(lab.Map(k4K, MAP_SHARED, 0, k2M)),
                           "\n");
           return said;
         });
}

std::string FlagsOfTheVma() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DevDaxLab lab(kernel);
    (void)lab.Map(k4K);
    return absl::StrCat(
        "  VmFlags: ", VmFlagsText(lab.mm->FindVma(kAddr)->vm_flags), "\n");
  });
}

std::string MixedMapWillBeUsed() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DevDaxLab dev(kernel);
    (void)dev.Map(k4K);
    FileLab file(kernel);
    file.Extent(0, 16 << 20, 8 << 20);
    (void)file.Map();
    const auto mixed = [](MmStruct& mm) {
      return (mm.FindVma(kAddr)->vm_flags & VM_MIXEDMAP) != 0 ? "yes" : "no";
    };
    return absl::StrCat("  VM_MIXEDMAP: device-dax ", mixed(*dev.mm),
                        ", ext4 DAX ", mixed(*file.mm), "\n");
  });
}

std::string Counts(const FaultOutcome& o) {
  return absl::StrCat("min_flt +", o.min_flt, ", maj_flt +", o.maj_flt);
}

std::string FirstAndSecondTouch() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DevDaxLab dev(kernel);
    (void)dev.Map(k4K);
    FileLab file(kernel);
    file.Extent(0, 16 << 20, 4 << 20);
    file.Extent((4 << 20) + k4K, (20 << 20) + k4K, (4 << 20) - k4K);
    (void)file.Map();
    // Without a PMD attempt, which would allocate the block first.
    FileLab single(kernel);
    (void)single.Map();
    (void)single.mm->Madvise(kAddr, 8 << 20, MADV_NOHUGEPAGE);
    const auto twice = [](auto& lab, uint64_t offset, bool write) {
      const FaultOutcome first = lab.Touch(offset, write);
      const FaultOutcome second = lab.Touch(offset, write);
      return absl::StrCat(Counts(first), "; again ", Counts(second), "\n");
    };
    return absl::StrCat(
        "  device-dax read: ", twice(dev, 0, false),
        "  ext4 DAX read: ", twice(file, 0, false),
        "  ext4 DAX write to a hole of a page: ", twice(file, 4 << 20, true),
        "  the same, MADV_NOHUGEPAGE: ", twice(single, 0, true));
  });
}

std::string CheckVmaAtMmapAndFault() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    DevDaxLab lab(kernel, k2M);
    std::string said = absl::StrCat(
        "  mmap at +4K: ", Words(lab.Map(2 * k2M, MAP_SHARED, 0, k4K)), "\n");
    for (const std::string& line : lab.mm->log().TakeNew()) {
      absl::StrAppend(&said, "    ", line, "\n");
    }
    (void)lab.Map(2 * k2M);
    absl::StrAppend(&said, "  touched: ", lab.TouchWords(0, true), "\n");
    lab.dax->KillDevDax();
    absl::StrAppend(&said, "  killed, touched: ", lab.TouchWords(0, true),
                    "\n");
    return said;
  });
}

}  // namespace

absl::Span<const SeedRow> DevDaxRows() {
  static constexpr SeedRow kRows[] = {
      {"0.1", "dev_dax_fault is huge_fault of a PTE", FaultIsHugeFaultOfAPte},
      {"0.2", "dax_vm_ops", OperationsOfTheVma},
      {"0.3", "huge_fault, size by size", SizesInOrder},
      {"0.8", "dax_fops", OperationsOfTheFile},
      {"0.9", "created, probed, dead", CreatedAndDead},
      {"0.10", "dax_mmap sets flags", FlagsOfTheVma},
      {"0.11", "\"for dax VM_MIXEDMAP will be used\"", MixedMapWillBeUsed},
      {"0.14", "does DAX trigger page faults?", FirstAndSecondTouch},
      {"0.18", "check_vma at mmap and at the fault", CheckVmaAtMmapAndFault},
  };
  return kRows;
}

}  // namespace dmdax::seeds
