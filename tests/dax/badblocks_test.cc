// SPDX-License-Identifier: Apache-2.0
#include "dax/badblocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(BadblocksTest, EmptyHasNone) {
  Badblocks bb;
  EXPECT_TRUE(bb.empty());
  EXPECT_EQ(bb.Check(sector_t{0}, kMax), std::nullopt);
}

TEST(BadblocksTest, TheFirstRangeIsCutToTheWindow) {
  Badblocks bb;
  bb.Set(sector_t{8}, 16);
  bb.Set(sector_t{100}, 1);
  EXPECT_EQ(bb.Check(sector_t{0}, 4096), (BadRange{sector_t{8}, 16}));
  EXPECT_EQ(bb.Check(sector_t{10}, 4), (BadRange{sector_t{10}, 4}));
  EXPECT_EQ(bb.Check(sector_t{20}, 100), (BadRange{sector_t{20}, 4}));
  EXPECT_EQ(bb.Check(sector_t{24}, 76), std::nullopt);
  EXPECT_EQ(bb.Check(sector_t{24}, 77), (BadRange{sector_t{100}, 1}));
  EXPECT_EQ(bb.Check(sector_t{8}, 0), std::nullopt);
}

TEST(BadblocksTest, NeighboursAndOverlapsMerge) {
  Badblocks bb;
  bb.Set(sector_t{0}, 8);
  bb.Set(sector_t{16}, 8);
  bb.Set(sector_t{8}, 8);
  EXPECT_THAT(bb.ranges(), ElementsAre(Pair(0, 24)));
  bb.Set(sector_t{4}, 40);
  EXPECT_THAT(bb.ranges(), ElementsAre(Pair(0, 44)));
  bb.Set(sector_t{10}, 0);
  EXPECT_THAT(bb.ranges(), ElementsAre(Pair(0, 44)));
}

TEST(BadblocksTest, ClearingSplits) {
  Badblocks bb;
  bb.Set(sector_t{0}, 24);
  bb.Clear(sector_t{8}, 8);
  EXPECT_THAT(bb.ranges(), ElementsAre(Pair(0, 8), Pair(16, 8)));
  bb.Clear(sector_t{4}, 14);
  EXPECT_THAT(bb.ranges(), ElementsAre(Pair(0, 4), Pair(18, 6)));
  bb.Clear(sector_t{0}, kMax);
  EXPECT_THAT(bb.ranges(), IsEmpty());
}

TEST(BadblocksTest, AnEndPastTheLastSectorIsCut) {
  Badblocks bb;
  bb.Set(sector_t{kMax - 8}, 100);
  EXPECT_THAT(bb.ranges(), ElementsAre(Pair(kMax - 8, 8)));
  EXPECT_EQ(bb.Check(sector_t{kMax - 4}, 100),
            (BadRange{sector_t{kMax - 4}, 4}));
}

// As badblocks_check() has it: an empty window lies inside a bad range if the
// range begins before it and ends after it.
TEST(BadblocksTest, AnEmptyWindowInsideABadRangeIsBad) {
  Badblocks bb;
  bb.Set(sector_t{8}, 16);
  EXPECT_EQ(bb.Check(sector_t{8}, 0), std::nullopt);
  EXPECT_EQ(bb.Check(sector_t{10}, 0), (BadRange{sector_t{10}, 0}));
  EXPECT_EQ(bb.Check(sector_t{24}, 0), std::nullopt);
}

TEST(BadblocksTest, AgreesWithOneBitASector) {
  constexpr uint64_t kSectors = 64;
  std::mt19937 random(1);
  Badblocks bb;
  std::vector<bool> bad(kSectors);
  for (int i = 0; i < 5000; ++i) {
    const uint64_t first = random() % kSectors;
    const uint64_t n = random() % (kSectors - first + 1);
    const bool set = random() % 2;
    set ? bb.Set(sector_t{first}, n) : bb.Clear(sector_t{first}, n);
    for (uint64_t s = first; s < first + n; ++s) bad[s] = set;

    const uint64_t from = random() % kSectors;
    const uint64_t window = 1 + random() % (kSectors - from);
    std::optional<BadRange> expected;
    for (uint64_t s = from; s < from + window; ++s) {
      if (bad[s] && !expected) expected = BadRange{sector_t{s}, 0};
      if (!bad[s] && expected) break;
      if (bad[s]) ++expected->sectors;
    }
    ASSERT_EQ(bb.Check(sector_t{from}, window), expected) << "step " << i;
  }
}

}  // namespace
}  // namespace dmdax
