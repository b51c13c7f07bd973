// SPDX-License-Identifier: Apache-2.0
//
// Seed 001: who chooses a mapping's operations, and what the fault hooks of
// files and block devices do.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "mm/filemap.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/mapped_file.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

// "ext4_dax_vm_ops, flags mm hg": what a successful mmap left.
std::string Chosen(const VmAreaStruct& vma) {
  return absl::StrCat(vma.vm_ops->name(), ", flags '",
                      VmFlagsText(vma.vm_flags & (VM_MIXEDMAP | VM_HUGEPAGE)),
                      "'");
}

std::string Ext4Mmap() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    std::string said;
    DaxDevice async(DefaultKernelProfile(), "async", nullptr);
    const auto map = [&](const char* what, bool dax, int flags,
                         DaxDevice* dev) {
      FileLab lab(kernel, "ext4", dev);
      lab.inode->s_dax = dax;
      const absl::Status status = lab.Map(flags);
      absl::StrAppend(
          &said, "  ", what, ": ",
          status.ok() ? Chosen(*lab.mm->FindVma(kAddr)) : Words(status), "\n");
    };
    map("DAX", true, MAP_SHARED, nullptr);
    map("not DAX", false, MAP_SHARED, nullptr);
    const int sync = MAP_SHARED_VALIDATE | MAP_SYNC;
    map("MAP_SYNC, DAX", true, sync, nullptr);
    map("MAP_SYNC, not DAX", false, sync, nullptr);
    map("MAP_SYNC, asynchronous device", true, sync, &async);
    FileLab down(kernel);
    down.fs->Shutdown();
    absl::StrAppend(&said, "  shut down: ", Words(down.Map()), "\n");
    return said;
  });
}

std::string Ext4FaultHooks() {
  return "emulated: filemap_fault does not say under which lock it runs\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           std::string said;
           for (const bool dax : {true, false}) {
             FileLab lab(kernel);
             lab.inode->s_dax = dax;
             lab.Extent(0, (16 << 20) + k4K, 8 << 20);
             (void)lab.Map();
             const VmOperations& ops = *lab.mm->FindVma(kAddr)->vm_ops;
             const FaultOutcome o = lab.Touch(0, false);
             const auto& pages = lab.inode->mapping.pages;
             const auto page = pages.find(0);
             absl::StrAppend(&said, "  ", ops.name(), ": ",
                             HookNames(*lab.profile, ops.hooks()),
                             "\n    maps ",
                             page != pages.end() && page->second == o.pfn
                                 ? "the page cache's page"
                                 : "the device's page",
                             ", returned ", VmFaultText(o.ret), "\n");
           }
           return said;
         });
}

std::string GenericFileMmap() {
  return "emulated: atime is not kept\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           MappedFile m(kernel);
           return absl::StrCat("  a_ops cannot read: ",
                               m.MapWords(m.Open(GenericFileOperations(false))),
                               "  a_ops can read: ",
                               m.MapWords(m.Open(GenericFileOperations(true))));
         });
}

std::string FilemapFaults() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    MappedFile m(kernel);
    m.inode.i_size = 40 * k4K;
    m.mapping.pages[39] = m.mem.AllocRam();
    // Private writes: nothing is mapped around them.
    const auto vma = m.Map(m.Open(GenericFileOperations()), 64, MAP_PRIVATE);
    const uint64_t start = (*vma)->vm_start;
    std::string said =
        absl::StrCat("  cached: ", m.TouchWords(start + 39 * k4K, true));
    absl::StrAppend(&said, "  not cached: ", m.TouchWords(start, true));
    absl::StrAppend(
        &said, "  beyond the end: ", m.TouchWords(start + 40 * k4K, false));
    return said;
  });
}

std::string GenericUsers() {
  return "emulated: the node of a mapped device is any block device's\n" +
         PerKernel(kX86Kernels, [](const char* kernel) {
           std::string said;
           MappedFile m(kernel);
           m.inode.type = InodeType::kBlockDevice;
           for (const bool ro : {false, true}) {
             absl::StrAppend(&said, "  block device, read-only ", ro, ": ",
                             m.MapWords(m.Open(BlockDeviceFileOperations(ro))));
           }
           const auto file = m.Open(BlockDeviceFileOperations(true));
           absl::StrAppend(
               &said,
               "    private: ", Words(m.Map(file, 16, MAP_PRIVATE).status()),
               "; DAX: ", VmaIsDax(**m.Map(file, 16, MAP_PRIVATE)), "\n");
           for (const bool dax : {false, true}) {
             FileLab lab(kernel, "ext2");
             lab.inode->s_dax = dax;
             (void)lab.Map();
             const VmOperations& ops = *lab.mm->FindVma(kAddr)->vm_ops;
             absl::StrAppend(&said, "  ext2, DAX ", dax, ": ", ops.name(), ": ",
                             HookNames(*lab.profile, ops.hooks()), "\n");
           }
           return said;
         });
}

}  // namespace

absl::Span<const SeedRow> VmOpsRows() {
  static constexpr SeedRow kRows[] = {
      {"1.8", "ext4_file_mmap chooses", Ext4Mmap},
      {"1.9", "the fault hooks of ext4", Ext4FaultHooks},
      {"1.10", "generic_file_mmap", GenericFileMmap},
      {"1.11", "filemap_fault", FilemapFaults},
      {"1.12", "def_blk_fops and ext2 use it", GenericUsers},
  };
  return kRows;
}

}  // namespace dmdax::seeds
