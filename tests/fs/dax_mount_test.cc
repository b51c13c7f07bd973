// SPDX-License-Identifier: Apache-2.0
//
// What the recorded mounts of tests/conformance can not show: 4.14, fs/ext2,
// partitions.
#include "fs/dax_mount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DaxMountTest : public DmTest {
 protected:
  absl::StatusOr<SuperBlock> Mount(const MountRequest& request,
                                   absl::string_view disk = "pmem0") {
    machine().log().TakeNew();
    return MountDax(request, *machine().FindBdevByName(disk),
                    machine().profile(), machine().log());
  }
  void Partition(uint64_t start) {
    BlockOptions options;
    options.name = "pmem0p1";
    options.nr_sectors = 8192;
    options.partition_of = "pmem0";
    options.start_sect = sector_t(start);
    ASSERT_THAT(machine().AddBlock(options), IsOk());
  }
};

TEST_F(DaxMountTest, Ext4DemandsWhatItIsToldTo) {
  EXPECT_THAT(Mount({.type = "ext4", .options = "dax"}, "sda"),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(),
              ElementsAre("EXT4-fs (sda): DAX unsupported by block device."));
  const auto sb = Mount({.type = "ext4"}, "sda");
  ASSERT_THAT(sb, IsOk());
  EXPECT_FALSE(sb->ShouldEnableDax(true));
}

TEST_F(DaxMountTest, InodeModeFollowsTheInode) {
  const auto sb = Mount({.type = "ext4", .options = "dax=inode"});
  ASSERT_THAT(sb, IsOk());
  EXPECT_TRUE(sb->ShouldEnableDax(true));
  EXPECT_FALSE(sb->ShouldEnableDax(false));
  EXPECT_EQ(sb->DaxOption(), "dax=inode");
}

TEST_F(DaxMountTest, APartitionIsPlacedOnItsDisk) {
  Partition(2048);
  const auto sb = Mount({.type = "xfs", .options = "dax"}, "pmem0p1");
  ASSERT_THAT(sb, IsOk());
  EXPECT_EQ(sb->dax_part_off, 2048u * 512);
  EXPECT_THAT(
      Mount({.type = "xfs", .options = "dax", .reflink = true}, "pmem0p1"),
      HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("XFS (pmem0p1): DAX and reflink cannot work "
                                 "with multi-partitions!"));
}

TEST_F(DaxMountTest, Ext2sOwnDriverTurnsItOff) {
  const auto sb =
      Mount({.type = "ext2", .options = "dax", .driver = "ext2"}, "sda");
  ASSERT_THAT(sb, IsOk());
  EXPECT_FALSE(sb->ShouldEnableDax(true));
  EXPECT_EQ(sb->DaxOption(), "");
}

TEST_F(DaxMountTest, In414TheVfsProbesOnePage) {
  Boot("v4_14");
  Partition(2049);
  EXPECT_THAT(Mount({.type = "ext4", .options = "dax"}, "pmem0p1"),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(),
              ElementsAre("EXT4-fs (pmem0p1): DAX enabled. Warning: "
                          "EXPERIMENTAL, use at your own risk",
                          "VFS (pmem0p1): error: unaligned partition for dax"));
  EXPECT_THAT(Mount({.type = "ext4", .options = "dax=always"}),
              HasErrno(EINVAL));
  // A table of a leg that starts inside a page is DAX there, and no use.
  ASSERT_THAT(Create("d", {Row(0, 2040, "linear", "/dev/pmem0 1")}), IsOk());
  EXPECT_THAT(Mount({.type = "ext4", .options = "dax"}, "dm-0"),
              HasErrno(EINVAL));
  EXPECT_EQ(Log().back(), "VFS (dm-0): error: dax access failed (-22)");
  ASSERT_THAT(Mount({.type = "ext4"}, "dm-0"), IsOk());
  EXPECT_THAT(Log(), IsEmpty());
}

TEST_F(DaxMountTest, Ext4sIntervalFitsAndDelayIsNotJournalled) {
  for (const char* wrong :
       {"commit=4294967295", "delalloc,data=journal",
        "data=journal,delalloc,nodelalloc", "commit=8589935"}) {
    EXPECT_THAT(Mount({.type = "ext4", .options = wrong}), HasErrno(EINVAL))
        << wrong;
  }
  EXPECT_THAT(Log(), testing::Contains(testing::HasSubstr(
                         "Invalid commit interval 8589935, must be smaller "
                         "than 8589934")));
  for (const char* right : {"commit=8589934", "nodelalloc,data=journal"}) {
    EXPECT_THAT(Mount({.type = "ext4", .options = right}), IsOk()) << right;
  }
}

// A misspelt option must not look like a machine without DAX.
TEST_F(DaxMountTest, WhatTheFileSystemDoesNotKnowIsRefused) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"dax=always,foo", "ext4: Unknown parameter 'foo'"},
      {"DAX", "ext4: Unknown parameter 'DAX'"},
      {"commit=x", "ext4: Bad value for 'commit'"},
      {"commit", "ext4: Bad value for 'commit'"},
      {"acl=1", "ext4: Unexpected value for 'acl'"},
      {"dax=Always", "ext4: Bad value for 'dax'"},
      {"errors=never", "ext4: Bad value for 'errors'"}};
  for (const auto& [options, line] : kWrong) {
    EXPECT_THAT(Mount({.type = "ext4", .options = options}), HasErrno(EINVAL));
    EXPECT_THAT(Log(), ElementsAre(line)) << options;
  }
  EXPECT_THAT(Mount({.type = "ext4",
                     .options = "noatime,commit=5,barrier,barrier=0,acl,"
                                "usrjquota=,mb_optimize_scan=1,dax=always"}),
              IsOk());
  EXPECT_THAT(Mount({.type = "ext2", .options = "foo"}), HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("ext2: Unknown parameter 'foo'"));
  EXPECT_THAT(Mount({.type = "xfs", .options = "noquota,acl"}),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("xfs: Unknown parameter 'acl'"));
}

TEST_F(DaxMountTest, Before517Ext4ReadsItsOptionsItself) {
  Boot("v5_10");
  EXPECT_THAT(Mount({.type = "ext4", .options = "foo=1"}), HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("EXT4-fs (pmem0): Unrecognized mount option "
                                 "\"foo=1\" or missing value"));
}

TEST_F(DaxMountTest, ProjectQuotasNeedTheFeature) {
  EXPECT_THAT(Mount({.type = "ext4", .options = "prjquota,dax=always"}),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("EXT4-fs: Project quota feature not enabled. "
                                 "Cannot enable project quota enforcement."));
  EXPECT_THAT(
      Mount(
          {.type = "ext4", .options = "prjquota,dax=always", .project = true}),
      IsOk());
}

TEST_F(DaxMountTest, Ext4BlocksLargerThanAPage) {
  EXPECT_THAT(Mount({.type = "ext2",
                     .options = "dax=always,data=ordered",
                     .block_size = 8192}),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("EXT4-fs (pmem0): bad block size 8192"));
  Boot("v7_2");
  EXPECT_THAT(Mount({.type = "ext4", .block_size = 8192}), IsOk());
  EXPECT_THAT(Mount({.type = "ext2", .block_size = 8192}), HasErrno(EINVAL));
}

TEST_F(DaxMountTest, WithoutAJournalItsOptionsAreRefused) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"commit=7", "commit=7"},
      {"data=ordered,commit=7,journal_checksum", "journal_checksum"},
      {"noload,data=writeback", "data="},
      {"data_err=abort", "data_err=abort"}};
  for (const auto& [options, word] : kWrong) {
    EXPECT_THAT(
        Mount({.type = "ext4", .options = options, .has_journal = false}),
        HasErrno(EINVAL));
    EXPECT_THAT(Log(),
                ElementsAre(absl::StrCat("EXT4-fs (pmem0): can't mount with ",
                                         word, ", fs mounted w/o journal")));
  }
  EXPECT_THAT(Mount({.type = "ext4",
                     .options = "commit=5,data_err=ignore",
                     .has_journal = false}),
              IsOk());
  EXPECT_THAT(Mount({.type = "ext4", .options = "data=ordered"}), IsOk());
}

TEST_F(DaxMountTest, XfsOptionsThatTheSuperBlockDecidesAbout) {
  EXPECT_THAT(Mount({.type = "xfs", .options = "noattr2"}), HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("XFS (pmem0): Cannot mount a V5 filesystem as "
                                 "noattr2. attr2 is always enabled for V5 "
                                 "filesystems."));
  EXPECT_THAT(Mount({.type = "xfs", .options = "noattr2", .xfs_v4 = true}),
              IsOk());
  EXPECT_THAT(Mount({.type = "xfs", .options = "sunit=8,swidth=8"}),
              HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("XFS (pmem0): cannot change alignment: "
                                 "superblock does not support data alignment"));
  EXPECT_THAT(
      Mount({.type = "xfs", .options = "sunit=8,swidth=8", .has_dalign = true}),
      IsOk());
  EXPECT_THAT(
      Mount({.type = "xfs", .options = "sunit=4,swidth=8", .has_dalign = true}),
      HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("XFS (pmem0): alignment check failed: "
                                 "sunit/swidth vs. blocksize(4096)"));
}

TEST_F(DaxMountTest, XfsBlocksLargerThanAPage) {
  EXPECT_THAT(Mount({.type = "xfs", .block_size = 65536}), HasErrno(ENOSYS));
  EXPECT_THAT(Log(), ElementsAre("XFS (pmem0): File system with blocksize "
                                 "65536 bytes. Only pagesize (4096) or less "
                                 "will currently work."));
  Boot("v6_12");
  EXPECT_THAT(Mount({.type = "xfs", .block_size = 65536}), IsOk());
}

TEST_F(DaxMountTest, UnknownTypes) {
  EXPECT_EQ(Mount({.type = "btrfs"}).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace dmdax
