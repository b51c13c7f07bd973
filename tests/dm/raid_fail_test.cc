// SPDX-License-Identifier: Apache-2.0
// What md makes of a device that fails, and what its superblocks remember: as
// kernels 5.10 and 6.1 answered.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class RaidFailTest : public TargetTest {
 protected:
  static constexpr uint64_t kSectors = 2048;

  void SetUp() override {
    for (int i = 0; i < 5; ++i) {
      ASSERT_THAT(Create(absl::StrCat("l", i), {Good(i)}), IsOk());
      ASSERT_THAT(Create(absl::StrCat("m", i),
                         {Row(0, 2048, "linear",
                              absl::StrCat("/dev/mem1 ", i * 8192))}),
                  IsOk());
    }
  }

  static DmTargetSpec Good(int leg) {
    return Row(0, 2 * kSectors, "linear",
               absl::StrCat("/dev/mem0 ", leg * 8192));
  }
  void Put(const std::string& name, const DmTargetSpec& row) {
    ASSERT_THAT(Load(name, {row}), IsOk());
    ASSERT_THAT(Resume(name), IsOk());
  }
  void Break(int leg) {
    Put(absl::StrCat("l", leg), Row(0, 2 * kSectors, "error", ""));
  }
  void Mend(int leg) { Put(absl::StrCat("l", leg), Good(leg)); }

  // " 2 /dev/mapper/m0 /dev/mapper/l0 ...": -1 stands for "- -".
  static std::string Devs(const std::vector<int>& legs) {
    std::string words = absl::StrCat(" ", legs.size());
    for (const int leg : legs) {
      absl::StrAppend(&words, leg < 0 ? " - -"
                                      : absl::StrCat(" /dev/mapper/m", leg,
                                                     " /dev/mapper/l", leg));
    }
    return words;
  }
  static std::string Raid1(const std::vector<int>& legs) {
    return "raid1 3 0 region_size 1024" + Devs(legs);
  }
  static std::string Raid5(const std::vector<int>& legs) {
    return "raid5_ls 3 128 region_size 1024" + Devs(legs);
  }
  static std::string Raid6(const std::vector<int>& legs) {
    return "raid6_zr 3 128 region_size 1024" + Devs(legs);
  }
  static std::string Raid10(const std::vector<int>& legs) {
    return "raid10 3 128 region_size 1024" + Devs(legs);
  }
  // A table in place of the one that d has.
  void Reload(const std::string& words, uint64_t length = kSectors) {
    ASSERT_THAT(Load("d", {Row(0, length, "raid", words)}), IsOk());
    Log();
    ASSERT_THAT(Resume("d"), IsOk());
  }
  void SuspendAndResume() {
    ASSERT_THAT(Suspend("d"), IsOk());
    Log();
    ASSERT_THAT(Resume("d"), IsOk());
  }

  std::string Write(char fill, uint64_t sector = 0, uint64_t count = 512) {
    const absl::Status s = BioWrite(Md("d").disk(), sector_t{sector},
                                    std::string(count << kSectorShift, fill));
    return s.ok() ? "" : ErrnoName(ErrnoOf(s));
  }
  // The first byte of a sector, or the errno's name.
  std::string ReadOf(const std::string& name, uint64_t sector) {
    std::string bytes(kSectorSize, '\0');
    const absl::Status s =
        BioRead(Md(name).disk(), sector_t{sector}, absl::MakeSpan(bytes));
    return s.ok() ? bytes.substr(0, 1) : ErrnoName(ErrnoOf(s));
  }
  std::string Read(uint64_t sector) { return ReadOf("d", sector); }
  // The characters of the devices in the status.
  std::string Health() {
    const std::vector<std::string> words = absl::StrSplit(Status(), ' ');
    return words[5];
  }
  uint32_t Events() { return Md("d").event_nr(); }
  // `bytes` little-endian bytes of the superblock of device m`meta`.
  uint64_t Super(int meta, size_t offset, size_t bytes) {
    std::string block(kSectorSize, '\0');
    EXPECT_THAT(BioRead(Md(absl::StrCat("m", meta)).disk(), sector_t{0},
                        absl::MakeSpan(block)),
                IsOk());
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;) {
      value = value << 8 | static_cast<unsigned char>(block[offset + i]);
    }
    return value;
  }
  uint64_t EventsOf(int meta) { return Super(meta, 16, 8); }
  uint64_t FailedOf(int meta) { return Super(meta, 24, 8); }
};

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
    for (int i = 0; i < 5; ++i) {
      ASSERT_THAT(BioWrite(Md(absl::StrCat("m", i)).disk(), sector_t{0},
                           std::string(kSectorSize, '\0')),
                  IsOk());
    }
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
  EXPECT_EQ(Events(), 3u);
}

TEST_F(RaidFailTest, WhatIsBackGetsWhatItHasMissed) {
  for (const bool parity : {false, true}) {
    const uint64_t length = parity ? 2 * kSectors : kSectors;
    auto words = [&](const std::vector<int>& two) {
      if (!parity) return Raid1(two);
      return Raid5({two[0], two[1], 4});
    };
    for (int i = 0; i < 5; ++i) {
      ASSERT_THAT(BioWrite(Md(absl::StrCat("m", i)).disk(), sector_t{0},
                           std::string(kSectorSize, '\0')),
                  IsOk());
    }
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

TEST_F(RaidFailTest, ALegIsReplacedAddedAndTakenAway) {
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

TEST_F(RaidFailTest, WithoutMetadataALegIsRebuiltToo) {
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

TEST_F(RaidFailTest, TakesOverOtherLevels) {
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
            "New device injected into existing raid set without 'delta_disks' "
            "or 'rebuild' parameter specified");
}

TEST_F(RaidFailTest, ParityIsAddedAndTakenAway) {
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

TEST_F(RaidFailTest, Grows) {
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

TEST_F(RaidFailTest, DelaysMakeItTakeItsTime) {
  machine().FreezeClock();
  ASSERT_EQ(Why("raid", Raid1({0, 1})), "");
  Put("l2",
      Row(0, 2 * kSectors, "delay", "/dev/mem0 16384 0 /dev/mem0 16384 500"));
  Reload("raid1 5 0 rebuild 2 region_size 1024" + Devs({0, 1, 2}));
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
  EXPECT_EQ(ReadOf("l2", 511), "w");
  // A new set's resync, which is done when nothing delays it any more.
  ASSERT_THAT(Remove("d"), IsOk());
  for (const char* meta : {"m1", "m2"}) {
    ASSERT_THAT(
        BioWrite(Md(meta).disk(), sector_t{0}, std::string(kSectorSize, '\0')),
        IsOk());
  }
  ASSERT_EQ(Why("raid", Raid1({1, 2})), "");
  EXPECT_EQ(Status(), "0 2048 raid raid1 2 aa 0/2048 resync 0 0 -\n");
  Mend(2);
  ctl().LetTimePass();
  EXPECT_EQ(Health(), "AA");
}

TEST_F(RaidFailTest, ACheckCountsWhatDiffers) {
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
