// SPDX-License-Identifier: Apache-2.0
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;

class SwitchTest : public TargetTest {
 protected:
  void Make() {
    ASSERT_EQ(Why("switch", "2 16 0 /dev/pmem0 0 /dev/pmem1 8"), "");
    Log();
  }
};

TEST_F(SwitchTest, RefusesInTheKernelsOrder) {
  EXPECT_EQ(Why("switch", "0 16 0 /dev/pmem0 0"), "Invalid number of paths");
  EXPECT_EQ(Why("switch", "262142 16 0"), "Invalid number of paths");
  EXPECT_EQ(Why("switch", "1 0 0 /dev/pmem0 0"), "Invalid region size");
  EXPECT_EQ(Why("switch", "1 16 1 x /dev/pmem0 0"),
            "Invalid number of optional args");
  EXPECT_EQ(Why("switch", "2 16 0 /dev/pmem0 0"),
            "Incorrect number of path arguments");
  EXPECT_EQ(Why("switch", "1 16 0 /dev/nope x"), "Device lookup failed");
  EXPECT_EQ(Why("switch", "1 16 0 /dev/pmem0 x"),
            "Invalid device starting offset");
  EXPECT_EQ(Why("switch", "1 16 0 /dev/pmem0 +8"), "") << "kstrtoull";
}

TEST_F(SwitchTest, RegionsBeginInTurn) {
  Make();
  EXPECT_EQ(Where(0), "pmem0 0");
  EXPECT_EQ(Where(16), "pmem1 24");
  EXPECT_EQ(Where(33), "pmem0 33");
  EXPECT_EQ(Table("d"), "0 2048 switch 2 16 0 259:0 0 259:1 8\n");
}

TEST_F(SwitchTest, MessagesMoveRegionsAndSnapshotsKeepThem) {
  Make();
  EXPECT_EQ(Message("set_region_mappings 0:1 :0 R2,4"), "");
  for (uint64_t region : {0, 2, 4}) {
    EXPECT_EQ(Where(region * 16), absl::StrCat("pmem1 ", region * 16 + 8));
    EXPECT_EQ(Where((region + 1) * 16),
              absl::StrCat("pmem0 ", (region + 1) * 16));
  }
  EXPECT_EQ(Where(6 * 16), "pmem0 96");
  SaveAndRestore();
  EXPECT_EQ(Where(0), "pmem1 8");
}

TEST_F(SwitchTest, AMistakeKeepsWhatCameBefore) {
  Make();
  EXPECT_EQ(Message("set_region_mappings 0:1 2:2"), "EINVAL");
  EXPECT_THAT(Log(), ElementsAre("device-mapper: switch: invalid "
                                 "set_region_mappings device: 2 >= 2"));
  EXPECT_EQ(Where(0), "pmem1 8");
  EXPECT_EQ(Message("set_region_mappings R2,4"), "EINVAL");
  EXPECT_THAT(Log(), ElementsAre("device-mapper: switch: invalid "
                                 "set_region_mappings cycle length: 1 > 0"));
  EXPECT_EQ(Message("set_region_mappings 80:0"), "EINVAL");
  EXPECT_THAT(Log(),
              ElementsAre("device-mapper: switch: invalid "
                          "set_region_mappings region number: 128 >= 128"));
  EXPECT_EQ(Message("set_region_mappings 0x1:0"), "EINVAL");
  EXPECT_THAT(Log(), ElementsAre("device-mapper: switch: invalid "
                                 "set_region_mappings argument: '0x1:0'"));
  EXPECT_EQ(Message("nope"), "EINVAL");
}

}  // namespace
}  // namespace dmdax
