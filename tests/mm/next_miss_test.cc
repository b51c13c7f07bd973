// SPDX-License-Identifier: Apache-2.0
//
// Where the kernel thinks that a run of cached pages ends.
#include "mm/next_miss.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "base/kernel_profile.h"

namespace dmdax {
namespace {

struct NextMissTest : testing::Test {
  void Cache(uint64_t first, uint64_t end) {
    for (uint64_t i = first; i < end; ++i) mapping.pages[i] = pfn_t{i};
  }
  void CacheFolio(uint64_t first, int order) {
    Cache(first, first + (uint64_t{1} << order));
    mapping.folios[first] = order;
  }
  uint64_t Miss(uint64_t index, uint64_t max = 64) {
    return PageCacheNextMiss(profile, mapping, index, max);
  }

  const FaultProfile& profile = (*FindKernelProfile("v6_1"))->fault;
  AddressSpace mapping;
};

TEST_F(NextMissTest, SinglePagesAreCounted) {
  Cache(8, 12);
  EXPECT_EQ(Miss(7), 7u);
  EXPECT_EQ(Miss(8), 12u);
  EXPECT_EQ(Miss(11), 12u);
  Cache(12, 200);
  EXPECT_EQ(Miss(11, 100), 110u);
  EXPECT_EQ(Miss(150), 200u);
}

TEST_F(NextMissTest, NothingMissing) {
  Cache(8, 40);
  EXPECT_EQ(Miss(8, 32), 39u);
  EXPECT_EQ(
      PageCacheNextMiss((*FindKernelProfile("v6_12"))->fault, mapping, 8, 32),
      0u);
}

// As recorded of 6.1, whose next window began a page late.
TEST_F(NextMissTest, FromInsideAFolioTheMissIsLate) {
  CacheFolio(8, 2);
  Cache(12, 16);
  EXPECT_EQ(Miss(8), 16u);
  EXPECT_EQ(Miss(9), 17u);
  EXPECT_EQ(Miss(11), 19u);
  EXPECT_EQ(Miss(12), 16u);
}

TEST_F(NextMissTest, TheNextNodeIsFoundByTheIndex) {
  CacheFolio(56, 3);
  Cache(64, 71);
  EXPECT_EQ(Miss(61), 71u);
  // Slots of it that the index has passed already are not looked at.
  mapping.pages.erase(64);
  EXPECT_EQ(Miss(60), 71u);
}

TEST_F(NextMissTest, FoliosOfWholeNodes) {
  CacheFolio(64, 6);
  EXPECT_EQ(Miss(100), 128u);
  CacheFolio(128, 7);
  EXPECT_EQ(Miss(100, 512), 256u);
  Cache(256, 258);
  EXPECT_EQ(Miss(100, 512), 258u);
  Cache(258, 4096);
  EXPECT_EQ(Miss(4090), 4096u);
  Cache(4096, 4098);
  EXPECT_EQ(Miss(4090), 4098u);
}

}  // namespace
}  // namespace dmdax
