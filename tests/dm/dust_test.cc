// SPDX-License-Identifier: Apache-2.0
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class DustTest : public TargetTest {
 protected:
  void Make() { ASSERT_EQ(Why("dust", "/dev/pmem0 16 4096"), ""); }
};

TEST_F(DustTest, RefusesInTheKernelsOrder) {
  EXPECT_EQ(Why("dust", "/dev/nope x"), "Invalid argument count");
  EXPECT_EQ(Why("dust", "/dev/nope x 0"), "Invalid block size parameter");
  EXPECT_EQ(Why("dust", "/dev/nope x 256"), "Block size must be at least 512");
  EXPECT_EQ(Why("dust", "/dev/nope x 1000"), "Block size must be a power of 2");
  EXPECT_EQ(Why("dust", "/dev/nope x 2097152"), "Block size is too large");
  EXPECT_EQ(Why("dust", "/dev/nope x 512"), "Invalid device offset sector");
  EXPECT_EQ(Why("dust", "/dev/nope 0 512"), "Device lookup failed");
}

TEST_F(DustTest, BlocksCountFromTheDevicesStart) {
  Make();
  EXPECT_EQ(Message("addbadblock 2"), "");
  EXPECT_EQ(Where(0), "pmem0 16") << "bypass";
  EXPECT_EQ(Message("enable"), "");
  EXPECT_EQ(Where(0), "EIO");
  EXPECT_EQ(Where(8), "pmem0 24");
  EXPECT_EQ(Status(), "0 2048 dust 259:0 fail_read_on_bad_block verbose\n");
}

TEST_F(DustTest, WritesRepairAfterTheirFailures) {
  Make();
  EXPECT_EQ(Message("addbadblock 2 1"), "");
  EXPECT_EQ(Message("enable"), "");
  SaveAndRestore();
  EXPECT_EQ(Where(0, ReqOp::kWrite), "EIO");
  EXPECT_EQ(Where(0, ReqOp::kWrite), "pmem0 16");
  EXPECT_EQ(Where(0), "pmem0 16");
}

TEST_F(DustTest, Messages) {
  Make();
  EXPECT_EQ(Message("countbadblocks"), "countbadblocks: 0 badblock(s) found");
  EXPECT_EQ(Message("listbadblocks"), "No blocks in badblocklist");
  EXPECT_EQ(Message("addbadblock 9"), "");
  EXPECT_EQ(Message("ADDBADBLOCK 7 255"), "");
  EXPECT_EQ(Message("addbadblock 7"), "EINVAL");
  EXPECT_EQ(Message("addbadblock 7 256"), "EINVAL");
  EXPECT_EQ(Message("addbadblock"), "EINVAL");
  EXPECT_EQ(Message("addbadblock 16385"), "EINVAL") << "past the device";
  EXPECT_EQ(Message("listbadblocks"), "7\n9\n");
  EXPECT_EQ(Message("queryblock 7"),
            "dust_query_block: block 7 found in badblocklist");
  EXPECT_EQ(Message("removebadblock 7"), "");
  EXPECT_EQ(Message("removebadblock 7"), "EINVAL");
  EXPECT_EQ(Message("clearbadblocks"),
            "dust_clear_badblocks: badblocks cleared");
  EXPECT_EQ(Message("clearbadblocks"),
            "dust_clear_badblocks: no badblocks found");
  EXPECT_EQ(Message("a b c d"), "EINVAL");
  EXPECT_EQ(Message("nope"), "EINVAL");
}

}  // namespace
}  // namespace dmdax
