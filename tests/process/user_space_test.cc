// SPDX-License-Identifier: Apache-2.0
//
// What text can not say of mounts, files and processes: tests/golden/fault.txt
// and process.txt have the rest.
#include "process/user_space.h"

#include <cerrno>
#include <csignal>

#include "absl/strings/match.h"
#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "gtest/gtest.h"
#include "process/field_error.h"

namespace dmdax {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class UserSpaceTest : public testing::Test {
 protected:
  UserSpaceTest()
      : machine_(DefaultKernelProfile()),
        user_(std::make_unique<UserSpace>(machine_,
                                          DefaultKernelProfile().fault)) {
    pmem_ = *machine_.AddPmem(
        {.name = "pmem0", .base = 1ull << 32, .size = 64 * kMiB});
  }

  MountPoint* Mount() {
    absl::StatusOr<MountPoint*> m = user_->Mount(
        {.path = "/mnt/", .request = {.type = "ext4", .options = "dax=always"}},
        *pmem_);
    EXPECT_TRUE(m.ok()) << m.status();
    return *m;
  }

  Machine machine_;
  BlockDevice* pmem_;
  std::unique_ptr<UserSpace> user_;
};

FileOptions FileAt(uint64_t physical, uint64_t length) {
  return {.name = "f", .extents = {{.physical = physical, .length = length}}};
}

TEST_F(UserSpaceTest, AMountHoldsItsDeviceUntilItGoes) {
  Mount();
  EXPECT_EQ(pmem_->openers(), 1);
  EXPECT_EQ(ErrnoOf(machine_.Remove("pmem0")), EBUSY);
  user_.reset();
  EXPECT_EQ(pmem_->openers(), 0);
  EXPECT_TRUE(machine_.Remove("pmem0").ok());
}

TEST_F(UserSpaceTest, ARefusedMountLeavesTheDeviceFree) {
  absl::StatusOr<MountPoint*> m = user_->Mount(
      {.path = "/mnt", .request = {.type = "ext4", .options = "dax=perhaps"}},
      *pmem_);
  EXPECT_EQ(ErrnoOf(m.status()), EINVAL);
  EXPECT_EQ(FieldOf(m.status()), "options");
  EXPECT_EQ(pmem_->openers(), 0);
}

TEST_F(UserSpaceTest, AFileIsMappedByItsExtents) {
  ASSERT_TRUE(Mount()->AddFile(FileAt(2 * kMiB, 4 * kMiB)).ok());
  Task& task = **user_->AddTask(1);
  absl::StatusOr<std::shared_ptr<File>> file = user_->Open("/mnt/f");
  ASSERT_TRUE(file.ok()) << file.status();
  absl::StatusOr<VmAreaStruct*> vma =
      task.Map({.file = *file, .length = 4 * kMiB});
  ASSERT_TRUE(vma.ok()) << vma.status();
  const uint64_t start = (*vma)->vm_start;
  const TouchReport report = task.Touch(start + 4096, AccessKind::kWrite);
  EXPECT_EQ(report.outcome.order, 9);
  EXPECT_EQ(report.outcome.pfn, pfn_t(0x100201));
  EXPECT_FALSE(report.record.events().empty());
  const FrameOwner owner = user_->OwnerOf(report.outcome.pfn);
  EXPECT_EQ(owner.kind, FrameOwner::kPmem);
  EXPECT_EQ(owner.name, "pmem0");
  EXPECT_EQ(owner.offset, 2 * kMiB + 4096);

  // Remembered until the range is unmapped; what did not fault is not.
  task.Touch(start + 4096, AccessKind::kRead);
  EXPECT_EQ(task.touches().size(), 1u);
  EXPECT_EQ(ErrnoOf(user_->Unmount("/mnt")), EBUSY);
  ASSERT_TRUE(task.Unmap(start, 4 * kMiB).ok());
  EXPECT_TRUE(task.touches().empty());
  EXPECT_EQ(task.Touch(start, AccessKind::kRead).outcome.sig, SIGSEGV);
  EXPECT_TRUE(user_->Unmount("/mnt").ok());
}

TEST_F(UserSpaceTest, AnOffsetThatNoFileHasIsTheOffsetsFault) {
  ASSERT_TRUE(Mount()->AddFile(FileAt(2 * kMiB, 4 * kMiB)).ok());
  Task& task = **user_->AddTask(1);
  const MmapOptions options{
      .path = "/mnt/f", .vma = {.offset = ~uint64_t{4095}, .length = 2 * kMiB}};
  const absl::Status s = user_->Mmap(task, options).status();
  EXPECT_EQ(ErrnoOf(s), EOVERFLOW);
  EXPECT_EQ(FieldOf(s), "offset");
  EXPECT_EQ(s.message(),
            "offset 18446744073709547520 + length 2097152 is beyond "
            "MAX_LFS_FILESIZE, which is 9223372036854775807: Value too large "
            "for defined data type");
}

// The files of a mapping come and go with it: what one costs must not grow with
// the others.
TEST_F(UserSpaceTest, AFileIsMappedMoreThanSixtyThousandTimes) {
  ASSERT_TRUE(Mount()->AddFile(FileAt(2 * kMiB, 4 * kMiB)).ok());
  Task& task = **user_->AddTask(1);
  const MmapOptions options{.path = "/mnt/f", .vma = {.length = 4096}};
  for (int i = 0; i < 65531; ++i) {
    ASSERT_TRUE(user_->Mmap(task, options).ok()) << i;
  }
  const absl::Status s = user_->Mmap(task, options).status();
  EXPECT_EQ(ErrnoOf(s), ENOMEM);
  EXPECT_EQ(s.message(),
            "the process has 65531 mappings; max_map_count is 65530: Cannot "
            "allocate memory");
  EXPECT_TRUE(user_->RemoveTask(1).ok());
  EXPECT_TRUE(user_->Unmount("/mnt").ok());
}

TEST_F(UserSpaceTest, AWriteToAHoleAsksTheFileFirstThenTheMount) {
  MountOptions options{.path = "/mnt",
                       .request = {.type = "ext4", .options = "dax=always"}};
  options.allocator = AllocatorOptions{.start = 32 * kMiB, .align = 2 * kMiB};
  absl::StatusOr<MountPoint*> m = user_->Mount(options, *pmem_);
  ASSERT_TRUE(m.ok()) << m.status();
  FileOptions f{.name = "f", .size = 8 * kMiB};
  f.allocate = {{.logical = 0, .physical = 16 * kMiB, .length = 2 * kMiB}};
  ASSERT_TRUE((*m)->AddFile(f).ok());
  Task& task = **user_->AddTask(1);
  absl::StatusOr<VmAreaStruct*> vma =
      task.Map({.file = *user_->Open("/mnt/f"), .length = 8 * kMiB});
  ASSERT_TRUE(vma.ok()) << vma.status();
  const uint64_t start = (*vma)->vm_start;
  EXPECT_EQ(task.Touch(start, AccessKind::kWrite).outcome.pfn, pfn_t(0x101000));
  EXPECT_EQ(task.Touch(start + 2 * kMiB, AccessKind::kWrite).outcome.pfn,
            pfn_t(0x102000));
  EXPECT_EQ((*m)->allocator()->start, 34 * kMiB);
}

TEST_F(UserSpaceTest, WithoutFreeSpaceAWriteToAHoleIsSigbus) {
  ASSERT_TRUE(Mount()->AddFile({.name = "f", .size = 4 * kMiB}).ok());
  Task& task = **user_->AddTask(1);
  absl::StatusOr<VmAreaStruct*> vma =
      task.Map({.file = *user_->Open("/mnt/f"), .length = 4 * kMiB});
  ASSERT_TRUE(vma.ok()) << vma.status();
  EXPECT_EQ(task.Touch((*vma)->vm_start, AccessKind::kWrite).outcome.sig,
            SIGBUS);
}

TEST_F(UserSpaceTest, ADiskIsAFileSystemOrADeviceDax) {
  ASSERT_TRUE(
      user_->AddDevDax({.options = {.name = "dax0.0"}, .pmem = "pmem0"}).ok());
  EXPECT_EQ(pmem_->openers(), 1);
  absl::StatusOr<MountPoint*> m = user_->Mount(
      {.path = "/mnt", .request = {.options = "dax=always"}}, *pmem_);
  EXPECT_EQ(ErrnoOf(m.status()), EBUSY);
  Task& task = **user_->AddTask(1);
  absl::StatusOr<VmAreaStruct*> vma =
      task.Map({.file = *user_->Open("/dev/dax0.0"), .length = 4 * kMiB});
  ASSERT_TRUE(vma.ok()) << vma.status();
  const TouchReport report = task.Touch((*vma)->vm_start, AccessKind::kWrite);
  EXPECT_EQ(report.outcome.order, 9);
  EXPECT_EQ(user_->OwnerOf(report.outcome.pfn).kind, FrameOwner::kDevDax);
}

TEST_F(UserSpaceTest, ADeviceDaxTakesNoPartOfAPmem) {
  const DevDaxRequest request{
      .options = {.name = "dax0.0", .ranges = {{1ull << 32, 2 * kMiB}}}};
  absl::StatusOr<DevDax*> dax = user_->AddDevDax(request);
  EXPECT_EQ(ErrnoOf(dax.status()), EBUSY);
  EXPECT_EQ(FieldOf(dax.status()), "range[0].start");
  EXPECT_TRUE(user_->dev_daxes().empty());
  // But a state that has one opens.
  EXPECT_TRUE(user_->RestoreDevDax(request).ok());
}

TEST_F(UserSpaceTest, BlocksHaveOneOwnerUntilItGoes) {
  MountPoint* m = Mount();
  ASSERT_TRUE(m->AddFile(FileAt(2 * kMiB, 4 * kMiB)).ok());
  FileOptions g = FileAt(4 * kMiB, 4 * kMiB);
  g.name = "g";
  absl::StatusOr<MountedFile*> file = m->AddFile(g);
  EXPECT_EQ(FieldOf(file.status()), "extent[0].physical");
  EXPECT_EQ(file.status().message(),
            "physical 4194304 to 8388607 are also those of /mnt/f at offset 0, "
            "2097152 to 6291455; only extents that are both shared (reflinked) "
            "can have the same blocks");
  ASSERT_TRUE(m->RemoveFile("f").ok());
  EXPECT_TRUE(m->AddFile(g).ok());
}

// A refused file leaves nothing behind, and a state with one opens.
TEST_F(UserSpaceTest, ARefusedFileOwnsNothing) {
  MountPoint* m = Mount();
  const FileOptions twice{
      .name = "f",
      .extents = {{.length = 4096}, {.logical = 4096, .length = 4096}}};
  EXPECT_EQ(FieldOf(m->AddFile(twice).status()), "extent[1].physical");
  EXPECT_TRUE(m->AddFile(FileAt(0, 4096)).ok());
  ASSERT_TRUE(m->RemoveFile("f").ok());
  EXPECT_TRUE(m->RestoreFile(twice).ok());
}

// Blocks that a fault took are the file's.
TEST_F(UserSpaceTest, WhatAFaultAllocatedIsOwned) {
  MountOptions options{.path = "/mnt", .request = {.options = "dax=always"}};
  options.allocator = AllocatorOptions{.start = 32 * kMiB, .align = 2 * kMiB};
  absl::StatusOr<MountPoint*> m = user_->Mount(options, *pmem_);
  ASSERT_TRUE(m.ok()) << m.status();
  ASSERT_TRUE((*m)->AddFile({.name = "f", .size = 4 * kMiB}).ok());
  FileOptions g = FileAt(32 * kMiB, 2 * kMiB);
  g.name = "g";
  ASSERT_TRUE((*m)->AddFile(g).ok());
  Task& task = **user_->AddTask(1);
  absl::StatusOr<VmAreaStruct*> vma =
      task.Map({.file = *user_->Open("/mnt/f"), .length = 4 * kMiB});
  ASSERT_TRUE(vma.ok()) << vma.status();
  EXPECT_EQ(task.Touch((*vma)->vm_start, AccessKind::kWrite).outcome.pfn,
            pfn_t(0x102200));
  FileOptions h = FileAt(34 * kMiB, 4096);
  h.name = "h";
  EXPECT_EQ(FieldOf((*m)->AddFile(h).status()), "extent[0].physical");
}

struct BadFile {
  FileOptions file;
  const char* field;
};

TEST_F(UserSpaceTest, ChecksOfAFileNameTheField) {
  MountPoint* m = Mount();
  const BadFile cases[] = {
      {{.name = ""}, "name"},
      {{.name = "/f"}, "name"},
      {{.name = "a/../b"}, "name"},
      {{.name = "f", .size = 1ull << 63}, "size"},
      {{.name = "f", .extsize = 5}, "extsize"},
      {FileAt(5, 4096), "extent[0].physical"},
      {FileAt(0, 0), "extent[0].length"},
      {FileAt(0, 5), "extent[0].length"},
      {FileAt(64 * kMiB, 4096), "extent[0].physical"},
      {FileAt(63 * kMiB, 2 * kMiB), "extent[0].length"},
      {FileAt(4096, ~0ull - 4095), "extent[0].length"},
      {{.name = "f", .extents = {{.logical = ~0ull - 4095, .length = 4096}}},
       "extent[0].length"},
  };
  for (const BadFile& bad : cases) {
    absl::StatusOr<MountedFile*> file = m->AddFile(bad.file);
    EXPECT_EQ(ErrnoOf(file.status()), EINVAL) << bad.field;
    EXPECT_EQ(FieldOf(file.status()), bad.field) << file.status();
  }
  EXPECT_TRUE(m->files().empty());
}

TEST(FieldErrorTest, NearestMultiples) {
  EXPECT_TRUE(CheckMultiple("", "n", 8192, 4096).ok());
  const absl::Status low = CheckMultiple("x[1].", "n", 5, 4096);
  EXPECT_EQ(FieldOf(low), "x[1].n");
  EXPECT_EQ(low.message(),
            "n 5: not a multiple of 4096 bytes; nearest are 0 and 4096");
  EXPECT_EQ(CheckMultiple("", "n", ~0ull, 4096).message(),
            "n 18446744073709551615: not a multiple of 4096 bytes; nearest is "
            "18446744073709547520");
  EXPECT_EQ(CheckMultiple("", "n", 5, 4096, 4096, 8192).message(),
            "n 5: not a multiple of 4096 bytes; nearest is 4096");
  EXPECT_EQ(CheckMultiple("", "n", 9000, 4096, 0, 8192).message(),
            "n 9000: not a multiple of 4096 bytes; nearest is 8192");
  EXPECT_EQ(FieldOf(absl::OkStatus()), "");
}

TEST_F(UserSpaceTest, WhatTheFileSystemUsesNobodyGets) {
  MountOptions options{.path = "/mnt", .request = {.options = "dax=always"}};
  options.allocator =
      AllocatorOptions{.used = {{.start = 0, .length = 4 * kMiB},
                                {.start = 6 * kMiB, .length = kMiB}}};
  absl::StatusOr<MountPoint*> m = user_->Mount(options, *pmem_);
  ASSERT_TRUE(m.ok()) << m.status();
  EXPECT_EQ(FieldOf((*m)->AddFile(FileAt(6 * kMiB, 4096)).status()),
            "extent[0].physical");
  absl::StatusOr<MountedFile*> f = (*m)->AddFile({.name = "f", .size = kMiB});
  ASSERT_TRUE(f.ok()) << f.status();
  const auto got = [&](uint64_t length) {
    return (*f)->allocator.Allocate(0, length).value_or(FileExtent());
  };
  EXPECT_EQ(got(4096).physical, 4 * kMiB);
  EXPECT_EQ(got(8 * kMiB).length, 2 * kMiB - 4096);
  EXPECT_EQ(got(4096).physical, 7 * kMiB);
  // Another file's end does not make it free.
  ASSERT_TRUE((*m)->RemoveFile("f").ok());
  EXPECT_EQ((*m)->used().EndOfUsed(6 * kMiB), 7 * kMiB);
}

TEST_F(UserSpaceTest, UsedRangesLieOnTheDevice) {
  MountOptions options{.path = "/mnt", .request = {.options = "dax=always"}};
  const ByteRange bad[] = {{.start = 1, .length = 4096},
                           {.start = 64 * kMiB, .length = 4096},
                           {.start = 4096, .length = ~uint64_t{4095}}};
  for (const ByteRange& range : bad) {
    options.allocator = AllocatorOptions{.used = {range}};
    absl::StatusOr<MountPoint*> m = user_->Mount(options, *pmem_);
    EXPECT_EQ(ErrnoOf(m.status()), EINVAL) << range.start;
    EXPECT_TRUE(absl::StartsWith(FieldOf(m.status()), "allocator.used[0]."))
        << FieldOf(m.status());
  }
}

TEST_F(UserSpaceTest, SomeFilesAreNeverDax) {
  MountPoint* m = Mount();
  FileOptions file = FileAt(0, kMiB);
  file.never_dax = true;
  EXPECT_FALSE((*m->AddFile(file))->inode.s_dax);
}

}  // namespace
}  // namespace dmdax
