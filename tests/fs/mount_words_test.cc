// SPDX-License-Identifier: Apache-2.0
//
// What the words of a mount name: super blocks, journals, logs, quotas.  As
// recorded of the kernels (mount_data of the corpus).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "fs/dax_mount.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MountWordsTest : public DmTest {
 protected:
  absl::StatusOr<SuperBlock> Mount(const MountRequest& request,
                                   absl::string_view disk = "pmem0") {
    machine().log().TakeNew();
    return MountDax(request, *machine().FindBdevByName(disk),
                    machine().profile(), machine().log(), &machine());
  }
  absl::StatusOr<SuperBlock> Ext4(const std::string& options) {
    return Mount({.type = "ext4",
                  .options = options,
                  .log = LogPlace::kWithin,
                  .options_of = OptionsOf::kMount2});
  }
  absl::StatusOr<SuperBlock> Xfs(const std::string& options,
                                 LogPlace log = LogPlace::kWithin) {
    return Mount({.type = "xfs",
                  .options = options,
                  .log = log,
                  .options_of = OptionsOf::kMount2});
  }
};

TEST_F(MountWordsTest, Ext4ReadsTheSuperBlockThatSbNames) {
  EXPECT_THAT(Ext4("sb=0"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("EXT4-fs (pmem0): VFS: Can't find ext4 "
                                 "filesystem"));
  EXPECT_THAT(Ext4("sb=4294967295"), HasErrno(ENOMEM));
  EXPECT_THAT(Log(), ElementsAre("EXT4-fs (pmem0): unable to read superblock"));
  EXPECT_THAT(Ext4("sb=0x1,dax"), IsOk());
  EXPECT_THAT(Ext4("dax,sb=0"), HasErrno(EINVAL));
}

// Its own parser is shown what stands first.
TEST_F(MountWordsTest, Before517SbCountsInFrontOnly) {
  Boot("v5_10");
  EXPECT_THAT(Ext4("sb=0,dax"), HasErrno(EINVAL));
  EXPECT_THAT(Ext4("dax,sb=0"), IsOk());
}

TEST_F(MountWordsTest, Ext4LooksForTheJournal) {
  EXPECT_THAT(Ext4("journal_path=/dev/nope"), HasErrno(EINVAL));
  EXPECT_THAT(
      Log(), ElementsAre("journal_path: Lookup failure for '/dev/nope'",
                         "EXT4-fs: error: could not find journal device path"));
  EXPECT_THAT(Ext4("journal_path=/dev"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), Contains("journal_path: Non-blockdev passed as '/dev'"));
  EXPECT_THAT(Ext4("journal_path=/dev/pmem1"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), Contains(HasSubstr("both journal inode and journal "
                                        "device")));
  EXPECT_THAT(Ext4("journal_path=/dev/pmem1,noload"), IsOk());
}

TEST_F(MountWordsTest, Ext4sQuotaFiles) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"usrjquota=a/b,jqfmt=vfsv0", "quotafile must be on filesystem root"},
      {"usrjquota=a,usrjquota=b", "user quota file already specified"},
      {"grpjquota=a,grpjquota=b", "group quota file already specified"},
      {"usrjquota=a,jqfmt=vfsv0,grpquota", "old and new quota format mixing"},
      {"grpjquota=a,jqfmt=vfsv0,quota", "old and new quota format mixing"},
      {"usrjquota=a", "journaled quota format not specified"}};
  for (const auto& [options, words] : kWrong) {
    EXPECT_THAT(Ext4(options), HasErrno(EINVAL)) << options;
    EXPECT_THAT(Log(), ElementsAre(absl::StrCat("EXT4-fs: ", words)));
  }
  for (const char* right :
       {"usrjquota=a,usrjquota=a,jqfmt=vfsv0", "usrjquota=a,usrjquota=",
        "usrjquota=a,jqfmt=vfsv0,usrquota", "usrjquota=a,usrjquota=,grpquota",
        "usrjquota=a,jqfmt=vfsv1,grpquota,noquota"}) {
    EXPECT_THAT(Ext4(right), IsOk()) << right;
  }
  Boot("v5_10");
  EXPECT_THAT(Ext4("usrjquota=a,usrjquota=b/c"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("EXT4-fs (pmem0): user quota file already "
                                 "specified"));
}

TEST_F(MountWordsTest, NobodyOwnsReservedBlocks) {
  EXPECT_THAT(Ext4("resuid=4294967294"), IsOk());
  EXPECT_THAT(Ext4("resgid=4294967295"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("EXT4-fs: Invalid gid value -1"));
  Boot("v7_2");
  EXPECT_THAT(Ext4("resuid=0xffffffff"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), ElementsAre("ext4: Invalid uid '0xffffffff'"));
  // An int holds less.
  Boot("v5_10");
  for (const char* word : {"resuid=4294967294", "resuid=4294967296"}) {
    EXPECT_THAT(Ext4(word), HasErrno(EINVAL)) << word;
    EXPECT_THAT(Log(), IsEmpty()) << word;
  }
}

TEST_F(MountWordsTest, ScanIsOneOrNone) {
  EXPECT_THAT(Ext4("mb_optimize_scan=-1"), HasErrno(EINVAL));
  EXPECT_THAT(Ext4("mb_optimize_scan=0"), IsOk());
}

TEST_F(MountWordsTest, OfTheVfsTheSystemCallTakesFlags) {
  for (const char* word : {"sync", "ro=1", "lazytime", "nomand", "rw"}) {
    EXPECT_THAT(Ext4(word), IsOk()) << word;
    EXPECT_THAT(Xfs(word), IsOk()) << word;
  }
  for (const char* word : {"noatime", "context=x", "x-foo", "defaults"}) {
    EXPECT_THAT(Ext4(word), HasErrno(EINVAL)) << word;
    EXPECT_THAT(Xfs(word), HasErrno(EINVAL)) << word;
    EXPECT_THAT(Mount({.type = "xfs", .options = word}), IsOk()) << word;
  }
}

TEST_F(MountWordsTest, XfsOpensItsDevices) {
  EXPECT_THAT(Xfs("logdev=/dev/nope"), HasErrno(ENOENT));
  EXPECT_THAT(Log(), ElementsAre("XFS (pmem0): Invalid device [/dev/nope], "
                                 "error=-2"));
  EXPECT_THAT(Xfs("rtdev=/dev"), HasErrno(ENOTBLK));
  EXPECT_THAT(Xfs("rtdev=/dev/pmem1"), IsOk());
  EXPECT_THAT(Xfs("rtdev=/dev/pmem1,logdev=/dev/pmem1"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), Contains(HasSubstr("identical rtdev and ddev/logdev")));
  ASSERT_THAT(
      Create(
          "d",
          {{.length = 8, .target_type = "linear", .params = "/dev/pmem1 0"}}),
      IsOk());
  EXPECT_THAT(Xfs("logdev=/dev/pmem1"), HasErrno(EBUSY));
}

TEST_F(MountWordsTest, XfsHasItsLogWhereMkfsPutIt) {
  EXPECT_THAT(Xfs("logdev=/dev/pmem1"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), Contains(HasSubstr("marked as having an internal log")));
  EXPECT_THAT(Xfs("", LogPlace::kOutside), HasErrno(EINVAL));
  EXPECT_THAT(Log(), Contains(HasSubstr("marked as having an external log")));
  EXPECT_THAT(Xfs("logdev=/dev/pmem1", LogPlace::kOutside), IsOk());
  EXPECT_THAT(Xfs("logdev=/dev/pmem1", LogPlace::kUnknown), IsOk());
}

// Since 6.6 it is open in the name of the same super block.
TEST_F(MountWordsTest, TheMountedDeviceAsItsLog) {
  EXPECT_THAT(Xfs("logdev=/dev/pmem0"), HasErrno(EBUSY));
  Boot("v6_12");
  EXPECT_THAT(Xfs("logdev=/dev/pmem0"), IsOk());
  EXPECT_THAT(Xfs("rtdev=/dev/pmem0"), HasErrno(EINVAL));
}

TEST_F(MountWordsTest, OneOfTwoDevicesHasDax) {
  const auto sb =
      Mount({.type = "xfs", .options = "dax=always,rtdev=/dev/pmem1"}, "sda");
  ASSERT_THAT(sb, IsOk());
  EXPECT_EQ(sb->DaxOption(), "dax=always");
  EXPECT_FALSE(sb->ShouldEnableDax(/*inode_flag=*/true));
}

TEST_F(MountWordsTest, Attr2IsEither) {
  EXPECT_THAT(Xfs("attr2,noattr2"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), Contains(HasSubstr("cannot both be specified")));
  Boot("v5_10");
  EXPECT_THAT(Xfs("attr2,noattr2"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), Contains(HasSubstr("Cannot mount a V5 filesystem")));
  Boot("v7_2");
  EXPECT_THAT(Xfs("attr2,noattr2"), IsOk());
}

}  // namespace
}  // namespace dmdax
