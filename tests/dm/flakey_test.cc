// SPDX-License-Identifier: Apache-2.0
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class FlakeyTest : public TargetTest {};

TEST_F(FlakeyTest, RefusesInTheKernelsOrder) {
  EXPECT_EQ(Why("flakey", "/dev/nope x 5"), "Invalid argument count");
  EXPECT_EQ(Why("flakey", "/dev/nope x x x"), "Invalid device sector");
  EXPECT_EQ(Why("flakey", "/dev/nope 0 x x"), "Invalid up interval");
  EXPECT_EQ(Why("flakey", "/dev/nope 0 5 x"), "Invalid up interval");
  EXPECT_EQ(Why("flakey", "/dev/nope 0 0 0"),
            "Total (up + down) interval is zero");
  EXPECT_EQ(Why("flakey", "/dev/nope 0 4294967295 2"), "Interval overflow");
  EXPECT_EQ(Why("flakey", "/dev/nope 0 5 5 1 x"),
            "Unrecognised flakey feature requested");
  EXPECT_EQ(Why("flakey", "/dev/nope 0 5 5"), "Device lookup failed");
}

TEST_F(FlakeyTest, FeaturesExcludeEachOther) {
  const std::string base = "/dev/pmem0 0 5 5 ";
  EXPECT_EQ(Why("flakey", base + "7 a b c d e f g"),
            "Invalid number of feature args");
  EXPECT_EQ(Why("flakey", base + "2 drop_writes DROP_WRITES"),
            "Feature drop_writes duplicated");
  EXPECT_EQ(Why("flakey", base + "2 error_writes drop_writes"),
            "Feature drop_writes conflicts with feature error_writes");
  EXPECT_EQ(Why("flakey", base + "1 corrupt_bio_byte"),
            "Feature corrupt_bio_byte requires parameters");
  EXPECT_EQ(Why("flakey", base + "5 corrupt_bio_byte 0 r 1 0"),
            "Invalid corrupt bio byte");
  EXPECT_EQ(Why("flakey", base + "5 corrupt_bio_byte 1 x 1 0"),
            "Invalid corrupt bio direction (r or w)");
  EXPECT_EQ(Why("flakey", base + "6 corrupt_bio_byte 1 w 1 0 error_writes"),
            "error_writes is incompatible with corrupt_bio_byte with the "
            "WRITE flag set");
  // A count that ends inside a feature wraps in the kernel and runs on.
  EXPECT_EQ(Why("flakey", base + "3 corrupt_bio_byte 1 r 1 0"),
            "Insufficient feature arguments");
}

TEST_F(FlakeyTest, FailsWhileItIsDown) {
  ASSERT_EQ(Why("flakey", "/dev/pmem0 8 60 60"), "");
  EXPECT_EQ(Where(0), "pmem0 8");
  machine().AdvanceClock(60);
  EXPECT_EQ(Where(0), "EIO");
  EXPECT_EQ(Where(0, ReqOp::kWrite), "EIO");
  SaveAndRestore();
  EXPECT_EQ(Where(0), "EIO") << "a snapshot keeps the time";
  machine().AdvanceClock(60);
  EXPECT_EQ(Where(0), "pmem0 8");
}

TEST_F(FlakeyTest, FeaturesSayWhatFails) {
  ASSERT_EQ(Why("flakey", "/dev/pmem0 0 0 60 1 drop_writes"), "");
  EXPECT_EQ(Where(0), "pmem0 0");
  EXPECT_EQ(Where(0, ReqOp::kWrite), "dropped");
  ASSERT_EQ(Why("flakey", "/dev/pmem0 0 0 60 1 error_writes"), "");
  EXPECT_EQ(Where(0), "pmem0 0");
  EXPECT_EQ(Where(0, ReqOp::kWrite), "EIO");
}

TEST_F(FlakeyTest, CorruptsOneByteAndLetsTheRestPass) {
  std::vector<char> page(4096, 'A');
  for (const char* kernel : {"v5_10", "v6_1", "v6_12", "v7_2"}) {
    BootWithMemory(kernel);
    ASSERT_EQ(Why("flakey", "/dev/mem0 0 0 60 5 corrupt_bio_byte 600 w 99 0"),
              "");
    EXPECT_EQ(Where(0), "mem0 0") << kernel;
    ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{0}, page), IsOk());
    std::vector<char> read(4096);
    ASSERT_THAT(BioRead(Md("d").disk(), sector_t{0}, absl::MakeSpan(read)),
                IsOk());
    EXPECT_EQ(read[599], 99) << kernel;
    EXPECT_EQ(read[0], 'A');
    ASSERT_EQ(Why("flakey", "/dev/mem0 0 0 60 5 corrupt_bio_byte 1 r 7 0"), "");
    ASSERT_THAT(BioRead(Md("d").disk(), sector_t{0}, absl::MakeSpan(read)),
                IsOk());
    EXPECT_EQ(read[0], 7) << kernel;
    EXPECT_EQ(Where(0, ReqOp::kWrite), "mem0 0");
  }
}

TEST_F(FlakeyTest, BeforeItsFixTheOtherDirectionFailed) {
  Boot("v4_14");
  ASSERT_EQ(Why("flakey", "/dev/pmem0 0 0 60 5 corrupt_bio_byte 1 w 1 0"), "");
  EXPECT_EQ(Where(0), "EIO");
  EXPECT_EQ(Where(0, ReqOp::kWrite), "pmem0 0");
}

TEST_F(FlakeyTest, TableTextDiffersByKernel) {
  ASSERT_EQ(Why("flakey", "/dev/pmem0 0 5 5"), "");
  EXPECT_EQ(Table("d"), "0 2048 flakey 259:0 0 5 5 0 \n");
  ASSERT_EQ(Why("flakey", "/dev/pmem0 0 5 5 5 corrupt_bio_byte 32 r 1 0"), "");
  EXPECT_EQ(Table("d"),
            "0 2048 flakey 259:0 0 5 5 5 corrupt_bio_byte 32 r 1 0 \n");
  Boot("v6_12");
  ASSERT_EQ(Why("flakey", "/dev/pmem0 0 5 5"), "");
  EXPECT_EQ(Table("d"),
            "0 2048 flakey 259:0 0 5 5 2 error_reads error_writes\n");
  EXPECT_EQ(Why("flakey", "/dev/pmem0 0 5 5 2 random_read_corrupt 1000000001"),
            "Invalid random corrupt argument");
  Boot("v7_2");
  EXPECT_EQ(Why("flakey", "/dev/pmem0 0 5 x"), "Invalid down interval");
}

}  // namespace
}  // namespace dmdax
