// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using testing::Contains;
using testing::HasSubstr;

class SnapTest : public TargetTest {
 protected:
  void Write(const std::string& name, uint64_t sector, char byte) {
    const std::vector<char> bytes(kSectorSize, byte);
    EXPECT_THAT(BioWrite(Bdev(name), sector_t{sector}, bytes), IsOk());
  }
  char Read(const std::string& name, uint64_t sector) {
    std::array<char, kSectorSize> bytes{};
    EXPECT_THAT(BioRead(Bdev(name), sector_t{sector}, absl::MakeSpan(bytes)),
                IsOk());
    return bytes[0];
  }
  BlockDevice& Bdev(const std::string& name) {
    if (auto md = ctl().FindDevice(name)) return md->disk();
    return *machine().FindBdevByName(name);
  }
};

TEST_F(SnapTest, RefusesInTheKernelsOrder) {
  EXPECT_EQ(Why("snapshot", "/dev/mem0 /dev/mem1 N"),
            "requires 4 or more arguments");
  EXPECT_EQ(Why("snapshot", "/dev/nope /dev/nope N 8 1 x"),
            "Unrecognised feature requested");
  EXPECT_EQ(Why("snapshot",
                "/dev/nope /dev/nope N 8 1 "
                "discard_passdown_origin"),
            "discard_passdown_origin feature depends on discard_zeroes_cow");
  EXPECT_EQ(Why("snapshot", "/dev/nope /dev/nope N 8"),
            "Cannot get origin device");
  EXPECT_EQ(Why("snapshot", "/dev/mem0 /dev/mem0 N 8"),
            "COW device cannot be the same as origin device");
  EXPECT_EQ(Why("snapshot", "/dev/mem0 /dev/nope N 8"),
            "Cannot get COW device");
  for (const char* store : {"X 8", "N 7", "N x", "Px 8"}) {
    EXPECT_EQ(Why("snapshot", absl::StrCat("/dev/mem0 /dev/mem1 ", store)),
              "Couldn't create exception store");
  }
  EXPECT_EQ(Why("snapshot", "/dev/mem0 /dev/mem1 N 0"), "Chunk size not set");
  EXPECT_EQ(Why("snapshot-merge", "/dev/mem0 /dev/mem1 N 8"),
            "Snapshot exception store does not support snapshot-merge.");
}

TEST_F(SnapTest, ABlankDiskIsFormatted) {
  EXPECT_EQ(Why("snapshot", "/dev/mem0 /dev/sda P 8"), "");
  EXPECT_EQ(Status(), "0 2048 snapshot 16/131072 16\n");
}

TEST_F(SnapTest, SinceSixFiveADeviceIsNotPutThatIsItsOwnCow) {
  const std::vector<std::string> words = {"not in table devices list",
                                          "dm_put_device call missing"};
  for (const char* kernel : {"v6_1", "v6_12"}) {
    BootWithMemory(kernel);
    ASSERT_THAT(New("s"), IsOk());
    Log();
    EXPECT_THAT(Load("s", {Row(0, 8, "snapshot", "/dev/mem0 /dev/mem0 P 8")}),
                HasErrno(EINVAL));
    const std::string log = absl::StrJoin(Log(), "\n");
    for (const std::string& word : words) {
      EXPECT_EQ(absl::StrContains(log, word), kernel != std::string("v6_1"));
    }
  }
}

// Kernels that ask only whose exceptions are taken over.
TEST_F(SnapTest, SomeKernelsLoadWhatTheyCanNotMerge) {
  for (const char* kernel : {"v5_10", "v6_16", "v6_18"}) {
    BootWithMemory(kernel);
    EXPECT_EQ(Why("snapshot-merge", "/dev/mem0 /dev/mem1 N 8"), "") << kernel;
  }
}

// Chunks that are read before anything is written.
TEST_F(SnapTest, WhatLiesBehindTheEndOfTheCowDeviceIsLogged) {
  ASSERT_THAT(Create("cow", {Row(0, 8, "linear", "/dev/mem1 0")}), IsOk());
  Log();
  EXPECT_THAT(
      Create("s", {Row(0, 2048, "snapshot", "/dev/mem0 /dev/mapper/cow P 16")}),
      HasErrno(EIO));
  EXPECT_THAT(Log(), Contains(HasSubstr("rw=2048, sector=0, nr_sectors = 16 "
                                        "limit=8")));
  ASSERT_THAT(Create("big", {Row(0, 24, "linear", "/dev/mem1 64")}), IsOk());
  ASSERT_THAT(New("t"), IsOk());
  for (const char* rw : {"rw=2049", "rw=0"}) {
    // Once it has a header, the exceptions behind that are read.
    Log();
    EXPECT_THAT(
        Load("t", {Row(0, 2048, "snapshot", "/dev/mem0 /dev/mapper/big P 16")}),
        HasErrno(EIO));
    EXPECT_THAT(Log(), Contains(HasSubstr(absl::StrCat(
                           rw, ", sector=16, nr_sectors = 16 limit=24"))));
  }
}

TEST_F(SnapTest, OriginsAreCopiedOnWrite) {
  ASSERT_THAT(Create("o", {Row(0, 2048, "snapshot-origin", "/dev/mem0")}),
              IsOk());
  ASSERT_EQ(Why("snapshot", "/dev/mem0 /dev/mem1 N 8"), "");
  Write("mem0", 0, 'a');
  EXPECT_EQ(Where(0), "mem0 0");
  EXPECT_EQ(Status(), "0 2048 snapshot 0/131072 0\n");
  Write("o", 0, 'b');
  EXPECT_EQ(Where(0), "mem1 0");
  EXPECT_EQ(Read("d", 0), 'a');
  EXPECT_EQ(Read("o", 0), 'b');
  EXPECT_EQ(Status(), "0 2048 snapshot 8/131072 0\n");
}

TEST_F(SnapTest, SnapshotsCanBeWritten) {
  ASSERT_EQ(Why("snapshot", "/dev/mem0 /dev/mem1 P 8"), "");
  EXPECT_EQ(Status(), "0 2048 snapshot 16/131072 16\n");
  Write("mem0", 24, 'a');
  Write("d", 25, 'b');
  EXPECT_EQ(Where(24), "mem1 16") << "after the header and the first area";
  EXPECT_EQ(Read("d", 24), 'a');
  EXPECT_EQ(Read("d", 25), 'b');
  EXPECT_EQ(Read("mem0", 25), 0);
  // The next load finds the exceptions on the COW device.
  ASSERT_EQ(Why("snapshot", "/dev/mem0 /dev/mem1 p 8"), "");
  EXPECT_EQ(Read("d", 25), 'b');
  EXPECT_EQ(Table("d"), "0 2048 snapshot 259:2 259:3 P 8\n");
}

TEST_F(SnapTest, AFullSnapshotIsInvalid) {
  ASSERT_THAT(Create("cow", {Row(0, 8, "linear", "/dev/mem1 0")}), IsOk());
  ASSERT_EQ(Why("snapshot", "/dev/mem0 /dev/mapper/cow N 8"), "");
  EXPECT_EQ(Where(0, ReqOp::kWrite), "mem1 0");
  EXPECT_EQ(Where(8, ReqOp::kWrite), "EIO");
  EXPECT_EQ(Status(), "0 2048 snapshot Invalid\n");
  EXPECT_EQ(Where(16), "EIO");
  EXPECT_EQ(Info("d").event_nr, 1u);
}

TEST_F(SnapTest, AReloadHandsItsExceptionsOver) {
  ASSERT_EQ(Why("snapshot", "/dev/mem0 /dev/mem1 N 8"), "");
  EXPECT_EQ(Where(0, ReqOp::kWrite), "mem1 0");
  const std::vector<DmTargetSpec> rows = {
      Row(0, 2048, "snapshot", "/dev/mem0 /dev/mem1 N 8")};
  ASSERT_THAT(Load("d", rows), IsOk());
  ASSERT_THAT(Resume("d"), IsOk());
  EXPECT_EQ(Where(0), "mem1 0");
  EXPECT_EQ(Table("d"), "0 2048 snapshot 259:2 259:3 N 8\n");
}

TEST_F(SnapTest, OriginIsNotShifted) {
  EXPECT_EQ(Why("snapshot-origin", "/dev/mem0 0"),
            "origin: incorrect number of arguments");
  // d is there, without a table.
  ASSERT_THAT(Load("d", {Row(0, 8, "zero"),
                         Row(8, 8, "snapshot-origin", "/dev/pmem0")}),
              IsOk());
  ASSERT_THAT(Resume("d"), IsOk());
  EXPECT_EQ(Where(9), "pmem0 9");
}

TEST_F(SnapTest, ASourceThatGoesCancelsTheHandover) {
  ASSERT_THAT(
      Create("s", {Row(0, 1024, "snapshot", "/dev/mem0 /dev/mem1 P 8")}),
      IsOk());
  ASSERT_THAT(Create("o", {Row(0, 1024, "snapshot-origin", "/dev/mem0")}),
              IsOk());
  ASSERT_THAT(Suspend("o"), IsOk());
  ASSERT_THAT(Suspend("s"), IsOk());
  ASSERT_THAT(
      Load("o", {Row(0, 1024, "snapshot-merge", "/dev/mem0 /dev/mem1 P 8")}),
      IsOk());
  ASSERT_THAT(Load("s", {Row(0, 1024, "error", "")}), IsOk());
  Log();
  ASSERT_THAT(Resume("s"), IsOk());
  EXPECT_THAT(Log(), testing::ElementsAre("device-mapper: snapshots: "
                                          "Cancelling snapshot handover."));
  ASSERT_THAT(Resume("o"), IsOk());
  EXPECT_THAT(Log(), testing::ElementsAre("device-mapper: snapshots: Snapshot "
                                          "is invalid: can't merge"));
  EXPECT_EQ(Table("o", 0), "0 1024 snapshot-merge Invalid\n");
}

}  // namespace
}  // namespace dmdax
