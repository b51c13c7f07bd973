// SPDX-License-Identifier: Apache-2.0
#include "dm/stats.h"

#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class StatsTest : public TargetTest {
 protected:
  void SetUp() override { ASSERT_EQ(Why("linear", "/dev/pmem0 0"), ""); }
};

TEST_F(StatsTest, RegionsComeAndGo) {
  EXPECT_EQ(Message("@stats_list"), "");
  EXPECT_EQ(Message("@stats_create - /1"), "0");
  EXPECT_EQ(Message("@stats_create 8+16 8 1 precise_timestamps me aux"), "1");
  EXPECT_EQ(Message("@stats_list"),
            "0: 0+2048 2048 - -\n1: 8+16 8 me aux precise_timestamps\n");
  EXPECT_EQ(Message("@stats_list me"), "1: 8+16 8 me aux precise_timestamps\n");
  EXPECT_EQ(Message("@stats_print 1"),
            "8+8 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
            "16+8 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  EXPECT_EQ(Message("@stats_print 1 1 1"), "16+8 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  EXPECT_EQ(Message("@stats_set_aux 0 x"), "");
  EXPECT_EQ(Message("@stats_delete 0"), "");
  EXPECT_EQ(Message("@stats_delete 0"), "ENOENT");
  EXPECT_EQ(Message("@stats_create - /1"), "0") << "the lowest free number";
}

TEST_F(StatsTest, BadParametersAreLogged) {
  for (const char* words :
       {"@stats_create", "@stats_create - 0", "@stats_create 8+0 1",
        "@stats_create - /0", "@stats_create - 1 1 nope",
        "@stats_create - 1 1 histogram:5,5", "@stats_print", "@stats_print x",
        "@stats_print 0 1"}) {
    Log();
    EXPECT_EQ(Message(words), "EINVAL") << words;
    EXPECT_THAT(Log(), testing::ElementsAre(testing::StartsWith(
                           "device-mapper: stats: Invalid parameters")));
  }
  EXPECT_EQ(Message("@stats_print 5"), "ENOENT");
  EXPECT_EQ(Message("@stats_create 0+18446744073709551615 1"), "EOVERFLOW");
  EXPECT_EQ(Message("@stats_create 0+153722867280912000 1"), "ENOMEM");
}

TEST_F(StatsTest, AStepOfTheLongestRegionDoesNotWrap) {
  EXPECT_EQ(Message("@stats_create 0+18446744073709551615 /2"), "0");
  EXPECT_EQ(Message("@stats_list"),
            "0: 0+18446744073709551615 9223372036854775808 - -\n");
}

}  // namespace
}  // namespace dmdax
