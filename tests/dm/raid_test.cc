// SPDX-License-Identifier: Apache-2.0
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

class RaidTest : public TargetTest {
 protected:
  std::string WhyNot(const std::string& words, uint64_t length = 8192) {
    return Why("raid", words, length);
  }
  const std::string two_ = " 2 - /dev/pmem0 - /dev/pmem1";
  const std::string three_ = " 3 - /dev/pmem0 - /dev/pmem1 - /dev/sda";
};

TEST_F(RaidTest, RefusesInTheKernelsOrder) {
  EXPECT_EQ(WhyNot(""), "No arguments");
  EXPECT_EQ(WhyNot("raid7 0 1 - /dev/sda"), "Unrecognised raid_type");
  EXPECT_EQ(WhyNot("raid1 9 0" + two_),
            "Cannot understand number of raid parameters");
  EXPECT_EQ(WhyNot("raid1 1 0 3 - /dev/pmem0"),
            "Cannot understand number of raid devices parameters");
  EXPECT_EQ(WhyNot("raid5_ls 1 64 1 - /dev/pmem0"),
            "Insufficient number of devices");
  EXPECT_EQ(WhyNot("raid5_ls 1 7" + three_), "Chunk size must be a power of 2");
  EXPECT_EQ(WhyNot("raid5_ls 1 4" + three_), "Chunk size value is too small");
  EXPECT_EQ(WhyNot("raid1 0" + two_),
            "Bad numerical argument given in raid params");
  EXPECT_EQ(WhyNot("raid1 3 0 nothing 1" + two_),
            "Unable to parse RAID parameter");
  EXPECT_EQ(WhyNot("raid1 3 0 sync nosync" + two_),
            "sync and nosync are mutually exclusive");
  EXPECT_EQ(WhyNot("raid1 3 0 region_size 7" + two_),
            "Region size is not a power of 2");
  EXPECT_EQ(WhyNot("raid0 2 8 sync" + two_), "Invalid flags combination");
  EXPECT_EQ(WhyNot("raid1 3 0 max_write_behind 40000" + two_),
            "Max write-behind limit out of range");
  EXPECT_EQ(WhyNot("raid5_ls 1 64" + three_, 8191),
            "Target length not divisible by number of data devices");
  EXPECT_EQ(WhyNot("raid1 1 0" + two_, 400000),
            "Component device(s) too small");
  EXPECT_EQ(WhyNot("raid1 1 0 2 - - - -"), "Invalid rdev size");
}

TEST_F(RaidTest, TypesAreMatchedWithoutCase) {
  ASSERT_EQ(WhyNot("RAID1 3 128 write_mostly 0" + two_), "");
  EXPECT_EQ(Table("d"),
            "0 8192 raid raid1 3 0 write_mostly 0 2 - 259:0 - 259:1\n");
  EXPECT_EQ(Status(), "0 8192 raid raid1 2 AA 8192/8192 idle 0 0 -\n");
}

// An offset alone moves nothing; with devices that are to come data begins
// there.
TEST_F(RaidTest, DataOffset) {
  ASSERT_EQ(WhyNot("raid1 3 0 data_offset 2048" + two_), "");
  EXPECT_EQ(Table("d"),
            "0 8192 raid raid1 3 0 data_offset 2048 2 - 259:0 - 259:1\n");
  EXPECT_EQ(Status(), "0 8192 raid raid1 2 AA 8192/8192 idle 0 0 -\n");
  EXPECT_EQ(Where(9), "pmem0 9");
  ASSERT_EQ(WhyNot("raid1 5 0 data_offset 2048 delta_disks 1" + two_), "");
  EXPECT_EQ(Table("d"),
            "0 8192 raid raid1 5 0 delta_disks 1 data_offset 2048 2 - 259:0 - "
            "259:1\n");
  EXPECT_EQ(Status(), "0 8192 raid raid1 3 AA 8192/8192 idle 0 2048 -\n");
  EXPECT_EQ(Where(9), "pmem0 2057");
  EXPECT_EQ(Where(9, ReqOp::kWrite), "pmem0 2057");
  Log();
  ASSERT_EQ(WhyNot("raid1 5 0 data_offset 2048 delta_disks -1" + two_), "");
  EXPECT_THAT(Log(), testing::Contains(
                         "device-mapper: raid: Failed to check/start reshape, "
                         "continuing without change"));
  EXPECT_EQ(Table("d"),
            "0 8192 raid raid1 5 0 delta_disks -1 data_offset 2048 2 - 259:0 - "
            "259:1\n");
  EXPECT_EQ(Status(), "0 8192 raid raid1 2 AA 8192/8192 idle 0 0 -\n");
  EXPECT_EQ(Where(9), "pmem0 9");
  ASSERT_EQ(WhyNot("raid5_ls 3 64 delta_disks -1" + three_), "");
  EXPECT_THAT(Table("d"),
              StartsWith("0 8192 raid raid5_ls 3 64 delta_disks 0 "));
  EXPECT_THAT(WhyNot("raid5_ls 7 64 region_size 1024 delta_disks 1 "
                     "data_offset 2048" +
                     three_),
              StartsWith("not modelled: "));
  EXPECT_THAT(WhyNot("raid1 5 0 region_size 1024 data_offset 64 2 - - - "
                     "/dev/pmem1"),
              StartsWith("not modelled: "))
      << "the kernel crashes";
}

TEST_F(RaidTest, WhatMdSays) {
  Log();
  ASSERT_THAT(Create("r", {Row(0, 4100, "raid",
                               "raid5_n 3 8 stripe_cache 64 2 - /dev/pmem0 - "
                               "/dev/pmem0")}),
              IsOk());
  EXPECT_THAT(
      Log(),
      ElementsAre("device-mapper: raid: Choosing default region size of 4MiB",
                  "mdX: WARNING: pmem0 appears to be on the same physical disk "
                  "as pmem0.",
                  "True protection against single-disk failure might be "
                  "compromised.",
                  "md/raid:mdX: device pmem0 operational as raid disk 0",
                  "md/raid:mdX: device pmem0 operational as raid disk 1",
                  "md/raid:mdX: raid level 5 active with 2 out of 2 devices, "
                  "algorithm 5",
                  "device-mapper: raid: 64 stripe cache entries"));
}

TEST_F(RaidTest, ASetThatMdDoesNotRun) {
  EXPECT_EQ(WhyNot("raid0 1 128 2 - /dev/pmem0 - -"),
            "Failed to run raid array");
  EXPECT_EQ(WhyNot("raid10 1 128" + two_), "Failed to run raid array");
  EXPECT_EQ(WhyNot("raid6_zr 1 128" + three_), "Failed to run raid array");
  EXPECT_EQ(WhyNot("raid1 1 0 2 - /dev/pmem0 - -"), "");
  EXPECT_EQ(Status(), "0 8192 raid raid1 2 A- 8192/8192 idle 0 0 -\n");
  EXPECT_EQ(Table("d", DM_IMA_MEASUREMENT_FLAG),
            "0 8192 raid target_name=raid,target_version=1.15.1,"
            "raid_type=raid1,raid_disks=2,raid_state=idle,"
            "raid_device_0_status=A,raid_device_1_status=-;\n");
  EXPECT_EQ(WhyNot("raid5_n 1 128" + two_), "");
  EXPECT_THAT(Table("d", DM_IMA_MEASUREMENT_FLAG),
              testing::HasSubstr(",journal_dev_mode=writethrough;"));
}

TEST_F(RaidTest, ANewSetIsResynchronised) {
  const std::string set = " 2 /dev/mem0 /dev/pmem0 /dev/mem1 /dev/pmem1";
  Log();
  ASSERT_THAT(Create("r", {Row(0, 8192, "raid", "raid1 1 0" + set)}), IsOk());
  EXPECT_THAT(
      Log(),
      ElementsAre("device-mapper: raid: Choosing default region size of 4MiB",
                  "device-mapper: raid: Superblocks created for new raid set",
                  "md/raid1:mdX: not clean -- starting background "
                  "reconstruction",
                  "md/raid1:mdX: active with 2 out of 2 mirrors",
                  "mdX: bitmap file is out of date, doing full recovery",
                  "md: resync of RAID array mdX", "md: mdX: resync done."));
  ASSERT_THAT(Remove("r"), IsOk());
  for (const char* meta : {"mem0", "mem1"}) {
    ASSERT_THAT(BioWrite(*machine().FindBdevByName(meta), sector_t{0},
                         std::string(kSectorSize, '\0')),
                IsOk());
  }
  EXPECT_EQ(WhyNot("raid1 1 0 2 /dev/mem0 /dev/pmem0 - /dev/pmem1"),
            "Unable to assemble array: Invalid superblocks");
  ASSERT_EQ(WhyNot("raid10 1 128" + set), "");
  EXPECT_EQ(Status(), "0 8192 raid raid10 2 AA 8192/8192 idle 0 0 -\n");
}

TEST_F(RaidTest, MessagesByKernel) {
  ASSERT_EQ(WhyNot("raid1 1 0" + two_), "");
  EXPECT_EQ(Message("check"), "");
  EXPECT_EQ(Message("idle"), "");
  EXPECT_EQ(Message("bogus"), "EINVAL");
  ASSERT_EQ(WhyNot("raid0 1 128" + two_), "");
  EXPECT_EQ(Message("check"), "EINVAL");
  EXPECT_EQ(Where(128), "pmem1 0");
  Boot("v6_12");
  ASSERT_EQ(WhyNot("raid1 1 0" + two_), "");
  EXPECT_EQ(Message("idle"), "EINVAL");
  ASSERT_THAT(Suspend("d"), IsOk());
  EXPECT_EQ(Message("check"), "EBUSY");
}

TEST_F(RaidTest, ASuspendedSetIsFrozen) {
  ASSERT_EQ(Why("raid", "raid1 2 64 nosync 2 - /dev/sda - /dev/mem0"), "");
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 AA 2048/2048 idle 0 0 -\n");
  ASSERT_THAT(Suspend("d"), IsOk());
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 AA 0/2048 frozen 0 0 -\n");
  EXPECT_EQ(Message("resync"), "");
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 AA 2048/2048 idle 0 0 -\n");
  EXPECT_EQ(Message("Repair"), "");
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 AA 0/2048 repair 0 0 -\n");
  EXPECT_EQ(Message("check"), "EBUSY");
  Log();
  ASSERT_THAT(Resume("d"), IsOk());
  EXPECT_EQ(Log(),
            (std::vector<std::string>{"md: requested-resync of RAID array mdX",
                                      "md: mdX: requested-resync done."}));
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 AA 2048/2048 idle 0 0 -\n");
  EXPECT_EQ(Message("frozen"), "");
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 AA 0/2048 frozen 0 0 -\n");
}

}  // namespace
}  // namespace dmdax
