// SPDX-License-Identifier: Apache-2.0
#include "dm/io/direct_io.h"

#include <cerrno>
#include <map>
#include <string>

#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DirectIoTest : public TargetTest {
 protected:
  // `upper` on `lower`, which shrinks to 8 sectors under it.
  void Shrink() {
    ASSERT_THAT(Create("lower", {Row(0, 64, "linear", "/dev/mem0 0")}), IsOk());
    ASSERT_THAT(
        Create("upper", {Row(0, 64, "striped", "1 8 /dev/mapper/lower 0")}),
        IsOk());
    ASSERT_THAT(Load("lower", {Row(0, 8, "linear", "/dev/mem0 0")}), IsOk());
    ASSERT_THAT(Resume("lower"), IsOk());
    machine().log().TakeNew();
  }
  absl::StatusOr<size_t> Read(const char* name, uint64_t offset, size_t n) {
    bytes_.assign(n, 'x');
    return DirectIo(machine(), "dd")
        .Read(Md(name).disk(), offset, absl::MakeSpan(bytes_));
  }
  absl::StatusOr<size_t> Write(const char* name, uint64_t offset, size_t n) {
    bytes_.assign(n, 'w');
    return DirectIo(machine(), "dd").Write(Md(name).disk(), offset, bytes_);
  }
  // dm-stats of the whole device, from now on, and what they are.
  void CountAll(const char* name) {
    EXPECT_EQ(Message(name, "@stats_create - /1"), "0");
  }
  std::string Counts(const char* name) {
    return Message(name, "@stats_print 0");
  }
  std::vector<char> bytes_;

 private:
  std::string Message(const char* name, const char* message) {
    DmIoctl io{.name = name};
    std::string reply;
    EXPECT_THAT(ctl().TargetMsg(io, sector_t{0}, message, &reply), IsOk());
    return reply;
  }
};

TEST_F(DirectIoTest, EachPieceBeyondTheEndIsLogged) {
  Shrink();
  EXPECT_THAT(Read("upper", 0, 12288), HasErrno(EIO));
  EXPECT_THAT(
      machine().log().TakeNew(),
      ElementsAre("dd: attempt to access beyond end of device\ndm-0: rw=2048, "
                  "sector=8, nr_sectors = 8 limit=8",
                  "dd: attempt to access beyond end of device\ndm-0: rw=2048, "
                  "sector=16, nr_sectors = 8 limit=8"));
  EXPECT_THAT(Write("upper", 4096, 512), HasErrno(EIO));
  EXPECT_THAT(
      machine().log().TakeNew(),
      ElementsAre("dd: attempt to access beyond end of device\ndm-0: rw=34817, "
                  "sector=8, nr_sectors = 1 limit=8"));
  // What lies before the end was written all the same.
  EXPECT_THAT(Write("upper", 0, 8192), HasErrno(EIO));
  ASSERT_THAT(Read("upper", 0, 4096), IsOkAndHolds(4096u));
  EXPECT_EQ(bytes_[0], 'w');
}

TEST_F(DirectIoTest, In510TheLineHasNoProcess) {
  BootWithMemory("v5_10");
  Shrink();
  EXPECT_THAT(Read("upper", 4096, 512), HasErrno(EIO));
  EXPECT_THAT(machine().log().TakeNew(),
              ElementsAre("attempt to access beyond end of device\ndm-0: rw=0, "
                          "want=9, limit=8"));
}

// A loop device without a file is a leg like others, until it is read.
TEST_F(DirectIoTest, AnEmptyDrive) {
  for (const char* kernel : {"v5_10", "v6_1"}) {
    BootWithMemory(kernel);
    BlockOptions loop;
    loop.name = "loop5";
    loop.empty = true;
    ASSERT_THAT(machine().AddBlock(loop), IsOk());
    ASSERT_THAT(Create("d", {Row(0, 8, "linear", "/dev/loop5 99999")}), IsOk());
    machine().log().TakeNew();
    EXPECT_THAT(Read("d", 0, 512), HasErrno(EIO));
    EXPECT_THAT(
        machine().log().TakeNew(),
        ElementsAre(
            std::string(kernel) == "v5_10"
                ? "blk_update_request: I/O error, dev loop5, sector "
                  "99999 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0"
                : "dd: attempt to access beyond end of device\nloop5: "
                  "rw=2048, sector=99999, nr_sectors = 1 limit=0"));
  }
}

TEST_F(DirectIoTest, TheEndOfTheDeviceItselfIsNoError) {
  ASSERT_THAT(Create("d", {Row(0, 9, "linear", "/dev/mem0 0")}), IsOk());
  EXPECT_THAT(Read("d", 4096, 1024), IsOkAndHolds(512u));
  EXPECT_THAT(Read("d", 4608, 512), IsOkAndHolds(0u));
  EXPECT_THAT(Write("d", 4096, 1024), IsOkAndHolds(512u));
  EXPECT_THAT(Write("d", 4608, 512), HasErrno(ENOSPC));
  EXPECT_THAT(Read("d", 1, 512), HasErrno(EINVAL));
  EXPECT_THAT(Write("d", 512, 100), HasErrno(EINVAL));
}

// A read-only device below is written to; who asks for it itself is refused.
TEST_F(DirectIoTest, ReadOnlyIsForOneself) {
  const std::string line = "Trying to write to read-only block-device dm-0";
  for (const char* kernel : {"v5_10", "v6_1", "v6_12"}) {
    BootWithMemory(kernel);
    ASSERT_THAT(Create("lower", {Row(0, 64, "linear", "/dev/mem0 0")}), IsOk());
    ASSERT_THAT(Create("upper", {Row(0, 64, "linear", "/dev/mapper/lower 0")}),
                IsOk());
    Md("lower").disk().SetReadOnly(true);
    machine().log().TakeNew();
    EXPECT_THAT(Write("lower", 0, 512), HasErrno(EPERM));
    EXPECT_THAT(machine().log().TakeNew(), IsEmpty());
    EXPECT_THAT(Write("upper", 0, 512), IsOkAndHolds(512u));
    EXPECT_THAT(Write("upper", 0, 512), IsOkAndHolds(512u));
    const std::vector<std::string> log = machine().log().TakeNew();
    if (std::string(kernel) == "v5_10") {
      EXPECT_THAT(log, ElementsAre(line + " (partno 0)", line + " (partno 0)"));
    } else if (std::string(kernel) == "v6_1") {
      EXPECT_THAT(log, ElementsAre(line, line));
    } else {
      EXPECT_THAT(log, ElementsAre(line)) << "once a device";
    }
  }
}

// BLKROSET is the device's own since 5.11: no table takes it back.
TEST_F(DirectIoTest, BlockdevSetroOutlivesATable) {
  for (const char* kernel : {"v5_10", "v6_1"}) {
    BootWithMemory(kernel);
    ASSERT_THAT(Create("d", {Row(0, 8, "linear", "/dev/mem0 0")}), IsOk());
    Md("d").disk().BlkRoSet(true, machine().profile());
    EXPECT_TRUE(Md("d").disk().read_only());
    ASSERT_THAT(Load("d", {Row(0, 8, "linear", "/dev/mem0 8")}), IsOk());
    ASSERT_THAT(Resume("d"), IsOk());
    EXPECT_EQ(Md("d").disk().read_only(), std::string(kernel) == "v6_1");
  }
}

TEST_F(DirectIoTest, StatisticsCountRequestsAndSectorsByArea) {
  ASSERT_THAT(Create("s", {Row(0, 2048, "linear", "/dev/mem0 0")}), IsOk());
  const auto send = [&](const char* message) {
    DmIoctl io{.name = "s"};
    std::string reply;
    EXPECT_THAT(ctl().TargetMsg(io, sector_t{0}, message, &reply), IsOk());
    return reply;
  };
  EXPECT_EQ(send("@stats_create - /2"), "0");
  EXPECT_THAT(Read("s", 1016 * kSectorSize, 16 * kSectorSize), IsOk());
  EXPECT_THAT(Write("s", 0, 8 * kSectorSize), IsOk());
  EXPECT_EQ(send("@stats_print 0"),
            "0+1024 1 0 8 0 1 0 8 0 0 0 0 0 0\n"
            "1024+1024 1 0 8 0 0 0 0 0 0 0 0 0 0\n");
  EXPECT_EQ(send("@stats_clear 0"), "");
  EXPECT_EQ(send("@stats_print 0 0 1"), "0+1024 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
}

TEST_F(DirectIoTest, StatisticsOfWhatIsCutAreTheKernels) {
  const std::map<std::string, std::string> second = {
      {"v4_14", "8+8 1 0 8 0 0 0 0 0 0 0 0 0 0\n"},
      // It began twice, and ended once.
      {"v5_10", "8+8 1 0 8 0 0 0 0 0 1 0 0 0 0\n"},
      // It follows the first half.
      {"v6_1", "8+8 1 1 8 0 0 0 0 0 0 0 0 0 0\n"}};
  for (const auto& [kernel, counts] : second) {
    BootWithMemory(kernel);
    ASSERT_THAT(Create("s", {Row(0, 8, "linear", "/dev/mem0 0"),
                             Row(8, 8, "linear", "/dev/mem0 64")}),
                IsOk());
    std::string reply;
    DmIoctl io{.name = "s"};
    ASSERT_THAT(ctl().TargetMsg(io, sector_t{0}, "@stats_create - 8", &reply),
                IsOk());
    ASSERT_THAT(Read("s", 0, 16 * kSectorSize), IsOk());
    io = DmIoctl{.name = "s"};
    ASSERT_THAT(ctl().TargetMsg(io, sector_t{0}, "@stats_print 0", &reply),
                IsOk());
    EXPECT_EQ(reply, "0+8 1 0 8 0 0 0 0 0 0 0 0 0 0\n" + counts) << kernel;
  }
}

TEST_F(DirectIoTest, StatisticsCallWhatFollowsMerged) {
  ASSERT_THAT(Create("s", {Row(0, 64, "linear", "/dev/mem0 0")}), IsOk());
  CountAll("s");
  ASSERT_THAT(Read("s", 0, 4096), IsOk());
  ASSERT_THAT(Read("s", 4096, 4096), IsOk());
  ASSERT_THAT(Write("s", 8192, 4096), IsOk());  // the other way
  ASSERT_THAT(Write("s", 0, 4096), IsOk());
  ASSERT_THAT(Write("s", 4096, 4096), IsOk());
  EXPECT_EQ(Counts("s"), "0+64 2 1 16 0 3 1 24 0 0 0 0 0 0\n");
}

TEST_F(DirectIoTest, A618ComparesBeginningsWithATruthValue) {
  BootWithMemory("v6_18");
  ASSERT_THAT(Create("s", {Row(0, 64, "linear", "/dev/mem0 0")}), IsOk());
  CountAll("s");
  ASSERT_THAT(Read("s", 0, 4096), IsOk());
  ASSERT_THAT(Read("s", 4096, 4096), IsOk());
  ASSERT_THAT(Write("s", 0, 4096), IsOk());  // not the other way, so 0 is 0
  EXPECT_EQ(Counts("s"), "0+64 2 0 16 0 1 1 8 0 0 0 0 0 0\n");
}

TEST_F(DirectIoTest, WhatATargetCountsIsCountedOnce) {
  ASSERT_THAT(Create("w", {Row(0, 64, "writecache",
                               "s /dev/sda /dev/mem0 "
                               "4096 0")}),
              IsOk());
  ASSERT_THAT(Read("w", 0, 8192), IsOk());
  ASSERT_THAT(Write("w", 0, 4096), IsOk());
  // Reads, hits, writes, hits, hits, those around, those that took a block.
  EXPECT_THAT(Table("w", 0), testing::HasSubstr(" 0 2 0 1 0 0 0 1 "));
}

}  // namespace
}  // namespace dmdax
