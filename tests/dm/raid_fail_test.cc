// SPDX-License-Identifier: Apache-2.0
// What md makes of a device that fails, and what its superblocks remember: as
// kernels 5.10 and 6.1 answered.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/dm/raid_set_testing.h"

namespace dmdax {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

using RaidFailTest = RaidSetTest;

constexpr char kRevives[] = "  Attempting to revive it.";

TEST_F(RaidFailTest, SuperblocksAreThoseOfTheKernel) {
  ASSERT_EQ(Why("raid", Raid10({0, 1, 2, 3}), 2 * kSectors), "");
  EXPECT_EQ(Super(2, 0, 4), 0x64526D44u);
  EXPECT_EQ(Super(2, 4, 4), 1u) << "extended";
  EXPECT_EQ(Super(2, 8, 4), 4u) << "devices";
  EXPECT_EQ(Super(2, 12, 4), 2u) << "position";
  EXPECT_EQ(FailedOf(2), 0u);
  EXPECT_EQ(Super(2, 32, 8), ~uint64_t{0}) << "recovered";
  EXPECT_EQ(Super(2, 40, 8), ~uint64_t{0}) << "in sync";
  EXPECT_EQ(Super(2, 48, 4), 10u) << "level";
  EXPECT_EQ(Super(2, 52, 4), 0x102u) << "layout";
  EXPECT_EQ(Super(2, 56, 4), 128u) << "chunk";
  EXPECT_EQ(Super(2, 64, 8), ~uint64_t{0}) << "not reshaped";
  EXPECT_EQ(Super(2, 72, 4), 10u);
  EXPECT_EQ(Super(2, 76, 4), 0x102u);
  EXPECT_EQ(Super(2, 80, 4), 128u);
  EXPECT_EQ(Super(2, 88, 8), 4096u) << "of the array";
  EXPECT_EQ(Super(2, 112, 8), 2048u) << "of a device";
  // A table of the same words finds it so.
  Log();
  ASSERT_THAT(Remove("d"), IsOk());
  ASSERT_THAT(Create("d", {Row(0, 2 * kSectors, "raid", Raid10({0, 1, 2, 3}))}),
              IsOk());
  EXPECT_THAT(Log(),
              ElementsAre("md/raid10:mdX: active with 4 out of 4 devices"));
  EXPECT_EQ(Events(), 0u);
  // raid0 has none.
  ASSERT_EQ(Why("raid", "raid0 1 128" + Devs({4, 4})), "");
  EXPECT_EQ(Super(4, 0, 4), 0u);
}

TEST_F(RaidFailTest, ALegThatFailsIsPutOut) {
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  EXPECT_EQ(Events(), 1u);
  Break(1);
  Log();
  EXPECT_EQ(Write('w'), "");
  EXPECT_THAT(Log(), ElementsAre("md/raid1:mdX: Disk failure on dm-2, "
                                 "disabling device.\n"
                                 "md/raid1:mdX: Operation continuing on 1 "
                                 "devices."));
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 AD 2048/2048 idle 0 0 -\n");
  EXPECT_EQ(Events(), 2u);
  EXPECT_EQ(FailedOf(0), 2u);
  EXPECT_EQ(FailedOf(1), 0u);
  EXPECT_GT(EventsOf(0), EventsOf(1));
  EXPECT_EQ(Read(7), "w");
  // It is tried again by each resume, with what the bitmap says it has missed.
  SuspendAndResume();
  EXPECT_THAT(
      Log(),
      ElementsAre("device-mapper: raid: Faulty raid1 device #1 has readable "
                  "super block.  Attempting to revive it.",
                  "md: recovery of RAID array mdX",
                  HasSubstr("Disk failure on dm-2, disabling device."),
                  "md: mdX: recovery interrupted."));
  EXPECT_EQ(Health(), "AD");
  EXPECT_EQ(Events(), 4u);
  Mend(1);
  EXPECT_EQ(Health(), "AD");
  SuspendAndResume();
  EXPECT_THAT(Log(),
              ElementsAre(HasSubstr(kRevives), "md: recovery of RAID array mdX",
                          "md: mdX: recovery done."));
  EXPECT_EQ(Health(), "AA");
  EXPECT_EQ(Events(), 5u);
  EXPECT_EQ(FailedOf(0), 0u);
  EXPECT_EQ(EventsOf(0), EventsOf(1));
  EXPECT_EQ(ReadOf("l1", 7), "w");
}

TEST_F(RaidFailTest, AReadThatFailsIsServedByAnother) {
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  ASSERT_EQ(Write('r'), "");
  Break(0);
  Log();
  EXPECT_EQ(Read(0), "r");
  EXPECT_THAT(Log(),
              ElementsAre("md/raid1:mdX: dm-0: rescheduling sector 0",
                          HasSubstr("Disk failure on dm-0, disabling device."),
                          "md/raid1:mdX: redirecting sector 0 to other mirror: "
                          "dm-2"));
  EXPECT_EQ(Read(128), "r");
  EXPECT_EQ(Health(), "DA");
  EXPECT_EQ(Events(), 2u);
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "") << "with a leg that reads EIO";
}

TEST_F(RaidFailTest, TheLastLegStays) {
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  Break(1);
  EXPECT_EQ(Write('a'), "");
  Break(0);
  EXPECT_EQ(Write('b'), "EIO");
  EXPECT_EQ(Write('c'), "EIO");
  EXPECT_EQ(Read(0), "EIO");
  EXPECT_EQ(Health(), "AD");
  EXPECT_EQ(Events(), 4u);
  Mend(0);
  Mend(1);
  EXPECT_EQ(Write('d'), "");
  EXPECT_EQ(Read(0), "d");
  // What has failed meanwhile does not come back, but by a new table.
  SuspendAndResume();
  EXPECT_THAT(Log(), ElementsAre(HasSubstr(kRevives)));
  EXPECT_EQ(Health(), "AD");
  SaveAndRestore();
  Reload(Raid1({0, 1}));
  EXPECT_EQ(Health(), "AA");
  EXPECT_EQ(ReadOf("l1", 0), "d");
}

TEST_F(RaidFailTest, CopiesAndParityServe) {
  ASSERT_EQ(Why("raid", Raid10({0, 1, 2, 3}), 2 * kSectors), "");
  ASSERT_EQ(Write('x', 0, 4096), "");
  Break(0);
  Log();
  EXPECT_EQ(Read(0), "x");
  EXPECT_THAT(
      Log(),
      ElementsAre("md/raid10:mdX: dm-0: rescheduling sector 0",
                  HasSubstr("Operation continuing on 3 devices."),
                  "md/raid10:mdX: read correction write failed (1 sectors at 0 "
                  "on dm-0)",
                  "md/raid10:mdX: dm-0: failing drive",
                  "md/raid10:mdX: dm-2: redirecting sector 0 to another "
                  "mirror"));
  EXPECT_EQ(Health(), "DAAA");
  Break(1);
  EXPECT_EQ(Write('y', 0, 4096), "EIO");
  EXPECT_EQ(Health(), "DAAA");
  Mend(0);
  Mend(1);
  SuspendAndResume();
  EXPECT_EQ(Health(), "AAAA");
  for (const auto& [words, health] : {std::pair{Raid5({0, 1, 2}), "ADA"},
                                      {Raid6({0, 1, 2, 3, 4}), "ADAAA"}}) {
    Blank();
    ASSERT_EQ(Why("raid", words, health == std::string("ADA") ? 4096 : 6144),
              "");
    ASSERT_EQ(Write('p', 0, 1024), "");
    Break(1);
    Log();
    EXPECT_EQ(Write('q'), "");
    EXPECT_THAT(
        Log(), ElementsAre("md/raid:mdX: Disk failure on dm-2, disabling "
                           "device.",
                           HasSubstr("md/raid:mdX: Operation continuing on ")));
    EXPECT_EQ(Health(), health);
    for (const uint64_t sector : {0, 127, 128, 300, 511}) {
      EXPECT_EQ(Read(sector), "q") << sector;
    }
    EXPECT_EQ(Read(600), "p");
    Mend(1);
    SuspendAndResume();
    EXPECT_THAT(Health(), Not(HasSubstr("D")));
    // Now the others may go.
    Break(0);
    for (const uint64_t sector : {0, 127, 128, 300, 511}) {
      EXPECT_EQ(Read(sector), "q") << sector;
    }
    EXPECT_EQ(Read(600), "p");
    Mend(0);
    ASSERT_THAT(Remove("d"), IsOk());
  }
}

TEST_F(RaidFailTest, ParityThatLosesTooMuchEnds) {
  ASSERT_EQ(Why("raid", Raid5({0, 1, 2}), 2 * kSectors), "");
  Break(1);
  EXPECT_EQ(Write('a'), "");
  Break(0);
  Log();
  EXPECT_EQ(Write('b'), "EIO");
  EXPECT_THAT(
      Log(), ElementsAre("md/raid:mdX: Disk failure on dm-0, disabling device.",
                         "md/raid:mdX: Cannot continue operation (2/3 "
                         "failed)."));
  EXPECT_EQ(Status(), "0 4096 raid raid5_ls 3 DDA 2048/2048 idle 0 0 -\n");
  EXPECT_EQ(Events(), 3u);
  EXPECT_EQ(Write('c'), "EIO");
  Mend(0);
  Mend(1);
  SuspendAndResume();
  EXPECT_THAT(Log(), ElementsAre(HasSubstr(kRevives), HasSubstr(kRevives)));
  EXPECT_EQ(Health(), "DDA");
  EXPECT_EQ(Events(), 3u);
}

TEST_F(RaidFailTest, LaterKernelsTryAgain) {
  BootWithMemory("v7_2");
  SetUp();
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  Break(1);
  EXPECT_EQ(Write('a'), "");
  Break(0);
  EXPECT_EQ(Write('b'), "EIO");
  Mend(0);
  Mend(1);
  SuspendAndResume();
  EXPECT_THAT(Log(),
              ElementsAre(HasSubstr(kRevives), "md: recover of RAID array mdX",
                          "md: mdX: recover done."));
  EXPECT_EQ(Health(), "AA");
}

TEST_F(RaidFailTest, AReadOfTwoThatFailPutsOutTheLastFirst) {
  ASSERT_EQ(Why("raid", Raid5({0, 1, 2}), 2 * kSectors), "");
  Break(0);
  Break(1);
  Log();
  EXPECT_EQ(Read(0), "EIO");
  EXPECT_THAT(Log(),
              ElementsAre(HasSubstr("Disk failure on dm-2"),
                          HasSubstr("continuing on 2 devices"),
                          HasSubstr("Disk failure on dm-0"),
                          HasSubstr("Cannot continue operation (2/3 failed)")));
  EXPECT_EQ(Events(), 2u);
}

TEST_F(RaidFailTest, ASuperblockThatCanNotBeWritten) {
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  Put("m1", Row(0, 2048, "error", ""));
  Log();
  EXPECT_EQ(Write('s'), "");
  EXPECT_THAT(Log(), ElementsAre("md: super_written gets error=-5",
                                 HasSubstr("Disk failure on dm-2")));
  EXPECT_EQ(Health(), "AD");
  SuspendAndResume();
  EXPECT_THAT(Log(), ElementsAre("device-mapper: raid: Failed to read "
                                 "superblock of device at position -1"));
  ASSERT_THAT(Remove("d"), IsOk());
  ASSERT_THAT(Create("d", {Row(0, kSectors, "raid", Raid1({0, 1}))}), IsOk());
  EXPECT_THAT(Log(),
              ElementsAre("device-mapper: raid: Failed to read superblock of "
                          "device at position 1",
                          "md/raid1:mdX: active with 1 out of 2 mirrors"));
  EXPECT_EQ(Health(), "AD");
}

TEST_F(RaidFailTest, AMetadataDeviceWithoutRoomForTheBitmapIsPutOut) {
  Put("m1", Row(0, 8, "linear", "/dev/mem1 8192"));
  Log();
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  EXPECT_THAT(Log(),
              Contains("dmsetup: attempt to access beyond end of device\n"
                       "dm-3: rw=432129, sector=8, nr_sectors = 1 limit=8"));
  EXPECT_EQ(Health(), "AD");
  EXPECT_EQ(Events(), 2u);
  EXPECT_EQ(Super(1, 0, 4), 0u) << "it never gets a superblock";
  // The last one is not put out, but there is no bitmap to be read.
  Blank();
  Put("m0", Row(0, 8, "linear", "/dev/mem1 0"));
  Log();
  EXPECT_THAT(Create("d", {Row(0, kSectors, "raid", Raid1({0, 1}))}),
              HasErrno(EIO));
  EXPECT_THAT(Log(), Contains("device-mapper: raid: Failed to load bitmap"));
}

TEST_F(RaidFailTest, WhatFailedIsSaved) {
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  Break(1);
  EXPECT_EQ(Write('a'), "");
  const std::string state = Ti().type->save_state(Ti());
  EXPECT_THAT(state, HasSubstr(" 12 ")) << "in sync; put out";
  SaveAndRestore();
  EXPECT_EQ(Health(), "AD");
  EXPECT_EQ(Read(0), "a");
}

}  // namespace
}  // namespace dmdax
