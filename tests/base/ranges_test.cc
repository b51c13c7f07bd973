// SPDX-License-Identifier: Apache-2.0
#include "base/ranges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bitset>
#include <random>

namespace dmdax {
namespace {

constexpr uint64_t kBits = 200;

// The judge: a bit for each thing.
Ranges RangesOf(const std::bitset<kBits>& bits) {
  Ranges ranges;
  for (uint64_t i = 0; i < kBits; ++i) {
    if (!bits[i]) continue;
    const uint64_t begin = i;
    while (i < kBits && bits[i]) ++i;
    ranges[begin] = i;
  }
  return ranges;
}

TEST(RangesTest, AsABitForEachThing) {
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    Ranges ranges;
    std::bitset<kBits> bits;
    // Some rounds have many small ranges, others few large ones.
    const uint64_t most = round % 2 == 0 ? 4 : 100;
    for (int step = 0; step < 200; ++step) {
      const uint64_t begin = random() % (kBits - 1);
      const uint64_t end = std::min(kBits, begin + 1 + random() % most);
      const bool add = random() % 2 == 0;
      if (add) {
        AddRange(begin, end, &ranges);
      } else {
        RemoveRange(begin, end, &ranges);
      }
      for (uint64_t i = begin; i < end; ++i) bits[i] = add;
      ASSERT_EQ(ranges, RangesOf(bits)) << "round " << round << " step " << step
                                        << ": " << begin << " to " << end;
    }
  }
}

}  // namespace
}  // namespace dmdax
