// SPDX-License-Identifier: Apache-2.0
#include "state/row_positions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace dmdax {
namespace {

using testing::ElementsAre;
using Before = std::vector<std::optional<int64_t>>;

std::vector<int64_t> Choose(const Before& before) {
  std::vector<int64_t> positions(before.size());
  ChoosePositions(before, absl::MakeSpan(positions));
  return positions;
}

int64_t Changed(const Before& before, const std::vector<int64_t>& now) {
  int64_t changed = 0;
  for (size_t i = 0; i < now.size(); ++i) changed += before[i] != now[i];
  return changed;
}

TEST(RowPositions, RowsInOrderStayWhereTheyAre) {
  EXPECT_THAT(Choose({}), ElementsAre());
  EXPECT_THAT(Choose({3, 5, 1000}), ElementsAre(3, 5, 1000));
}

TEST(RowPositions, OneThatMovedIsTheOnlyOneToChange) {
  const Before to_front = {50, 10, 20, 30, 40};
  EXPECT_EQ(Changed(to_front, Choose(to_front)), 1);
  const Before to_end = {20, 30, 40, 50, 10};
  EXPECT_EQ(Changed(to_end, Choose(to_end)), 1);
}

TEST(RowPositions, WithoutRoomAllAreNumberedAnew) {
  EXPECT_THAT(Choose({7, {}, 8}), ElementsAre(1 << 20, 2 << 20, 3 << 20));
}

TEST(RowPositions, AlwaysAscendAndChangeLittle) {
  std::mt19937 random(1);
  Before rows;
  for (int step = 0; step < 3000; ++step) {
    if (rows.empty() || random() % 3 != 0) {
      rows.insert(rows.begin() + random() % (rows.size() + 1), std::nullopt);
    } else {
      rows.erase(rows.begin() + random() % rows.size());
    }
    const std::vector<int64_t> now = Choose(rows);
    for (size_t i = 0; i < now.size(); ++i) {
      ASSERT_GT(now[i], i == 0 ? 0 : now[i - 1]) << step;
    }
    if (Changed(rows, now) > 1) {
      // Only when two neighbours have left no room.
      ASSERT_EQ(now[0], 1 << 20) << step;
    }
    rows.assign(now.begin(), now.end());
  }
}

}  // namespace
}  // namespace dmdax
