// SPDX-License-Identifier: Apache-2.0
// Legs that come back, are replaced, added and taken away, and sets that take
// over other levels, grow and are checked: as kernels 5.10 and 6.1 answered.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/dm/raid_set_testing.h"

namespace dmdax {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using RaidConvertTest = RaidSetTest;

TEST_F(RaidConvertTest, WhatIsBackGetsWhatItHasMissed) {
  for (const bool parity : {false, true}) {
    const uint64_t length = parity ? 2 * kSectors : kSectors;
    auto words = [&](const std::vector<int>& two) {
      if (!parity) return Raid1(two);
      return Raid5({two[0], two[1], 4});
    };
    Blank();
    ASSERT_EQ(Why("raid", words({0, 1}), length), "");
    ASSERT_EQ(Why("raid", words({0, -1}), length), "");
    EXPECT_EQ(Events(), 0u);
    EXPECT_EQ(Write('n'), "");
    EXPECT_EQ(FailedOf(0), 2u);
    EXPECT_EQ(FailedOf(1), 0u);
    ASSERT_THAT(Remove("d"), IsOk());
    ASSERT_THAT(Create("d", {Row(0, length, "raid", words({0, 1}))}), IsOk());
    EXPECT_THAT(Log(), Contains("md: mdX: recovery done."));
    EXPECT_EQ(Events(), 1u);
    EXPECT_THAT(Health(), Not(HasSubstr("a")));
    Break(0);
    EXPECT_EQ(Read(0), "n");
    EXPECT_EQ(Read(511), "n");
    Mend(0);
    ASSERT_THAT(Remove("d"), IsOk());
  }
}

TEST_F(RaidConvertTest, ALegIsReplacedAddedAndTakenAway) {
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  ASSERT_EQ(Write('o'), "");
  const std::string rebuild = "raid1 5 0 rebuild 1 region_size 1024";
  ASSERT_THAT(Load("d", {Row(0, kSectors, "raid", rebuild + Devs({0, 2}))}),
              IsOk());
  EXPECT_THAT(Log(), Contains("device-mapper: raid: Device 1 specified for "
                              "rebuild; clearing superblock"));
  ASSERT_THAT(Resume("d"), IsOk());
  EXPECT_THAT(Log(), ElementsAre("md: recovery of RAID array mdX",
                                 "md: mdX: recovery done."));
  EXPECT_EQ(Health(), "AA");
  EXPECT_EQ(ReadOf("l2", 9), "o");
  EXPECT_EQ(Super(2, 12, 4), 1u);
  Reload(Raid1({0, 2}));
  EXPECT_THAT(Log(), IsEmpty());
  Reload("raid1 5 0 rebuild 2 region_size 1024" + Devs({0, 2, 3}));
  EXPECT_EQ(Health(), "AAA");
  EXPECT_EQ(ReadOf("l3", 9), "o");
  EXPECT_EQ(Super(0, 8, 4), 3u);
  Reload(Raid1({2, 3}));
  EXPECT_EQ(Health(), "AA");
  // A blank one has to be said to be rebuilt.
  ASSERT_THAT(
      BioWrite(Md("m1").disk(), sector_t{0}, std::string(kSectorSize, '\0')),
      IsOk());
  EXPECT_THAT(Load("d", {Row(0, kSectors, "raid", Raid1({2, 1}))}),
              HasErrno(EINVAL));
  EXPECT_THAT(
      Log(),
      Contains("device-mapper: raid: New device injected into existing raid "
               "set without 'delta_disks' or 'rebuild' parameter specified"));
}

TEST_F(RaidConvertTest, WithoutMetadataALegIsRebuiltToo) {
  ASSERT_THAT(BioWrite(Md("l0").disk(), sector_t{0},
                       std::string(kSectors << kSectorShift, 'z')),
              IsOk());
  ASSERT_EQ(Why("raid",
                "raid1 5 0 rebuild 1 region_size 1024 2 - "
                "/dev/mapper/l0 - /dev/mapper/l1"),
            "");
  EXPECT_THAT(Log(), Contains("md/raid1:mdX: active with 1 out of 2 mirrors"));
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 AA 2048/2048 idle 0 0 -\n");
  EXPECT_EQ(Events(), 1u);
  EXPECT_EQ(ReadOf("l1", 2047), "z");
  Break(0);
  EXPECT_EQ(Read(0), "z");
  EXPECT_EQ(Health(), "DA");
  EXPECT_EQ(Write('w'), "EAGAIN") << "for ever";
}

TEST_F(RaidConvertTest, TakesOverOtherLevels) {
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  ASSERT_EQ(Write('t', 0, kSectors), "");
  Reload("raid5_n 3 128 region_size 1024" + Devs({0, 1}));
  EXPECT_EQ(Status(), "0 2048 raid raid5_n 2 AA 2048/2048 idle 0 0 -\n");
  EXPECT_EQ(Super(0, 48, 4), 5u);
  EXPECT_EQ(Read(2047), "t");
  Reload(Raid1({0, 1}));
  EXPECT_EQ(Super(0, 48, 4), 1u);
  EXPECT_EQ(Read(2047), "t");
  EXPECT_EQ(Why("raid", "raid6_zr 3 128 region_size 1024" + Devs({0, 1, 2, 3})),
            "Unable to assemble array: Invalid superblocks");
}

TEST_F(RaidConvertTest, ParityIsAddedAndTakenAway) {
  ASSERT_EQ(Why("raid", Raid5({0, 1, 2}), 2 * kSectors), "");
  ASSERT_EQ(Write('k', 0, 2 * kSectors), "");
  Reload("raid6_ls_6 5 128 rebuild 3 region_size 1024" + Devs({0, 1, 2, 3}),
         2 * kSectors);
  EXPECT_THAT(
      Log(),
      ElementsAre("mdX: bitmap file is out of date, doing full recovery",
                  "md: recovery of RAID array mdX", "md: mdX: recovery done."));
  EXPECT_EQ(Health(), "AAAA");
  Break(0);
  Break(1);
  EXPECT_EQ(Read(0), "k");
  EXPECT_EQ(Read(4095), "k");
  EXPECT_EQ(Health(), "DDAA");
  Mend(0);
  Mend(1);
  SuspendAndResume();
  Reload(Raid5({0, 1, 2}), 2 * kSectors);
  EXPECT_EQ(Status(), "0 4096 raid raid5_ls 3 AAA 2048/2048 idle 0 0 -\n");
  EXPECT_EQ(Read(4095), "k");
  // Without room for a reshape it stays what it is.
  Reload("raid5_rs 3 128 region_size 1024" + Devs({0, 1, 2}), 2 * kSectors);
  EXPECT_EQ(Status(), "0 4096 raid raid5_ls 3 AAA 2048/2048 idle 0 0 -\n");
  EXPECT_THAT(Table("d"), HasSubstr("raid raid5_rs 3 128 "));
  EXPECT_EQ(Read(4095), "k");
  EXPECT_EQ(Why("raid", Raid5({1, 0, 2}), 2 * kSectors),
            "Cannot change device positions in raid set");
  EXPECT_EQ(Why("raid", Raid5({0, -1, -1}), 2 * kSectors),
            "Insufficient redundancy to activate array");
}

TEST_F(RaidConvertTest, Grows) {
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  ASSERT_THAT(Load("d", {Row(0, 2 * kSectors, "raid", Raid1({0, 1}))}), IsOk());
  EXPECT_THAT(Log(), Contains("md/raid1:mdX: not clean -- starting background "
                              "reconstruction"));
  ASSERT_THAT(Resume("d"), IsOk());
  EXPECT_THAT(Log(), Contains("md: requested-resync of RAID array mdX"));
  EXPECT_EQ(Status(), "0 4096 raid raid1 2 AA 4096/4096 idle 0 0 -\n");
  EXPECT_EQ(Events(), 2u);
  EXPECT_EQ(Super(0, 88, 8), 4096u);
}

TEST_F(RaidConvertTest, DelaysMakeItTakeItsTime) {
  machine().FreezeClock();
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  auto slow = [](int ms) {
    return Row(0, 2 * kSectors, "delay",
               absl::StrCat("/dev/mem0 40960 0 /dev/mem0 40960 ", ms));
  };
  ASSERT_THAT(Create("l5", {slow(500)}), IsOk());
  ASSERT_THAT(Create("m5", {Row(0, 2048, "linear", "/dev/mem1 40960")}),
              IsOk());
  Reload("raid1 5 0 rebuild 2 region_size 1024" + Devs({0, 1, 5}));
  EXPECT_THAT(Log(), ElementsAre("md: recovery of RAID array mdX"));
  EXPECT_EQ(Status(), "0 2048 raid raid1 3 AAa 0/2048 recover 0 0 -\n");
  EXPECT_EQ(Write('w'), "");
  machine().AdvanceClock(2);
  ctl().LetTimePass();
  EXPECT_EQ(Status(), "0 2048 raid raid1 3 AAa 1024/2048 recover 0 0 -\n");
  EXPECT_EQ(Message("check"), "EBUSY");
  SaveAndRestore();
  machine().AdvanceClock(2);
  ctl().LetTimePass();
  EXPECT_EQ(Status(), "0 2048 raid raid1 3 AAA 2048/2048 idle 0 0 -\n");
  EXPECT_EQ(ReadOf("l5", 511), "w");
  // A new set's resync, which is done when nothing delays it any more.
  ASSERT_THAT(Remove("d"), IsOk());
  for (const char* meta : {"m1", "m5"}) {
    ASSERT_THAT(
        BioWrite(Md(meta).disk(), sector_t{0}, std::string(kSectorSize, '\0')),
        IsOk());
  }
  ASSERT_EQ(Why("raid", Raid1({1, 5})), "");
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 aa 0/2048 resync 0 0 -\n");
  Put("l5", slow(0));
  ctl().LetTimePass();
  EXPECT_EQ(Health(), "AA");
}

// lvconvert -m -1 of the first leg, while the one that was added is filled.
TEST_F(RaidConvertTest, ALegThatIsBeingFilledIsOneOfTheSet) {
  machine().FreezeClock();
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  ASSERT_EQ(Write('w'), "");
  ASSERT_THAT(Create("l5", {Row(0, 2 * kSectors, "delay",
                                "/dev/mem0 40960 0 /dev/mem0 40960 500")}),
              IsOk());
  ASSERT_THAT(Create("m5", {Row(0, 2048, "linear", "/dev/mem1 40960")}),
              IsOk());
  Reload("raid1 5 0 rebuild 2 region_size 1024" + Devs({0, 1, 5}));
  EXPECT_EQ(Health(), "AAa");
  Log();
  ASSERT_THAT(Load("d", {Row(0, kSectors, "raid", Raid1({1, 5}))}), IsOk());
  EXPECT_THAT(Log(), Contains("device-mapper: raid: raid device #2 now at "
                              "position #1"));
  ASSERT_THAT(Resume("d"), IsOk());
  EXPECT_EQ(Health(), "Aa");
  machine().AdvanceClock(5);
  ctl().LetTimePass();
  EXPECT_EQ(Health(), "AA");
  EXPECT_EQ(ReadOf("l5", 511), "w");
}

TEST_F(RaidConvertTest, ACheckCountsWhatDiffers) {
  auto spoil = [&](const std::string& leg, uint64_t sector, uint64_t count) {
    ASSERT_THAT(BioWrite(Md(leg).disk(), sector_t{sector},
                         std::string(count << kSectorShift, '!')),
                IsOk());
  };
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  spoil("l1", 10, 20);
  EXPECT_EQ(Message("check"), "");
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 AA 2048/2048 idle 128 0 -\n");
  SaveAndRestore();
  EXPECT_THAT(Status(), HasSubstr("idle 128 0 -"));
  EXPECT_EQ(Message("repair"), "");
  EXPECT_THAT(Status(), HasSubstr("idle 0 0 -"));
  EXPECT_EQ(Message("check"), "");
  EXPECT_THAT(Status(), HasSubstr("idle 0 0 -"));
  ASSERT_THAT(Remove("d"), IsOk());
  for (const char* meta : {"m0", "m1"}) {
    ASSERT_THAT(
        BioWrite(Md(meta).disk(), sector_t{0}, std::string(kSectorSize, '\0')),
        IsOk());
  }
  ASSERT_EQ(Why("raid", Raid5({0, 1, 2}), 2 * kSectors), "");
  spoil("l1", 10, 20);
  spoil("l1", 1000, 9);
  Log();
  EXPECT_EQ(Message("check"), "");
  EXPECT_THAT(Log(), ElementsAre("md: data-check of RAID array mdX",
                                 "mdX: mismatch sector in range 8-16",
                                 "mdX: mismatch sector in range 16-24",
                                 "mdX: mismatch sector in range 24-32",
                                 "mdX: mismatch sector in range 1000-1008",
                                 "mdX: mismatch sector in range 1008-1016",
                                 "md: mdX: data-check done."));
  EXPECT_THAT(Status(), HasSubstr("idle 40 0 -"));
  EXPECT_EQ(Message("repair"), "");
  EXPECT_EQ(Message("check"), "");
  EXPECT_THAT(Status(), HasSubstr("idle 0 0 -"));
}

}  // namespace
}  // namespace dmdax
