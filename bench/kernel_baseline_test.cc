// SPDX-License-Identifier: Apache-2.0
//
// The baseline must be right before it may be slow.
#include "bench/kernel_baseline.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace dmdax::bench {
namespace {

constexpr uint64_t kBase = uint64_t{1} << 32;

class KernelBaselineTest : public testing::TestWithParam<ReadSide> {};

// Around every size at which the index gains a level or fills a node.
TEST_P(KernelBaselineTest, FindsEveryRow) {
  for (size_t n : {1, 7, 8, 9, 72, 73, 647, 648, 649, 5832, 5833}) {
    KernelBaseline kernel(GetParam());
    BaselineDax* pmem = kernel.AddPmem(kBase, (3 * n + 1) << 12);
    std::vector<BaselineRow> rows;
    // Rows of 1, 2, 3, 1 ... pages, laid out backwards.
    uint64_t end = 0;
    for (size_t i = 0; i < n; ++i) {
      const uint64_t len = 8 * (1 + i % 3);
      rows.push_back({end, len, pmem, (n - 1 - i) * 24});
      end += len;
    }
    BaselineDax* md = kernel.AddMapped(rows);
    for (const BaselineRow& row : rows) {
      for (uint64_t page = row.begin / 8; page < (row.begin + row.len) / 8;
           ++page) {
        uint64_t pfn = 0;
        const uint64_t into = page - row.begin / 8;
        ASSERT_EQ(BaselineDirectAccess(md, page, 100, nullptr, &pfn),
                  static_cast<long>(row.len / 8 - into))
            << n << " rows, page " << page;
        ASSERT_EQ(pfn, (kBase >> 12) + row.start / 8 + into);
      }
    }
    EXPECT_EQ(BaselineDirectAccess(md, end / 8, 1, nullptr, nullptr), -EIO);
  }
}

TEST_P(KernelBaselineTest, RefusesAsTheKernelDoes) {
  KernelBaseline kernel(GetParam());
  BaselineDax* pmem = kernel.AddPmem(kBase, 16 << 12);
  // The second row begins and ends inside a page.
  BaselineDax* md = kernel.AddMapped({{0, 12, pmem, 0}, {12, 8, pmem, 16}});
  EXPECT_EQ(BaselineDirectAccess(nullptr, 0, 1, nullptr, nullptr), -EOPNOTSUPP);
  EXPECT_EQ(BaselineDirectAccess(md, 0, -1, nullptr, nullptr), -EINVAL);
  EXPECT_EQ(BaselineDirectAccess(md, 0, 0, nullptr, nullptr), -ERANGE);
  EXPECT_EQ(BaselineDirectAccess(md, 0, 5, nullptr, nullptr), 1);
  EXPECT_EQ(BaselineDirectAccess(md, 1, 5, nullptr, nullptr), -EIO);
  EXPECT_EQ(BaselineDirectAccess(md, 3, 5, nullptr, nullptr), -EIO);
  EXPECT_EQ(BaselineDirectAccess(pmem, 16, 1, nullptr, nullptr), -ERANGE);
}

TEST_P(KernelBaselineTest, DealsChunksOutToLegs) {
  for (const uint32_t chunk : {16u, 24u}) {
    for (const size_t count : {2, 3}) {
      KernelBaseline kernel(GetParam());
      std::vector<BaselineLeg> legs;
      for (size_t i = 0; i < count; ++i) {
        legs.push_back({kernel.AddPmem(kBase * (i + 1), 64 << 12), 8 * i});
      }
      BaselineDax* md = kernel.AddStriped(4 * chunk * count, chunk, legs);
      for (uint64_t page = 0; page < chunk * count / 2; ++page) {
        const uint64_t number = page * 8 / chunk, rest = page * 8 % chunk;
        uint64_t pfn = 0;
        EXPECT_EQ(BaselineDirectAccess(md, page, 100, nullptr, &pfn),
                  static_cast<long>((chunk - rest) / 8));
        EXPECT_EQ(pfn, (kBase * (number % count + 1) >> 12) + number % count +
                           (number / count * chunk + rest) / 8);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(ReadSides, KernelBaselineTest,
                         testing::Values(ReadSide::kNone, ReadSide::kSrcu));

}  // namespace
}  // namespace dmdax::bench
