// SPDX-License-Identifier: Apache-2.0
#include "base/dev_t.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dmdax {
namespace {

TEST(DevTTest, PrintsAsTablesDo) {
  EXPECT_EQ((DevT{259, 1}).ToString(), "259:1");
  EXPECT_EQ(DevT{}.ToString(), "0:0");
}

TEST(DevTTest, HugeEncodingIsTheIoctls) {
  EXPECT_EQ((DevT{254, 0}).HugeEncode(), 0xfe00u);
  EXPECT_EQ((DevT{254, 255}).HugeEncode(), 0xfeffu);
  EXPECT_EQ((DevT{254, 256}).HugeEncode(), 0x10fe00u);
  EXPECT_EQ((DevT{4095, 1048575}).HugeEncode(), 0xffffffffu);
}

TEST(DevTTest, DecodingUndoesEncoding) {
  for (uint32_t major : {0u, 1u, 8u, 254u, 259u, 4095u}) {
    for (uint32_t minor : {0u, 1u, 255u, 256u, 65536u, 1048575u}) {
      const DevT dev{major, minor};
      EXPECT_EQ(DevT::HugeDecode(dev.HugeEncode()), dev) << dev.ToString();
    }
  }
}

TEST(DevTTest, DecodingCutsTo32Bits) {
  EXPECT_EQ(DevT::HugeDecode(0x10000fe00), (DevT{254, 0}));
}

TEST(DevTTest, FitsIsTheRangeOfMkdev) {
  EXPECT_TRUE((DevT{4095, 1048575}).Fits());
  EXPECT_FALSE((DevT{4096, 0}).Fits());
  EXPECT_FALSE((DevT{0, 1048576}).Fits());
}

TEST(DevTTest, OrdersByMajorThenMinor) {
  EXPECT_LT((DevT{8, 16}), (DevT{259, 0}));
  EXPECT_LT((DevT{8, 0}), (DevT{8, 16}));
}

}  // namespace
}  // namespace dmdax
