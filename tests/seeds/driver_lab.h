// SPDX-License-Identifier: Apache-2.0
//
// A driver of one's own, as seed 002 writes them: a character device whose
// hooks do what a row wants and note that they were called; and how a row
// says once what several kernels have in common.
#ifndef DMDAX_TESTS_SEEDS_DRIVER_LAB_H_
#define DMDAX_TESTS_SEEDS_DRIVER_LAB_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "mm/insert.h"
#include "mm/mm_struct.h"

namespace dmdax::seeds {

inline constexpr const char* kX86Kernels[] = {"v4_14", "v5_10", "v6_1",
                                              "v6_12", "v6_16", "v6_17",
                                              "v6_18", "v7_2",  "v7_3"};
inline constexpr const char* kAllKernels[] = {
    "v4_14", "v5_10", "v6_1", "v6_12", "v6_16",
    "v6_17", "v6_18", "v7_2", "v7_3",  "arm64_4_14"};

// What `say` says of each kernel; those that say the same stand together:
//   v4_14 v5_10:
//     a line
std::string PerKernel(absl::Span<const char* const> kernels,
                      const std::function<std::string(const char*)>& say);

// Both hooks: order 0 is ->fault.
using FaultHandler = std::function<vm_fault_t(VmFault&, int order)>;

class DriverLab final : public FileOperations, public VmOperations {
 public:
  // `vm_flags` are added, S_DAX is set, in the mmap hook.  Its memory is
  // 2 GiB at 4 GiB, with struct pages in folios of 2^vmemmap_shift.
  DriverLab(const std::string& kernel, FaultHandler handler,
            uint64_t vm_flags = 0, int vmemmap_shift = 0);

  absl::StatusOr<VmAreaStruct*> Map(uint64_t addr, uint64_t len,
                                    int prot = 3 /* read, write */,
                                    int flags = 0x11 /* shared, fixed */);
  // One touch: "PMD pfn 0x... bits", "kernel BUG: ...", "SIGBUS ...", then
  // "; WARN: ...".
  std::string TouchWords(uint64_t addr, bool write);
  // Frame `page` of the memory.
  pfn_t Frame(uint64_t page) const;
  // The same, PFN_DEV|PFN_MAP.
  FlaggedPfn DevFrame(uint64_t page) const {
    return FlaggedPfn{.pfn = Frame(page), .dev = true, .map = true};
  }

  std::string name() const override { return "driver"; }
  int Mmap(File& file, VmAreaStruct& vma) override;
  UnmappedArea unmapped_area() const override;
  unsigned hooks() const override { return kFault | kHugeFault; }
  vm_fault_t Fault(VmFault& vmf) override { return Call("fault", vmf, 0); }
  vm_fault_t HugeFault(VmFault& vmf, int order) override {
    return Call("huge_fault", vmf, order);
  }

  const FaultProfile* profile;
  const FaultHandler handler;
  const uint64_t vm_flags;
  UnmappedArea area = UnmappedArea::kThp;
  int mmap_result = 0;  // what the mmap hook answers
  Inode inode;
  AddressSpace mapping;
  std::unique_ptr<MemMap> mem;
  std::unique_ptr<MmStruct> mm;
  FaultRecorder recorder;
  // "get_unmapped_area", "mmap", "huge_fault(PMD) = NOPAGE" ...
  mutable std::vector<std::string> calls;

 private:
  vm_fault_t Call(const char* hook, VmFault& vmf, int order);
};

// Inserts frames at PMDs, or with `pud` at PUDs, and falls back elsewhere.
enum class FrameKind { kPlain, kDevMap };
enum class HugeSize { kPmd, kPud };
FaultHandler InsertsAt(HugeSize size, FrameKind kind);

}  // namespace dmdax::seeds

#endif  // DMDAX_TESTS_SEEDS_DRIVER_LAB_H_
