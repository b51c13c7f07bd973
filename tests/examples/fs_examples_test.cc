// SPDX-License-Identifier: Apache-2.0
//
// The examples of iomap/ and fs/.
#include <linux/falloc.h>
#include <sys/mman.h>

#include "base/kernel_profile.h"
#include "fs/dax_mount.h"
#include "fs/ext4_fallocate.h"
#include "fs/ext4_holes.h"
#include "fs/ext4_state.h"
#include "fs/extent_lines.h"
#include "fs/extents_text.h"
#include "fs/file_system.h"
#include "fs/file_system_type.h"
#include "fs/fs_context.h"
#include "fs/fs_parser.h"
#include "fs/vfs.h"
#include "fs/xfs_fallocate.h"
#include "iomap/block_allocator.h"
#include "iomap/dax_entry.h"
#include "iomap/dax_fault.h"
#include "iomap/dax_inode.h"
#include "iomap/dax_rw.h"
#include "iomap/dax_zero.h"
#include "iomap/known_holes.h"
#include "iomap/used_blocks.h"
#include "iomap/zero_range.h"
#include "tests/dm_testing.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

// A DAX file of 8 MiB on pmem0, which ext4 has mounted.
class FsExamples : public DmTest {
 protected:
  FsExamples() {
    mem.AddPagemap({.start = pfn_t{0x100000}, .nr = 16384});
    dax_file.i_size = 8 << 20;
    dax_file.s_dax = true;
    dax_file.dax_dev = pmem->host_dax_dev();
    dax_file.extents.Insert({.physical = 18874368, .length = 8 << 20});
  }
  const FaultProfile& faults = (*FindKernelProfile("v6_1"))->fault;
  BlockDevice* pmem = machine().FindBdevByName("pmem0");
  MemMap mem{faults};
  std::unique_ptr<FileSystem> ext4_fs = *MakeFileSystem("ext4", faults);
  DaxInode dax_file{faults, mem};
  MmStruct mm{faults, mem};
};

TEST_F(FsExamples, BlockAllocator) {
#include "tests/examples/iomap/block_allocator.inc"
  EXPECT_EQ(simple.Allocate(4096, 4096)->physical % (2 << 20), 4096);
  EXPECT_EQ(list.Allocate(4096, 4096)->physical, 25165824);
}

TEST_F(FsExamples, UsedBlocks){
#include "tests/examples/iomap/used_blocks.inc"
}

TEST_F(FsExamples, ExtentLines) {
#include "tests/examples/fs/extent_lines.inc"
  EXPECT_THAT(s, IsOk());
  EXPECT_EQ(first, 8u);
  EXPECT_EQ(last, 15u);
}

TEST_F(FsExamples, DaxEntry) {
  DaxEntries entries(/*pmd_order=*/9);
  const uint64_t index = 512;
  const DaxEntries::Unmap unmap = [](uint64_t, uint64_t) {};
  const pfn_t pfn{0x100200};
  const auto grab = [&]() -> vm_fault_t {
#include "tests/examples/iomap/dax_entry.inc"
    return 0;
  };
  EXPECT_EQ(grab(), 0);
  EXPECT_EQ(entries.Find(index)->pfn, pfn);
}

// A file system whose fault is the example.
class DaxFaultOps : public VmOperations {
 public:
  DaxFaultOps(DaxInode& inode, IomapOps& ext4) : inode(inode), ext4(ext4) {}
  std::string name() const override { return "example_vm_ops"; }
  unsigned hooks() const override { return kFault | kHugeFault; }
  vm_fault_t Fault(VmFault& vmf) override { return HugeFault(vmf, 0); }
  vm_fault_t HugeFault(VmFault& vmf, int order) override {
#include "tests/examples/iomap/dax_fault.inc"
    return ret;
  }
  DaxInode& inode;
  IomapOps& ext4;
};

TEST_F(FsExamples, DaxFault) {
  DaxFaultOps ops(dax_file, *ext4_fs);
  const absl::StatusOr<VmAreaStruct*> vma =
      mm.Mmap({.addr = 0x7ffff7400000,
               .len = 8 << 20,
               .prot = PROT_READ | PROT_WRITE,
               .flags = MAP_SHARED | MAP_FIXED,
               .file = ext4_fs->Open(dax_file, "/mnt/f")});
  ASSERT_THAT(vma, IsOk());
  (*vma)->vm_ops = &ops;
  EXPECT_EQ(mm.Touch(0x7ffff7400000, true).order, 9);
  ASSERT_THAT(mm.Munmap(0x7ffff7400000, 8 << 20), IsOk());
}

TEST_F(FsExamples, DaxInode) {
  const FaultProfile& profile = faults;
  ASSERT_THAT(Create("d0", {Row(0, 2048, "linear", "/dev/pmem0 0")}), IsOk());
  MappedDevice& mapped_device = Md("d0");
#include "tests/examples/iomap/dax_inode.inc"
  EXPECT_EQ(inode.extents.All().size(), 1);
}

TEST_F(FsExamples, DaxZero) {
  DaxInode& inode = dax_file;
  IomapOps& ops = *ext4_fs;
#include "tests/examples/iomap/dax_zero.inc"
  EXPECT_EQ(err, 0);
}

TEST_F(FsExamples, ZeroRange) {
  DaxInode& inode = dax_file;
  IomapOps& fs = *ext4_fs;
#include "tests/examples/iomap/zero_range.inc"
  EXPECT_EQ(err, 0);
  EXPECT_TRUE(did_zero);
}

TEST_F(FsExamples, DaxRw) {
  DaxInode& inode = dax_file;
  IomapOps& ops = *ext4_fs;
#include "tests/examples/iomap/dax_rw.inc"
  EXPECT_EQ(written, 4096);
}

TEST_F(FsExamples, Ext4Fallocate) {
  DaxInode& inode = dax_file;
  FileSystem& fs = *ext4_fs;
#include "tests/examples/fs/ext4_fallocate.inc"
  EXPECT_EQ(err, 0);
}

TEST_F(FsExamples, Ext4Holes) {
  DaxInode& inode = dax_file;
#include "tests/examples/fs/ext4_holes.inc"
  EXPECT_EQ(end, 10 << 20);
}

TEST_F(FsExamples, Ext4State) {
  const auto change = [](const FaultProfile& profile) {
#include "tests/examples/fs/ext4_state.inc"
    return 0;
  };
  EXPECT_LT(change((*FindKernelProfile("v6_12"))->fault), 0);
}

TEST_F(FsExamples, Vfs) {
  const FaultProfile& profile = faults;
  const std::shared_ptr<File> file =
      ext4_fs->Open(dax_file, "f", /*writable=*/false);
#include "tests/examples/fs/vfs.inc"
  EXPECT_EQ(err, -EBADF);
}

TEST_F(FsExamples, XfsFallocate) {
  DaxInode& inode = dax_file;
  const std::unique_ptr<FileSystem> xfs = *MakeFileSystem("xfs", faults);
  FileSystem& fs = *xfs;
  AlignedAllocator free_space(32 << 20, 64 << 20, 4096);
  inode.allocator = &free_space;
#include "tests/examples/fs/xfs_fallocate.inc"
  EXPECT_EQ(err, 0);
}

TEST_F(FsExamples, FileExtents) {
#include "tests/examples/iomap/file_extents.inc"
  EXPECT_EQ(extents.All().size(), 2);
}

TEST_F(FsExamples, Iomap) {
  DaxInode& inode = dax_file;
  IomapOps& ops = *ext4_fs;
  FaultRecorder* recorder = nullptr;
  std::vector<Iomap> used;
  const auto Use = [&](const Iomap& iomap) { used.push_back(iomap); };
#include "tests/examples/iomap/iomap.inc"
  ASSERT_EQ(used.size(), 1);
  EXPECT_EQ(used[0].addr, 18874368);
}

TEST_F(FsExamples, KnownHoles) {
  DaxInode& inode = dax_file;
  const uint64_t pos = 8192, gap_start = 4096, gap_end = 16384;
#include "tests/examples/iomap/known_holes.inc"
  EXPECT_EQ(end, gap_end);
}

TEST_F(FsExamples, DaxMount) {
  const KernelProfile& profile = this->machine().profile();
  Machine& machine = this->machine();
  DaxInode& inode = dax_file;
  BlockDevice* bdev = pmem;
#include "tests/examples/fs/dax_mount.inc"
  EXPECT_TRUE(inode.s_dax);
}

TEST_F(FsExamples, FsParser) {
#include "tests/examples/fs/fs_parser.inc"
  EXPECT_EQ(FsParse(kParams, "noalign"), "");
}

#include "tests/examples/fs/fs_context.inc"

// What the examples leave to the author of a file system.
class Toyfs final : public FileSystem {
 public:
  using FileSystem::FileSystem;
  std::string name() const override { return "toyfs_file_operations"; }
  int Mmap(File&, VmAreaStruct&) override { return -ENODEV; }
  int Begin(DaxInode&, uint64_t, uint64_t, unsigned, Iomap*, Iomap*) override {
    return -EIO;
  }
};
#include "tests/examples/fs/file_system_type.inc"

TEST_F(FsExamples, FileSystemType) {
  EXPECT_THAT(MountDax({.type = "toyfs", .options = "dax=always"}, *pmem,
                       machine().profile(), machine().log()),
              IsOk());
}

TEST_F(FsExamples, ExtentsText) {
  DaxInode inode(faults, mem);
  const std::string text =
      "f:\n EXT: FILE-OFFSET      BLOCK-RANGE      TOTAL FLAGS\n"
      "   0: [0..15]:         36864..36879        16   0x1\n";
#include "tests/examples/fs/extents_text.inc"
  EXPECT_EQ(inode.extents.Find(0).physical, 36864 * kSectorSize);
}

TEST_F(FsExamples, FileSystem) {
  const FaultProfile& profile = faults;
  DaxInode& inode = dax_file;
#include "tests/examples/fs/file_system.inc"
  const uint64_t at = mm.vmas()[0]->vm_start;
  EXPECT_EQ(mm.Touch(at, false).order, 9);
  ASSERT_THAT(mm.Munmap(at, 8 << 20), IsOk());
}

}  // namespace
}  // namespace dmdax
