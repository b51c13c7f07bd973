// SPDX-License-Identifier: Apache-2.0
#include "mm/shmem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/kernel_profile.h"
#include "mm/filemap.h"
#include "mm/mm_struct.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

struct ShmemTest : testing::Test {
  const FaultProfile& profile = DefaultKernelProfile().fault;
  MemMap mem{profile};
  ShmemFile tmpfs{mem};
  ShmSegment segment{tmpfs, 65536};
  Inode inode;
  AddressSpace mapping;
  MmStruct mm{profile, mem};

  absl::StatusOr<VmAreaStruct*> Map(std::shared_ptr<File> file, uint64_t len) {
    return mm.Mmap({.len = len,
                    .prot = PROT_READ | PROT_WRITE,
                    .flags = MAP_SHARED,
                    .file = std::move(file)});
  }
};

TEST_F(ShmemTest, BeyondTheSizeIsSigbus) {
  absl::StatusOr<VmAreaStruct*> vma = Map(tmpfs.Create(4096), 8192);
  ASSERT_THAT(vma, IsOk());
  EXPECT_EQ((*vma)->vm_ops->name(), "shmem_vm_ops");
  EXPECT_EQ(mm.Touch((*vma)->vm_start, true).min_flt, 1);
  const FaultOutcome outcome = mm.Touch((*vma)->vm_start + 4096, false);
  EXPECT_EQ(outcome.sig, SIGBUS);
  EXPECT_EQ(outcome.si_code, 2);
  EXPECT_EQ(outcome.reason.code, FaultReasonCode::kBeyondEof);
}

TEST_F(ShmemTest, SysvForwardsButDoesNotFaultAround) {
  absl::StatusOr<VmAreaStruct*> a = Map(segment.Attach(), 65536);
  ASSERT_THAT(a, IsOk());
  EXPECT_EQ((*a)->vm_ops->name(), "shm_vm_ops");
  EXPECT_EQ(segment.saved_vm_ops()->name(), "shmem_vm_ops");
  EXPECT_EQ(segment.nattch(), 1);
  const uint64_t first = (*a)->vm_start;
  int faults = 0;
  for (int i = 0; i < 16; ++i) {
    faults += mm.Touch(first + i * 4096, true).min_flt;
  }
  EXPECT_EQ(faults, 16);

  // A second attach sees the same pages, one fault each.
  absl::StatusOr<VmAreaStruct*> b = Map(segment.Attach(), 65536);
  ASSERT_THAT(b, IsOk());
  faults = 0;
  for (int i = 0; i < 16; ++i) {
    const FaultOutcome outcome = mm.Touch((*b)->vm_start + i * 4096, false);
    faults += outcome.min_flt;
    EXPECT_EQ(outcome.pfn, mm.Touch(first + i * 4096, false).pfn);
  }
  EXPECT_EQ(faults, 16);
  ASSERT_THAT(mm.Munmap(first, 65536), IsOk());
  EXPECT_EQ(segment.nattch(), 1);
}

TEST_F(ShmemTest, ShmemMappingsFaultAround) {
  std::shared_ptr<File> file = tmpfs.Create(65536);
  absl::StatusOr<VmAreaStruct*> a = Map(file, 65536);
  ASSERT_THAT(a, IsOk());
  for (int i = 0; i < 16; ++i) mm.Touch((*a)->vm_start + i * 4096, true);
  absl::StatusOr<VmAreaStruct*> b = Map(file, 65536);
  ASSERT_THAT(b, IsOk());
  int faults = 0;
  for (int i = 0; i < 16; ++i) {
    faults += mm.Touch((*b)->vm_start + i * 4096, false).min_flt;
  }
  EXPECT_LE(faults, 2);  // 2 when the mapping lies across a window
}

TEST_F(ShmemTest, ARemovedSegmentIsEidrm) {
  segment.Remove();
  EXPECT_THAT(Map(segment.Attach(), 4096), HasErrno(EIDRM));
  EXPECT_EQ(segment.nattch(), 0);
}

TEST_F(ShmemTest, AFailedMmapOfTheFileUndoesTheAttach) {
  mapping.host = &inode;
  auto file = std::make_shared<File>();
  file->f_inode = &inode;
  file->f_mapping = &mapping;
  file->f_op = &GenericFileOperations(/*readable=*/false);
  ShmSegment failing(file);
  EXPECT_THAT(Map(failing.Attach(), 4096), HasErrno(ENOEXEC));
  EXPECT_EQ(failing.nattch(), 0);
}

TEST_F(ShmemTest, UnlinkedFilesHaveTheirOwnTableSince62) {
  const FaultProfile& v6_12 = (*FindKernelProfile("v6_12"))->fault;
  MmStruct later(v6_12, mem);
  const auto name = [&](unsigned nlink) {
    return (*later.Mmap({.len = 4096,
                         .prot = PROT_READ,
                         .flags = MAP_SHARED,
                         .file = tmpfs.Create(4096, nlink)}))
        ->vm_ops->name();
  };
  EXPECT_EQ(name(0), "shmem_anon_vm_ops");
  EXPECT_EQ(name(1), "shmem_vm_ops");
}

TEST_F(ShmemTest, ReadOnlyBlockDevicesWereNotAskedBefore519) {
  inode.i_size = 8192;
  mapping.host = &inode;
  auto file = std::make_shared<File>();
  file->f_inode = &inode;
  file->f_mapping = &mapping;
  file->f_op = &BlockDeviceFileOperations(/*read_only=*/true);
  MmStruct older((*FindKernelProfile("v5_10"))->fault, mem);
  EXPECT_THAT(
      older.Mmap(
          {.len = 8192, .prot = PROT_READ, .flags = MAP_SHARED, .file = file}),
      IsOk());
}

TEST_F(ShmemTest, GenericFileMmapWantsAReader) {
  inode.i_size = 8192;
  mapping.host = &inode;
  auto file = std::make_shared<File>();
  file->f_inode = &inode;
  file->f_mapping = &mapping;
  file->f_op = &GenericFileOperations(/*readable=*/false);
  EXPECT_THAT(Map(file, 8192), HasErrno(ENOEXEC));
  file->f_op = &GenericFileOperations();
  absl::StatusOr<VmAreaStruct*> vma = Map(file, 8192);
  ASSERT_THAT(vma, IsOk());
  // Not cached: read, and counted as a major fault.
  EXPECT_EQ(mm.Touch((*vma)->vm_start, false).maj_flt, 1);
  EXPECT_EQ(HookNames((*vma)->vm_ops->hooks()), "fault map_pages page_mkwrite");
  file->f_op = &BlockDeviceFileOperations(/*read_only=*/true);
  EXPECT_THAT(Map(file, 8192), HasErrno(EINVAL));
  file->f_op = &BlockDeviceFileOperations(/*read_only=*/false);
  ASSERT_THAT(Map(file, 8192), IsOk());
}

}  // namespace
}  // namespace dmdax
