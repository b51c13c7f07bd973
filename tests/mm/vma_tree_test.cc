// SPDX-License-Identifier: Apache-2.0
#include "mm/vma_tree.h"

#include <gtest/gtest.h>

namespace dmdax {
namespace {

struct VmaTreeTest : testing::Test {
  VmAreaStruct* Add(uint64_t start, uint64_t end) {
    auto vma = std::make_unique<VmAreaStruct>();
    vma->vm_start = start;
    vma->vm_end = end;
    return tree.Insert(std::move(vma));
  }

  VmaTree tree;
};

TEST_F(VmaTreeTest, FindIsTheFirstThatEndsAbove) {
  EXPECT_EQ(tree.Find(0), nullptr);
  VmAreaStruct* low = Add(0x1000, 0x2000);
  VmAreaStruct* high = Add(0x4000, 0x6000);
  EXPECT_EQ(tree.Find(0), low);
  EXPECT_EQ(tree.Find(0x1fff), low);
  EXPECT_EQ(tree.Find(0x2000), high);
  EXPECT_EQ(tree.Find(0x5fff), high);
  EXPECT_EQ(tree.Find(0x6000), nullptr);
}

TEST_F(VmaTreeTest, AnIntersectionHasAByteOfTheRange) {
  VmAreaStruct* low = Add(0x1000, 0x2000);
  VmAreaStruct* high = Add(0x4000, 0x6000);
  EXPECT_EQ(tree.FindIntersection(0, 0x1000), nullptr);
  EXPECT_EQ(tree.FindIntersection(0, 0x1001), low);
  EXPECT_EQ(tree.FindIntersection(0x1fff, 0x9000), low);
  EXPECT_EQ(tree.FindIntersection(0x2000, 0x4000), nullptr);
  EXPECT_EQ(tree.FindIntersection(0x2000, 0x9000), high);
}

TEST_F(VmaTreeTest, NeighboursNeedNotTouch) {
  VmAreaStruct* low = Add(0x1000, 0x2000);
  VmAreaStruct* high = Add(0x4000, 0x6000);
  EXPECT_EQ(tree.Prev(*low), nullptr);
  EXPECT_EQ(tree.Next(*low), high);
  EXPECT_EQ(tree.Prev(*high), low);
  EXPECT_EQ(tree.Next(*high), nullptr);
}

TEST_F(VmaTreeTest, TheHighestAreaThatIsLargeEnough) {
  EXPECT_EQ(tree.EmptyAreaRev(0x1000, 0x10000, 0xf000), 0x1000);
  EXPECT_EQ(tree.EmptyAreaRev(0x1000, 0x10000, 0xf001), std::nullopt);
  Add(0x4000, 0x6000);
  VmAreaStruct* middle = Add(0x8000, 0x9000);
  Add(0xa000, 0xf000);
  EXPECT_EQ(tree.EmptyAreaRev(0x1000, 0x10000, 0x1000), 0xf000);
  EXPECT_EQ(tree.EmptyAreaRev(0x1000, 0x10000, 0x2000), 0x6000);
  EXPECT_EQ(tree.EmptyAreaRev(0x1000, 0x10000, 0x3000), 0x1000);
  EXPECT_EQ(tree.EmptyAreaRev(0x2000, 0x10000, 0x3000), std::nullopt);
  // A top that is inside a mapping, and one inside an area.
  EXPECT_EQ(tree.EmptyAreaRev(0x1000, 0xb000, 0x1000), 0x9000);
  EXPECT_EQ(tree.EmptyAreaRev(0x1000, 0x9800, 0x1000), 0x7000);
  tree.SetEnd(*middle, 0xa000);
  EXPECT_EQ(tree.EmptyAreaRev(0x1000, 0xf000, 0x1000), 0x7000);
  tree.Erase(*middle);
  EXPECT_EQ(tree.EmptyAreaRev(0x1000, 0xf000, 0x4000), 0x6000);
  EXPECT_EQ(tree.map_count(), 2u);
}

}  // namespace
}  // namespace dmdax
