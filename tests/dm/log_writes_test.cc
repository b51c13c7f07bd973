// SPDX-License-Identifier: Apache-2.0
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class LogWritesTest : public TargetTest {};

TEST_F(LogWritesTest, MarksTakeABlockOfTheLog) {
  ASSERT_THAT(Create("log", {Row(0, 16, "linear", "/dev/pmem1 0")}), IsOk());
  ASSERT_EQ(Why("log-writes", "/dev/pmem0 /dev/mapper/log"), "");
  EXPECT_EQ(Status(), "0 2048 log-writes 0 0\n");
  EXPECT_EQ(Message("mark one"), "");
  EXPECT_EQ(Status(), "0 2048 log-writes 1 1\n");
  SaveAndRestore();
  EXPECT_EQ(Status(), "0 2048 log-writes 1 1\n");
  for (int i = 0; i < 20; ++i) Message("mark more");
  EXPECT_EQ(Status(), "0 2048 log-writes 14 15 logging_disabled\n");
}

TEST_F(LogWritesTest, Refusals) {
  EXPECT_EQ(Why("log-writes", "/dev/pmem0"), "Invalid argument count");
  EXPECT_EQ(Why("log-writes", "/dev/nope /dev/nope"), "Device lookup failed");
  EXPECT_EQ(Why("log-writes", "/dev/pmem0 /dev/nope"),
            "Log device lookup failed");
  ASSERT_EQ(Why("log-writes", "/dev/pmem0 /dev/pmem1 x y"), "");
  EXPECT_EQ(Message("mark"), "EINVAL");
  EXPECT_EQ(Message("nope x"), "EINVAL");
}

}  // namespace
}  // namespace dmdax
