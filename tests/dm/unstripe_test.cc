// SPDX-License-Identifier: Apache-2.0
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class UnstripeTest : public TargetTest {};

TEST_F(UnstripeTest, RefusesInTheKernelsOrder) {
  EXPECT_EQ(Why("unstriped", "2 8 1 /dev/pmem0"),
            "Invalid number of arguments");
  EXPECT_EQ(Why("unstriped", "0 0 x /dev/nope x"), "Invalid stripe count");
  EXPECT_EQ(Why("unstriped", "2 0 x /dev/nope x"), "Invalid chunk_size");
  EXPECT_EQ(Why("unstriped", "2 8 x /dev/nope x"), "Invalid stripe number");
  EXPECT_EQ(Why("unstriped", "2 8 3 /dev/nope x"),
            "Please provide stripe between [0, # of stripes]");
  EXPECT_EQ(Why("unstriped", "2 8 1 /dev/nope x"),
            "Couldn't get striped device");
  EXPECT_EQ(Why("unstriped", "2 8 1 /dev/pmem0 +8"),
            "Invalid striped device offset");
  EXPECT_EQ(Why("unstriped", "2 7 1 /dev/pmem0 0"),
            "Target length not divisible by chunk size");
}

TEST_F(UnstripeTest, TheStripeCountItselfIsAStripe) {
  EXPECT_EQ(Why("unstriped", "2 8 2 /dev/pmem0 0"), "");
  EXPECT_EQ(Why("unstriped", "1 8 77 /dev/pmem0 0"), "");
}

TEST_F(UnstripeTest, MapsEveryChunkOfItsLeg) {
  ASSERT_EQ(Why("unstriped", "3 8 1 /dev/pmem0 16"), "");
  EXPECT_EQ(Where(0), "pmem0 24");
  EXPECT_EQ(Where(7), "pmem0 31");
  EXPECT_EQ(Where(8), "pmem0 48");
  EXPECT_EQ(Where(17), "pmem0 73");
  EXPECT_EQ(Table("d"), "0 2048 unstriped 3 8 1 259:0 16\n");
}

TEST_F(UnstripeTest, UndoesStriped) {
  ASSERT_THAT(
      Create("s", {Row(0, 4096, "striped", "2 8 /dev/pmem0 0 /dev/pmem1 0")}),
      IsOk());
  ASSERT_EQ(Why("unstriped", "2 8 1 /dev/mapper/s 0"), "");
  for (uint64_t sector : {0, 7, 8, 2047}) {
    EXPECT_EQ(Where(sector), absl::StrCat("pmem1 ", sector));
  }
}

}  // namespace
}  // namespace dmdax
