// SPDX-License-Identifier: Apache-2.0
// What striped, mirror and multipath make of a leg that fails, and of one that
// is back.
#include <array>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FailingLegsTest : public TargetTest {
 protected:
  explicit FailingLegsTest(absl::string_view kernel = "v6_1")
      : TargetTest(kernel) {
    for (const char* leg : {"l0", "l1", "l2"}) {
      EXPECT_THAT(Create(leg, {Good(leg)}), IsOk());
      EXPECT_THAT(BioWrite(Md(leg).disk(), sector_t{0},
                           std::string(kSectors << kSectorShift, leg[1])),
                  IsOk());
    }
    Log();
  }

  static constexpr uint64_t kSectors = 1024;

  // The legs are far apart on mem0.
  static DmTargetSpec Good(const std::string& leg) {
    return Row(0, kSectors, "linear",
               absl::StrCat("/dev/mem0 ", (leg[1] - '0') * 8192));
  }
  void Break(const std::string& leg) {
    ASSERT_THAT(Load(leg, {Row(0, kSectors, "error", "")}), IsOk());
    ASSERT_THAT(Resume(leg), IsOk());
  }
  void Mend(const std::string& leg) {
    ASSERT_THAT(Load(leg, {Good(leg)}), IsOk());
    ASSERT_THAT(Resume(leg), IsOk());
  }

  // The byte that fills sector `sector` of d, or the errno's name.
  std::string Read(uint64_t sector) {
    std::array<char, kSectorSize> bytes;
    const absl::Status s =
        BioRead(Md("d").disk(), sector_t{sector}, absl::MakeSpan(bytes));
    return s.ok() ? std::string(1, bytes[0]) : ErrnoName(ErrnoOf(s));
  }
  std::string Write(uint64_t sector, uint64_t count = 1) {
    const absl::Status s = BioWrite(Md("d").disk(), sector_t{sector},
                                    std::string(count << kSectorShift, 'w'));
    return s.ok() ? "" : ErrnoName(ErrnoOf(s));
  }
  uint32_t Events() { return Md("d").event_nr(); }
};

constexpr char kLegs[] = "/dev/mapper/l0 0 /dev/mapper/l1 0";

TEST_F(FailingLegsTest, StripedCountsErrorsAndSaysDead) {
  ASSERT_EQ(Why("striped", absl::StrCat("2 8 ", kLegs)), "");
  EXPECT_THAT(Status(), HasSubstr("1 AA"));
  Break("l1");
  EXPECT_EQ(Read(0), "0");
  EXPECT_EQ(Read(8), "EIO");
  EXPECT_THAT(Status(), HasSubstr("1 AD"));
  EXPECT_EQ(Events(), 1);
  // Four of the pieces of one request fail.
  EXPECT_EQ(Write(0, 64), "EIO");
  EXPECT_EQ(Events(), 5);
  SaveAndRestore();
  EXPECT_THAT(Status(), HasSubstr("1 AD"));
}

TEST_F(FailingLegsTest, StripedTellsNoMoreThanFourteenErrorsOfADevice) {
  ASSERT_EQ(Why("striped", absl::StrCat("2 8 ", kLegs)), "");
  Break("l0");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Read(0), "EIO");
  EXPECT_EQ(Events(), 14);
}

TEST_F(FailingLegsTest, AWholeStripeHasNoStateToSave) {
  ASSERT_EQ(Why("striped", absl::StrCat("2 8 ", kLegs)), "");
  EXPECT_EQ(Ti().type->save_state(Ti()), "");
}

TEST_F(FailingLegsTest, MirrorReadsAnotherLeg) {
  ASSERT_EQ(Why("mirror", absl::StrCat("core 2 128 nosync 2 ", kLegs), 1024),
            "");
  Break("l0");
  Log();
  EXPECT_EQ(Read(8), "1");
  EXPECT_THAT(Log(), ElementsAre(HasSubstr("raid1: Mirror read failed from")));
  EXPECT_EQ(Read(8), "1");
  EXPECT_EQ(Log(), std::vector<std::string>());
  EXPECT_THAT(Status(), HasSubstr("8/8 1 RA 1 core"));
  // Nobody has asked to be told.
  EXPECT_EQ(Events(), 0);
  SaveAndRestore();
  EXPECT_THAT(Status(), HasSubstr("8/8 1 RA 1 core"));
  Break("l1");
  EXPECT_EQ(Read(8), "EIO");
}

TEST_F(FailingLegsTest, MirrorThatHandlesErrorsChangesItsDefault) {
  ASSERT_EQ(Why("mirror",
                absl::StrCat("core 2 128 nosync 2 ", kLegs, " 2 handle_errors ",
                             "keep_log"),
                1024),
            "");
  Break("l0");
  EXPECT_EQ(Read(8), "1");
  EXPECT_EQ(Events(), 1);
  // A region that has missed a write is read from the leg that has it.
  EXPECT_EQ(Write(8), "");
  EXPECT_THAT(Status(), HasSubstr("7/8 1 DA 1 core"));
  EXPECT_EQ(Read(8), "w");
  Mend("l0");
  // What has failed is copied once the device is resumed.
  EXPECT_THAT(Suspend("d"), IsOk());
  EXPECT_THAT(Resume("d"), IsOk());
  ctl().LetTimePass();
  EXPECT_THAT(Status(), HasSubstr("8/8 1 AA 1 core"));
  Break("l1");
  EXPECT_EQ(Read(8), "w");
}

TEST_F(FailingLegsTest, AWriteThatNobodyMendsWaits) {
  ASSERT_EQ(Why("mirror",
                absl::StrCat("core 2 128 nosync 2 ", kLegs, " 1 handle_errors"),
                1024),
            "");
  Break("l1");
  EXPECT_EQ(Write(8), "EAGAIN");
  EXPECT_THAT(Status(), HasSubstr("7/8 1 AD 1 core"));
  Break("l0");
  EXPECT_EQ(Write(256), "EIO");
}

TEST_F(FailingLegsTest, MirrorLogIsOnItsDisk) {
  const std::string words = absl::StrCat("disk 2 /dev/mapper/l2 128 2 ", kLegs);
  ASSERT_EQ(Why("mirror", words, 1024), "");
  ctl().LetTimePass();
  EXPECT_THAT(Status(), HasSubstr("8/8 1 AA 3 disk 254:2 A"));
  // A table of the same words finds all in sync, whatever the legs have.
  ASSERT_EQ(Why("mirror", words, 1024), "");
  EXPECT_THAT(Status(), HasSubstr("8/8 1 AA 3 disk 254:2 A"));
  Break("l2");
  EXPECT_EQ(Write(8), "");
  EXPECT_THAT(Status(), HasSubstr("8/8 1 AA 3 disk 254:2 D"));
}

TEST_F(FailingLegsTest, MultipathTakesPathsInTurn) {
  ASSERT_EQ(Why("multipath",
                "2 queue_mode bio 0 1 1 round-robin 0 3 0 /dev/mapper/l0 "
                "/dev/mapper/l1 /dev/mapper/l2",
                1024),
            "");
  EXPECT_EQ(Read(0), "0");
  EXPECT_EQ(Read(0), "1");
  SaveAndRestore();
  EXPECT_EQ(Read(0), "2");
  Break("l0");
  Log();
  EXPECT_EQ(Read(0), "1");
  EXPECT_THAT(Log(), ElementsAre(HasSubstr("254:3: Failing path 254:0.")));
  EXPECT_THAT(Status(), HasSubstr("254:0 F 1 254:1 A 0 254:2 A 0"));
  EXPECT_EQ(Events(), 1);
  Mend("l0");
  EXPECT_EQ(Message("reinstate_path 254:0"), "");
  // What is back is the next one.
  EXPECT_EQ(Read(0), "0");
  EXPECT_EQ(Read(0), "2");
}

TEST_F(FailingLegsTest, MultipathWithoutAPathFails) {
  ASSERT_EQ(Why("multipath",
                "2 queue_mode bio 0 2 1 service-time 0 1 2 /dev/mapper/l0 1 1 "
                "queue-length 0 1 0 /dev/mapper/l1",
                1024),
            "");
  Break("l0");
  EXPECT_EQ(Read(0), "1");
  Break("l1");
  EXPECT_EQ(Read(0), "EIO");
  EXPECT_EQ(Read(0), "EIO");
  EXPECT_EQ(Events(), 2);
  EXPECT_EQ(Message("reinstate_path 254:0"), "");
  EXPECT_EQ(Message("reinstate_path 254:1"), "");
  Mend("l1");
  EXPECT_EQ(Read(0), "1");
}

TEST_F(FailingLegsTest, MultipathMayWaitForAPath) {
  ASSERT_EQ(Why("multipath",
                "3 queue_mode bio queue_if_no_path 0 1 1 round-robin 0 1 0 "
                "/dev/mapper/l0",
                1024),
            "");
  Break("l0");
  EXPECT_EQ(Read(0), "EAGAIN");
  EXPECT_EQ(Message("fail_if_no_path"), "");
  EXPECT_EQ(Read(0), "EIO");
}

TEST_F(FailingLegsTest, EraLosesTheBitsThatItCouldNotWrite) {
  const std::vector<DmTargetSpec> good = {
      Row(0, 4096, "linear", "/dev/mem1 0")};
  ASSERT_THAT(Create("m", good), IsOk());
  ASSERT_EQ(Why("era", "/dev/mapper/m /dev/mapper/l0 8", kSectors), "");
  ASSERT_THAT(Load("m", {Row(0, 4096, "error", "")}), IsOk());
  ASSERT_THAT(Resume("m"), IsOk());
  Log();
  EXPECT_EQ(Write(0), "EIO");
  EXPECT_THAT(Log(), ElementsAre(HasSubstr("commit: pre commit failed")));
  // What it reads of the same word's root has never been written.
  EXPECT_EQ(Write(0), "EIO");
  EXPECT_THAT(Log(),
              ElementsAre(HasSubstr("node_check failed: blocknr 0 != wanted"),
                          HasSubstr("btree_node validator check failed"),
                          HasSubstr("commit: bitset flush failed")));
  ASSERT_THAT(Load("m", good), IsOk());
  ASSERT_THAT(Resume("m"), IsOk());
  EXPECT_EQ(Status(), "0 1024 era Error\n");
  EXPECT_EQ(Message("checkpoint"), "ENOTBLK");
  EXPECT_EQ(Read(0), "0");
}

TEST_F(FailingLegsTest, MultipathLetsGoOfWhatWaitsWhenSuspended) {
  const auto suspend = [&](uint32_t flags) {
    DmIoctl io{.flags = DM_SUSPEND_FLAG | flags, .name = "d"};
    EXPECT_THAT(ctl().DevSuspend(io), IsOk());
  };
  for (const bool bio : {true, false}) {
    const std::string mode = bio ? "bio" : "rq";
    ASSERT_EQ(Why("multipath",
                  absl::StrCat("3 queue_mode ", mode,
                               " queue_if_no_path 0 1 1 round-robin 0 1 1 ",
                               bio ? "/dev/mapper/l0 0" : "/dev/sda 0"),
                  1024),
              "");
    EXPECT_THAT(Table("d"), HasSubstr("queue_if_no_path"));
    EXPECT_THAT(Table("d"), HasSubstr(bio ? "254:0 0" : "8:0 0"))
        << "no repeat count is none";
    suspend(0);
    EXPECT_THAT(Table("d"), Not(HasSubstr("queue_if_no_path"))) << mode;
    EXPECT_THAT(Resume("d"), IsOk());
    EXPECT_THAT(Table("d"), HasSubstr("queue_if_no_path")) << mode;
    // Requests can be given back.
    suspend(DM_NOFLUSH_FLAG);
    EXPECT_EQ(absl::StrContains(Table("d"), "queue_if_no_path"), !bio);
    EXPECT_THAT(Resume("d"), IsOk());
    EXPECT_THAT(Table("d"), HasSubstr("queue_if_no_path")) << mode;
  }
}

TEST_F(FailingLegsTest, MultipathIsMeasured) {
  ASSERT_EQ(Why("multipath",
                "2 queue_mode bio 0 1 1 round-robin 0 2 1 /dev/mapper/l0 1 "
                "/dev/mapper/l1 1",
                1024),
            "");
  Break("l0");
  EXPECT_EQ(Read(0), "1");
  EXPECT_EQ(Table("d", DM_IMA_MEASUREMENT_FLAG),
            "0 1024 multipath target_name=multipath,target_version=1.14.0,"
            "nr_priority_groups=1,pg_state_0=A,nr_pgpaths_0=2,"
            "path_selector_name_0=round-robin,path_name_0_0=254:0,"
            "is_active_0_0=F,fail_count_0_0=1,path_selector_status_0_0=,"
            "path_name_0_1=254:1,is_active_0_1=A,fail_count_0_1=0,"
            "path_selector_status_0_1=;\n");
}

TEST_F(FailingLegsTest, MultipathWithoutDevicesCanBePolled) {
  ASSERT_EQ(Why("multipath", "2 queue_mode bio 0 0 0", 1024), "");
  EXPECT_TRUE(Md("d").disk().queue().Has(QUEUE_FLAG_POLL));
}

}  // namespace
}  // namespace dmdax
