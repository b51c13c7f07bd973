// SPDX-License-Identifier: Apache-2.0
//
// How far ext4 says that a hole of a file with indirect blocks goes.
#include "fs/ext4_holes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/kernel_profile.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 4096;

struct Ext4HolesTest : testing::Test {
  // The end, in blocks, of the hole at `block`, of no more than 512 blocks.
  uint64_t End(const char* kernel, uint64_t block) {
    const FaultProfile& profile = (*FindKernelProfile(kernel))->fault;
    MemMap mem(profile);
    DaxInode inode(profile, mem);
    inode.has_extents = false;
    inode.i_size = 2048 * kBlock;
    for (const uint64_t at : blocks) {
      inode.extents.Insert({.logical = at * kBlock,
                            .physical = (4096 + at) * kBlock,
                            .length = kBlock});
    }
    const FileExtent hole = inode.extents.Find(block * kBlock);
    EXPECT_EQ(hole.type, IOMAP_HOLE);
    const uint64_t length = std::min(hole.length, 512 * kBlock);
    return Ext4EndOfHole(inode, block * kBlock, length) / kBlock;
  }
  std::vector<uint64_t> blocks;
};

// As recorded of both.
TEST_F(Ext4HolesTest, Since73AHoleEndsAtTheNextBlock) {
  EXPECT_EQ(End("v7_2", 0), 1u);
  EXPECT_EQ(End("v7_2", 512), 1024u);
  EXPECT_EQ(End("v7_2", 1024), 1036u);
  EXPECT_EQ(End("v7_2", 1536), 2048u);
  EXPECT_EQ(End("v7_3", 0), 512u);
  EXPECT_EQ(End("v7_3", 1024), 1536u);
  blocks = {5, 600, 1100};
  for (const uint64_t at : {0, 512, 1024, 1536}) {
    EXPECT_EQ(End("v7_2", at), at + 1);
  }
  EXPECT_EQ(End("v7_3", 0), 5u);
  EXPECT_EQ(End("v7_3", 512), 600u);
  EXPECT_EQ(End("v7_3", 1024), 1100u);
  EXPECT_EQ(End("v7_3", 1536), 2048u);
}

TEST_F(Ext4HolesTest, AnAllocationEndsWithItsPointers) {
  EXPECT_EQ(Ext4PointersEnd(0), 12 * kBlock);
  EXPECT_EQ(Ext4PointersEnd(11 * kBlock), 12 * kBlock);
  EXPECT_EQ(Ext4PointersEnd(12 * kBlock), 1036 * kBlock);
  EXPECT_EQ(Ext4PointersEnd(1035 * kBlock), 1036 * kBlock);
  EXPECT_EQ(Ext4PointersEnd(1036 * kBlock), 2060 * kBlock);
}

}  // namespace
}  // namespace dmdax
