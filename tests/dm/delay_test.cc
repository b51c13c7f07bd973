// SPDX-License-Identifier: Apache-2.0
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class DelayTest : public TargetTest {};

TEST_F(DelayTest, CountsItsArguments) {
  for (const char* params :
       {"", "/dev/pmem0 0", "/dev/pmem0 0 0 /dev/pmem1 0"}) {
    EXPECT_EQ(Why("delay", params), "Requires exactly 3, 6 or 9 arguments");
  }
}

TEST_F(DelayTest, NumbersComeBeforeTheDevice) {
  EXPECT_EQ(Why("delay", "/dev/nope x 0"), "Invalid device sector");
  EXPECT_EQ(Why("delay", "/dev/nope 0 x"), "Invalid delay");
  EXPECT_EQ(Why("delay", "/dev/nope 0 0"), "Device lookup failed");
  EXPECT_EQ(Why("delay", "/dev/pmem0 0 0 /dev/nope 0 0"),
            "Device lookup failed");
}

TEST_F(DelayTest, EachClassHasItsOwnDevice) {
  ASSERT_EQ(Why("delay", "/dev/pmem0 8 0 /dev/pmem1 16 5 /dev/sda 24 7"), "");
  EXPECT_EQ(Where(1), "pmem0 9");
  EXPECT_EQ(Where(1, ReqOp::kWrite), "pmem1 17");
  EXPECT_EQ(Where(1, ReqOp::kFlush), "sda 25");
  EXPECT_EQ(Table("d"), "0 2048 delay 259:0 8 0 259:1 16 5 8:0 24 7\n");
  EXPECT_EQ(Status(), "0 2048 delay 0 0 0\n");
}

TEST_F(DelayTest, FlushesGoWithWrites) {
  ASSERT_EQ(Why("delay", "/dev/pmem0 0 0 /dev/pmem1 0 0"), "");
  EXPECT_EQ(Where(1, ReqOp::kFlush), "pmem1 1");
  ASSERT_EQ(Why("delay", "/dev/pmem0 0 0"), "");
  EXPECT_EQ(Where(1, ReqOp::kFlush), "pmem0 1");
  EXPECT_EQ(Table("d"), "0 2048 delay 259:0 0 0\n");
}

}  // namespace
}  // namespace dmdax
