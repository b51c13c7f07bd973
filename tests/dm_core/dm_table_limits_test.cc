// SPDX-License-Identifier: Apache-2.0
//
// Areas, alignment and limits of a table (dm-core.md 8).
#include <cerrno>

#include "absl/strings/str_join.h"
#include "tests/dm_testing.h"

namespace dmdax {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kSectors = 131072;  // of every device

class DmTableLimitsTest : public DmTest {
 protected:
  DmTableLimitsTest() { EXPECT_THAT(New("d0"), IsOk()); }

  // What a refused first load logs before its two last lines.
  std::string Refusal(const std::vector<DmTargetSpec>& rows) {
    Log();
    EXPECT_THAT(Load("d0", rows), HasErrno(EINVAL));
    std::vector<std::string> log = Log();
    if (log.size() < 3) return absl::StrJoin(log, "\n");
    EXPECT_EQ(log.back(),
              "device-mapper: ioctl: unable to set up device queue for new "
              "table.");
    log.pop_back();
    EXPECT_EQ(log.back(),
              "device-mapper: core: Cannot calculate initial queue limits");
    log.pop_back();
    return absl::StrJoin(log, "\n");
  }
};

TEST_F(DmTableLimitsTest, TheAreaMustExist) {
  EXPECT_EQ(Refusal({Row(0, kSectors + 1, "linear", "/dev/pmem0 0")}),
            "device-mapper: table: 254:0: pmem0 too small for target: "
            "start=0, len=131073, dev_size=131072");
  EXPECT_EQ(Refusal({Row(0, 8, "linear", "/dev/pmem0 131072")}),
            "device-mapper: table: 254:0: pmem0 too small for target: "
            "start=131072, len=8, dev_size=131072");
  EXPECT_THAT(Load("d0", {Row(0, 8, "linear", "/dev/pmem0 131064")}), IsOk());
}

TEST_F(DmTableLimitsTest, EveryLegOfAStripeIsChecked) {
  EXPECT_EQ(
      Refusal({Row(0, 262144, "striped", "2 8 /dev/pmem0 0 /dev/pmem1 8")}),
      "device-mapper: table: 254:0: pmem1 too small for target: "
      "start=8, len=131072, dev_size=131072");
}

// Cases lim-4k-len-7 and its neighbours.
TEST_F(DmTableLimitsTest, AreasOf4KBlocksAreAligned) {
  EXPECT_EQ(Refusal({Row(0, 7, "linear", "/dev/sdb 0")}),
            "device-mapper: table: 254:0: len=7 not aligned to h/w logical "
            "block size 4096 of sdb");
  EXPECT_EQ(Refusal({Row(0, 8, "linear", "/dev/sdb 4")}),
            "device-mapper: table: 254:0: adding target device sdb caused an "
            "alignment inconsistency: physical_block_size=4096, "
            "logical_block_size=4096, alignment_offset=0, start=2048\n"
            "device-mapper: table: 254:0: start=4 not aligned to h/w logical "
            "block size 4096 of sdb");
}

// Case lim-4k-split-fill: two short rows make up one 4 KiB block.
TEST_F(DmTableLimitsTest, ShortRowsMayFillABlock) {
  EXPECT_THAT(Load("d0", {Row(0, 1000, "linear", "/dev/sdb 0"),
                          Row(1000, 4, "linear", "/dev/pmem0 0"),
                          Row(1004, 4, "linear", "/dev/pmem0 8")}),
              IsOk());
  const QueueLimits limits = Md("d0").disk().queue().limits();
  EXPECT_EQ(limits.logical_block_size, 4096u);
}

TEST_F(DmTableLimitsTest, ABlockLeftShortNamesTheLine) {
  EXPECT_EQ(Refusal({Row(0, 8, "linear", "/dev/sdb 0"),
                     Row(8, 4, "linear", "/dev/pmem0 0")}),
            "device-mapper: table: 254:0: table line 2 (start sect 8 len 4) "
            "not aligned to h/w logical block size 4096")
      << "past the last row";
  EXPECT_EQ(Refusal({Row(0, 4, "linear", "/dev/pmem0 0"),
                     Row(4, 8, "linear", "/dev/sdb 0"),
                     Row(12, 4, "linear", "/dev/pmem0 0")}),
            "device-mapper: table: 254:0: table line 1 (start sect 4 len 8) "
            "not aligned to h/w logical block size 4096");
}

// Case str-2x12.
TEST_F(DmTableLimitsTest, AMisalignedChunkIsAWarning) {
  Log();
  ASSERT_THAT(
      Create("d1", {Row(0, 4080, "striped", "2 12 /dev/pmem0 0 /dev/pmem1 0")}),
      IsOk());
  constexpr char kWarning[] =
      "device-mapper: table: 254:1: adding target device (start sect 0 len "
      "4080) caused an alignment inconsistency";
  EXPECT_THAT(Log(), ElementsAre(kWarning, kWarning)) << "load and resume";
  const QueueLimits limits = Md("d1").disk().queue().limits();
  EXPECT_TRUE(limits.misaligned);
  EXPECT_EQ(limits.io_min, 4096u);
  EXPECT_EQ(limits.io_opt, 12288u);
}

// dm-core.md 7: only the first table's limits are looked at when it is
// loaded; a later one fails when it is resumed, and is gone then.
TEST_F(DmTableLimitsTest, LaterTablesFailAtResume) {
  ASSERT_THAT(Create("d1", {Row(0, 8, "linear", "/dev/pmem0 0")}), IsOk());
  EXPECT_THAT(Load("d1", {Row(0, kSectors + 8, "linear", "/dev/pmem0 0")}),
              IsOk());
  EXPECT_THAT(Log(), IsEmpty());
  EXPECT_THAT(Resume("d1"), HasErrno(EINVAL));
  EXPECT_THAT(Log(), Contains("device-mapper: table: 254:1: pmem0 too small "
                              "for target: start=0, len=131080, "
                              "dev_size=131072"));
  const DmIoctl io = Info("d1");
  EXPECT_TRUE(io.flags & DM_SUSPEND_FLAG) << "stays suspended";
  EXPECT_TRUE(io.flags & DM_ACTIVE_PRESENT_FLAG) << "with the old table";
  EXPECT_FALSE(io.flags & DM_INACTIVE_PRESENT_FLAG);
  EXPECT_EQ(Table("d1"), "0 8 linear 259:0 0\n");
}

TEST_F(DmTableLimitsTest, ALowerDeviceWithoutASizeIsNotChecked) {
  ASSERT_THAT(New("low"), IsOk());
  ASSERT_THAT(Load("low", {Row(0, 8, "linear", "/dev/pmem0 0")}), IsOk());
  EXPECT_THAT(Load("d0", {Row(0, 4096, "linear", "254:1 0")}), IsOk());
  EXPECT_EQ(Md("d0").type(), DM_TYPE_DAX_BIO_BASED);
}

// Recorded on 6.1, 6.12 and 7.2: a device that was striped with 256 KiB of
// io_opt and becomes linear.
TEST_F(DmTableLimitsTest, ReadAheadOfATableThatGoesAway) {
  const struct {
    const char* kernel;
    uint32_t striped, linear;  // pages
  } kKernels[] = {{"v4_14", 32, 32},
                  {"v5_10", 128, 32},
                  {"v6_1", 128, 32},
                  {"v6_12", 128, 128},
                  {"v7_2", 128, 128}};
  for (const auto& expected : kKernels) {
    SCOPED_TRACE(expected.kernel);
    Boot(expected.kernel);
    ASSERT_THAT(Create("d0", {Row(0, 4096, "striped",
                                  "2 256 /dev/pmem0 0 /dev/pmem1 0")}),
                IsOk());
    RequestQueue& queue = Md("d0").disk().queue();
    EXPECT_EQ(queue.limits().io_opt, 256u << 10);
    EXPECT_EQ(queue.ra_pages(), expected.striped);
    ASSERT_THAT(Load("d0", {Row(0, 4096, "linear", "/dev/pmem0 0")}), IsOk());
    ASSERT_THAT(Resume("d0"), IsOk());
    EXPECT_EQ(queue.ra_pages(), expected.linear);
  }
}

// Recorded on 6.1: blocks of 4294967288 sectors, of which io_opt has 32 bits.
TEST_F(DmTableLimitsTest, ReadAheadOfAnIoOptThatOverflows) {
  const struct {
    const char* kernel;
    uint32_t pages;
  } kKernels[] = {{"v6_1", 1048574}, {"v6_12", 1048574}, {"v6_18", 2097150}};
  for (const auto& expected : kKernels) {
    SCOPED_TRACE(expected.kernel);
    Boot(expected.kernel);
    ASSERT_THAT(
        Create("d0", {Row(0, 4096, "era", "/dev/pmem1 /dev/pmem0 4294967288")}),
        IsOk());
    EXPECT_EQ(Md("d0").disk().queue().ra_pages(), expected.pages);
  }
}

}  // namespace
}  // namespace dmdax
