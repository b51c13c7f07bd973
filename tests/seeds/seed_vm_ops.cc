// SPDX-License-Identifier: Apache-2.0
//
// Seed 001: who chooses a mapping's operations, and what the fault hooks of
// files, block devices, shmem and System V segments do.
#include <sys/mman.h>

#include "absl/strings/str_cat.h"
#include "mm/filemap.h"
#include "mm/shmem.h"
#include "tests/seeds/driver_lab.h"
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {
namespace {

// "ext4_dax_vm_ops, flags mm hg": what a successful mmap left.
std::string Chosen(const VmAreaStruct& vma) {
  return absl::StrCat(vma.vm_ops->name(), ", flags '",
                      VmFlagsText(vma.vm_flags & (VM_MIXEDMAP | VM_HUGEPAGE)),
                      "'");
}

// A file that can be mapped by a process of its own.
struct MappedFile {
  explicit MappedFile(const char* kernel)
      : mem(**FindFaultProfile(kernel)),
        tmpfs(mem),
        segment(tmpfs, 16 * k4K),
        mm(**FindFaultProfile(kernel), mem) {
    mapping.host = &inode;
    inode.i_mapping = &mapping;
    inode.i_size = 64 * k4K;
  }
  std::shared_ptr<File> Open(FileOperations& f_op) {
    auto file = std::make_shared<File>();
    file->path = "f";
    file->f_inode = &inode;
    file->f_mapping = &mapping;
    file->f_op = &f_op;
    return file;
  }
  // At 2 MiB aligned addresses, one after the other.
  absl::StatusOr<VmAreaStruct*> Map(std::shared_ptr<File> file, uint64_t pages,
                                    int flags = MAP_SHARED) {
    next += k2M;
    return mm.Mmap({.addr = next,
                    .len = pages * k4K,
                    .prot = PROT_READ | PROT_WRITE,
                    .flags = flags | MAP_FIXED,
                    .file = std::move(file)});
  }
  std::string MapWords(std::shared_ptr<File> file) {
    const auto vma = Map(std::move(file), 16);
    if (!vma.ok()) return absl::StrCat(Words(vma.status()), "\n");
    return absl::StrCat(
        (*vma)->vm_ops->name(), ": ",
        HookNames(mm.profile(), (*vma)->vm_ops->hooks()), "\n");
  }
  std::string TouchWords(uint64_t addr, bool write) {
    const FaultOutcome o = mm.Touch(addr, write);
    if (o.sig != 0) return absl::StrCat(Words(mm.profile(), mm, o), "\n");
    return absl::StrCat("returned ", VmFaultText(o.ret), ", min_flt +",
                        o.min_flt, ", maj_flt +", o.maj_flt, "\n");
  }

  Inode inode;
  AddressSpace mapping;
  MemMap mem;
  ShmemFile tmpfs;
  ShmSegment segment;
  uint64_t next = kAddr;
  MmStruct mm;
};

std::string Ext4Mmap() {
  return PerKernel(kX86Kernels, [](const char* kernel) {
    std::string said;
    DaxDevice async(DefaultKernelProfile(), "async", nullptr);
    const auto map = [&](const char* what, bool dax, int flags,
                         DaxDevice* dev) {
      FileLab lab(kernel, "ext4", dev);
      lab.inode->s_dax = dax;
      const absl::Status status = lab.Map(flags);
      absl::StrAppend(&said, "  ", what, ": ",
                      status.ok() ? Chosen(*lab.mm->FindVma(kAddr))
                                  : Words(status),
                      "\n");
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
             absl::StrAppend(
                 &said, "  ", ops.name(), ": ",
                 HookNames(*lab.profile, ops.hooks()), "\n    maps ",
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
           return absl::StrCat(
               "  a_ops cannot read: ",
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
    const auto vma = m.Map(m.Open(GenericFileOperations()), 64);
    const uint64_t start = (*vma)->vm_start;
    // Writes: a read would map the cached pages around it.
    return absl::StrCat(
        "  cached: ", m.TouchWords(start + 39 * k4K, true),
        "  not cached: ", m.TouchWords(start, true),
        "  beyond the end: ", m.TouchWords(start + 40 * k4K, false));
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
               &said, "    private: ",
               Words(m.Map(file, 16, MAP_PRIVATE).status()),
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
        "  ", noting.calls, "\n  then: attaches ", segment.nattch(),
        ", saved ", segment.saved_vm_ops()->name(), ", the vma has ",
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
           std::string said = absl::StrCat(
               "  shmat: vma ", (*vma)->vm_ops->name(), ", sfd ",
               m.segment.saved_vm_ops()->name(), ", nattch ",
               m.segment.nattch(), "\n");
           ShmSegment failing(m.Open(GenericFileOperations(false)));
           absl::StrAppend(
               &said, "  the file's mmap fails: ",
               Words(m.Map(failing.Attach(), 16).status()), ", nattch ",
               failing.nattch(), "\n");
           m.segment.Remove();
           absl::StrAppend(&said, "  removed: ",
                           Words(m.Map(m.segment.Attach(), 16).status()),
                           ", nattch ", m.segment.nattch(), "\n");
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
    return absl::StrCat("  System V, first touch: ",
                        SixteenReads(m, m.segment.Attach()),
                        "  shmem, first touch: ",
                        SixteenReads(m, m.tmpfs.Create(16 * k4K)));
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

absl::Span<const SeedRow> VmOpsRows() {
  static constexpr SeedRow kRows[] = {
      {"1.8", "ext4_file_mmap chooses", Ext4Mmap},
      {"1.9", "the fault hooks of ext4", Ext4FaultHooks},
      {"1.10", "generic_file_mmap", GenericFileMmap},
      {"1.11", "filemap_fault", FilemapFaults},
      {"1.12", "def_blk_fops and ext2 use it", GenericUsers},
      {"1.13", "shm_mmap calls shmem_mmap", ShmMmapOrder},
      {"1.14", "sfd->vm_ops saved, shm_vm_ops in front", ShmOpsAndFailures},
      {"1.15", "shm_fault forwards", ShmFaultForwards},
      {"1.16", "shmem_mmap", ShmemMmap},
  };
  return kRows;
}

}  // namespace dmdax::seeds
