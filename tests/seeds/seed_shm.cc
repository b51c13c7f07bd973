// SPDX-License-Identifier: Apache-2.0
//
// Seed 001: shmem and the System V segments in front of it.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "mm/filemap.h"
#include "mm/shmem.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/mapped_file.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

// The file under a segment, which notes how far the attach has come.
class NotingFile final : public FileOperations {
 public:
  std::string name() const override { return "noting"; }
  int Mmap(File&, VmAreaStruct& vma) override {
    absl::StrAppend(&calls, below->f_op->name(), " mmap: attaches ",
                    segment->nattch(), ", saved operations ",
                    segment->saved_vm_ops() == nullptr ? "none" : "there",
                    ", the vma has ",
                    vma.vm_ops == nullptr ? "none" : vma.vm_ops->name());
    return below->f_op->Mmap(*below, vma);
  }
  std::shared_ptr<File> below;
  const ShmSegment* segment = nullptr;
  std::string calls;
};

std::string ShmMmapOrder() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    MappedFile m(kernel);
    NotingFile noting;
    noting.below = m.tmpfs.Create(16 * k4K);
    auto file = std::make_shared<File>(*noting.below);
    file->f_op = &noting;
    ShmSegment segment(file);
    noting.segment = &segment;
    const auto vma = m.Map(segment.Attach(), 16);
    const std::string said = absl::StrCat(
        "  ", noting.calls, "\n  then: attaches ", segment.nattch(), ", saved ",
        segment.saved_vm_ops()->name(), ", the vma has ",
        (*vma)->vm_ops->name(), "\n");
    (void)m.mm.Munmap((*vma)->vm_start, 16 * k4K);
    return said;
  });
}

std::string ShmOpsAndFailures() {
  return "emulated: a removed segment is EIDRM, its id is never used again\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           MappedFile m(kernel);
           const auto vma = m.Map(m.segment.Attach(), 16);
           std::string said =
               absl::StrCat("  shmat: vma ", (*vma)->vm_ops->name(), ", sfd ",
                            m.segment.saved_vm_ops()->name(), ", nattch ",
                            m.segment.nattch(), "\n");
           ShmSegment failing(m.Open(GenericFileOperations(false)));
           absl::StrAppend(&said, "  the file's mmap fails: ",
                           Words(m.Map(failing.Attach(), 16).status()));
           absl::StrAppend(&said, ", nattch ", failing.nattch(), "\n");
           m.segment.Remove();
           absl::StrAppend(&said, "  removed: ",
                           Words(m.Map(m.segment.Attach(), 16).status()));
           absl::StrAppend(&said, ", nattch ", m.segment.nattch(), "\n");
           (void)m.mm.Munmap((*vma)->vm_start, 16 * k4K);
           absl::StrAppend(&said, "  shmdt: nattch ", m.segment.nattch(), "\n");
           return said;
         });
}

// Faults of 16 reads of a second mapping, the first having written them; and
// whether both see the same pages.
std::string SixteenReads(MappedFile& m, const std::shared_ptr<File>& file) {
  const uint64_t first = (*m.Map(file, 16))->vm_start;
  std::string said = m.TouchWords(first, true);
  for (int i = 1; i < 16; ++i) m.mm.Touch(first + i * k4K, true);
  const uint64_t second = (*m.Map(file, 16))->vm_start;
  int faults = 0;
  int same = 0;
  for (int i = 0; i < 16; ++i) {
    const FaultOutcome o = m.mm.Touch(second + i * k4K, false);
    faults += o.min_flt;
    same += o.pfn == m.mm.Touch(first + i * k4K, false).pfn;
  }
  absl::StrAppend(&said, "    16 reads elsewhere: ", faults, " faults, ", same,
                  " same pages\n");
  return said;
}

std::string ShmFaultForwards() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    MappedFile m(kernel);
    return absl::StrCat(
        "  System V, first touch: ", SixteenReads(m, m.segment.Attach()),
        "  shmem, first touch: ", SixteenReads(m, m.tmpfs.Create(16 * k4K)));
  });
}

std::string ShmemMmap() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    MappedFile m(kernel);
    std::string said =
        absl::StrCat("  a file of tmpfs: ", m.MapWords(m.tmpfs.Create(k4K, 1)),
                     "  unlinked: ", m.MapWords(m.tmpfs.Create(k4K, 0)));
    const uint64_t start = m.next;
    absl::StrAppend(&said, "  in the size: ", m.TouchWords(start, true),
                    "  beyond it: ", m.TouchWords(start + k4K, true));
    return said;
  });
}

}  // namespace

absl::Span<const SeedRow> ShmRows() {
  static constexpr SeedRow kRows[] = {
      {"1.13", "shm_mmap calls shmem_mmap", ShmMmapOrder},
      {"1.14", "sfd->vm_ops saved, shm_vm_ops in front", ShmOpsAndFailures},
      {"1.15", "shm_fault forwards", ShmFaultForwards},
      {"1.16", "shmem_mmap", ShmemMmap},
  };
  return kRows;
}

}  // namespace dmdax::seeds
