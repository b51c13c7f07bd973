// SPDX-License-Identifier: Apache-2.0
//
// What system calls on an open file are told before its file system is asked.
#include "fs/vfs.h"

#include <gtest/gtest.h>
#include <linux/falloc.h>

#include <cerrno>

#include "base/kernel_profile.h"
#include "fs/file_system_type.h"

namespace dmdax {
namespace {

constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

struct VfsTest : testing::Test {
  VfsTest() {
    reader.f_inode = writer.f_inode = &inode;
    reader.writable = false;
  }
  int Fallocate(const File& file, int mode, uint64_t offset, uint64_t length) {
    return CheckFallocate(profile, file, mode, offset, length);
  }

  const FaultProfile& profile = (*FindKernelProfile("v6_1"))->fault;
  Inode inode;
  File reader, writer;
};

TEST_F(VfsTest, WhatChangesAFileNeedsADescriptorToWrite) {
  EXPECT_EQ(Fallocate(writer, kPunch, 0, 4096), 0);
  EXPECT_EQ(Fallocate(reader, kPunch, 0, 4096), -EBADF);
  EXPECT_EQ(CheckFtruncate(writer, 0), 0);
  EXPECT_EQ(CheckFtruncate(reader, 0), -EINVAL);
  EXPECT_EQ(CheckWrite(writer), 0);
  EXPECT_EQ(CheckWrite(reader), -EBADF);
}

TEST_F(VfsTest, ArgumentsComeBeforeTheDescriptor) {
  EXPECT_EQ(Fallocate(reader, 0, 0, 0), -EINVAL);
  EXPECT_EQ(Fallocate(reader, FALLOC_FL_PUNCH_HOLE, 0, 1), -EOPNOTSUPP);
  EXPECT_EQ(CheckFtruncate(reader, ~uint64_t{0}), -EINVAL);
}

TEST_F(VfsTest, ADeviceHasNoBlocksAndNoSize) {
  inode.type = InodeType::kCharDevice;
  EXPECT_EQ(Fallocate(reader, 0, 0, 4096), -EBADF);
  EXPECT_EQ(Fallocate(writer, 0, 0, 4096), -ENODEV);
  EXPECT_EQ(CheckFtruncate(writer, 0), -EINVAL);
}

TEST_F(VfsTest, AFileSystemAsksForEachOfItsFiles) {
  MemMap mem(profile);
  DaxInode file(profile, mem);
  file.i_size = 8192;
  file.extents.Insert({.physical = 0, .length = 8192});
  const std::unique_ptr<FileSystem> fs = *MakeFileSystem("ext4", profile);
  const auto read_only = fs->Open(file, "f", /*writable=*/false);
  EXPECT_EQ(fs->Ftruncate(*read_only, 0), -EINVAL);
  EXPECT_EQ(fs->Fallocate(*read_only, kPunch, 0, 4096), -EBADF);
  EXPECT_EQ(fs->Write(*read_only, 0, 10), -EBADF);
  EXPECT_EQ(file.i_size, 8192u);
  EXPECT_EQ(file.extents.Find(0).length, 8192u);
  const auto writable = fs->Open(file, "f");
  EXPECT_EQ(fs->Fallocate(*writable, kPunch, 0, 4096), 0);
  EXPECT_EQ(fs->Ftruncate(*writable, 0), 0);
  EXPECT_EQ(file.i_size, 0u);
}

}  // namespace
}  // namespace dmdax
