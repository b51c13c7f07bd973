// SPDX-License-Identifier: Apache-2.0
#include "dm/map/extent_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "base/reciprocal.h"
#include "dm/map/batch_kernels.h"
#include "dm/map/stripe_kernels.h"

namespace dmdax {
namespace {

constexpr SimdLevel kLevels[] = {SimdLevel::kPlain, SimdLevel::kAvx2,
                                 SimdLevel::kAvx512, SimdLevel::kAvx512Ifma};

// Many pages at once against Find(); every third extent is said to be no run.
void CheckSearch(const NarrowExtents& table, uint64_t pages) {
  if (!CanSearchRuns<uint32_t>(BestSimd())) return;
  if (table.shape() < ExtentShape::kFine) return;
  std::mt19937_64 rng(pages);
  const size_t n = 1000;
  std::vector<uint64_t> asked = {0, pages - 1, pages, ~uint64_t{0}};
  while (asked.size() < n) {
    const uint64_t start = table[rng() % table.size()].start;
    const uint64_t kinds[] = {start, start - (start > 0), rng() % pages};
    asked.push_back(kinds[rng() % 3]);
  }
  const uint32_t special = table[table.size() * 2 / 3].value;
  std::vector<uint64_t> pfns(n);
  std::vector<int64_t> lengths(n);
  const RunSearch search{table.entries(), special,       pages, 20,
                         pfns.data(),     lengths.data()};
  std::vector<uint32_t> starts(n);
  for (size_t i = 0; i < n; ++i) {
    if (asked[i] < pages && table.shape() != ExtentShape::kFine) {
      starts[i] = table.StartOf(asked[i]);
    }
  }
  size_t answered = 0;
  for (size_t i = 0; i < n; ++i) {
    const size_t to =
        table.shape() == ExtentShape::kFine
            ? AnswerFromSlots(search, table.fine_slots(), table.shift(),
                              asked.data(), i, n)
            : AnswerFromStarts(search, starts.data(), 0, asked.data(), i, n);
    for (; i < to; ++i, ++answered) {
      ASSERT_LT(asked[i], pages);
      const size_t extent = table.Find(asked[i]);
      ASSERT_LT(table[extent].value, special);
      ASSERT_EQ(pfns[i], table[extent].value + asked[i] - table[extent].start);
      ASSERT_EQ(lengths[i],
                std::min<int64_t>(20, table[extent + 1].start - asked[i]));
    }
    if (i == n || asked[i] >= pages) continue;
    ASSERT_GE(table[table.Find(asked[i])].value, special);
  }
  EXPECT_GT(answered, n / 4);
}

// Find() against std::upper_bound(), at every boundary and between.
template <typename Word>
void Check(const std::vector<uint64_t>& starts, uint64_t pages) {
  ExtentTable<Word> table;
  for (uint64_t start : starts) table.Add(start, start + 7);
  table.Finish(pages);
  ASSERT_EQ(table.size(), starts.size());
  std::mt19937_64 rng(pages);
  const auto check = [&](uint64_t page) {
    if (page >= pages) return;
    // They once read the directory that a small table does not have.
    table.PrefetchSlot(page);
    table.PrefetchEntry(page);
    const auto next = std::upper_bound(starts.begin(), starts.end(), page);
    ASSERT_EQ(table.Find(page), static_cast<size_t>(next - starts.begin()) - 1)
        << "page " << page << " of " << pages;
  };
  for (uint64_t start : starts) {
    for (uint64_t page : {start - (start > 0), start, start + 1}) check(page);
    check(rng() % pages);
  }
  check(pages - 1);
  if constexpr (sizeof(Word) == sizeof(uint32_t)) CheckSearch(table, pages);
}

void CheckBoth(const std::vector<uint64_t>& starts, uint64_t pages) {
  ASSERT_NO_FATAL_FAILURE(Check<uint32_t>(starts, pages));
  ASSERT_NO_FATAL_FAILURE(Check<uint64_t>(starts, pages));
}

std::vector<uint64_t> Starts(const std::vector<uint64_t>& sizes,
                             uint64_t* pages) {
  std::vector<uint64_t> starts;
  *pages = 0;
  for (uint64_t size : sizes) {
    starts.push_back(*pages);
    *pages += size;
  }
  return starts;
}

TEST(ExtentTable, EveryShape) {
  std::mt19937_64 rng(1);
  for (size_t n : {1, 2, 3, 8, 9, 100, 5000}) {
    for (int shape = 0; shape < 4; ++shape) {
      std::vector<uint64_t> sizes;
      for (size_t i = 0; i < n; ++i) {
        const uint64_t skewed = rng() % 20 == 0 ? 40000 : 1 + rng() % 2;
        const uint64_t one_big = i == n / 2 ? 1 << 28 : 1;
        const uint64_t all[] = {256, 1 + rng() % 1024, skewed, one_big};
        sizes.push_back(all[shape]);
      }
      uint64_t pages;
      const std::vector<uint64_t> starts = Starts(sizes, &pages);
      ASSERT_NO_FATAL_FAILURE(CheckBoth(starts, pages)) << n << " " << shape;
    }
  }
}

TEST(ExtentTable, EqualButForTheLast) {
  for (uint64_t last : {1, 255, 256, 257, 5000}) {
    uint64_t pages;
    std::vector<uint64_t> sizes(50, 256);
    sizes.push_back(last);
    const std::vector<uint64_t> starts = Starts(sizes, &pages);
    ASSERT_NO_FATAL_FAILURE(CheckBoth(starts, pages)) << last;
  }
}

TEST(ExtentTable, BeyondThirtyTwoBits) {
  const uint64_t big = uint64_t{1} << 45;
  ASSERT_NO_FATAL_FAILURE(Check<uint64_t>({0, 5, big, big + 1}, 3 * big));
}

TEST(ExtentTable, CostsThirteenBytesAnExtent) {
  std::mt19937_64 rng(3);
  NarrowExtents table;
  const size_t n = 100000;
  table.Reserve(n);
  uint64_t pages = 0;
  for (size_t i = 0; i < n; ++i) {
    table.Add(pages, i);
    pages += 1 + rng() % 64;
  }
  table.Finish(pages);
  EXPECT_LE(table.MemoryBytes(), 13 * n + n / 10);
}

TEST(Reciprocal, DividesExactly) {
  std::mt19937_64 rng(2);
  std::vector<uint64_t> numbers = {1, 2, 3, 5, 7, 24, 4096, ~uint64_t{0}};
  for (int i = 0; i < 200; ++i) numbers.push_back((rng() >> (i % 64)) | 1);
  for (uint64_t divisor : numbers) {
    const Reciprocal by(divisor);
    for (uint64_t x : numbers) {
      for (uint64_t d : {x, x - 1, x + 1, x * divisor, x * divisor - 1}) {
        EXPECT_EQ(by.Divide(d),
                  (Reciprocal::Quotient{d / divisor, d % divisor}))
            << d << " / " << divisor;
      }
    }
  }
}

// Every level that this processor has, against a search.
void CheckFewRuns(bool narrow) {
  std::mt19937_64 rng(4);
  const auto random_offset = [&] { return narrow ? rng() >> 33 : rng(); };
  for (size_t n = 1; n <= FewRuns::kMost; ++n) {
    FewRuns runs;
    runs.narrow = narrow;
    runs.start.fill(~uint64_t{0});
    runs.pages = n * 1000;
    runs.more = n - 1;
    std::vector<uint64_t> offsets = {random_offset()};
    runs.offset = offsets[0];
    for (size_t i = 1; i < n; ++i) {
      offsets.push_back(random_offset());
      runs.start[i - 1] = i * 1000;
      runs.step[i - 1] = offsets[i] - offsets[i - 1];
    }
    for (size_t count : {0, 1, 7, 8, 9, 15, 16, 17, 63, 1000}) {
      std::vector<uint64_t> pages(count), pfns(count);
      for (uint64_t& page : pages) page = rng() % runs.pages;
      for (SimdLevel level : kLevels) {
        if (level > BestSimd()) continue;
        ASSERT_TRUE(
            TranslateFewRuns(level, runs, pages.data(), count, pfns.data()));
        for (size_t i = 0; i < count; ++i) {
          ASSERT_EQ(pfns[i], pages[i] + offsets[pages[i] / 1000]);
        }
        if (count == 0) continue;
        for (uint64_t page : {runs.pages, uint64_t{1} << 32, ~uint64_t{0}}) {
          for (size_t at : {size_t{0}, count / 2, count - 1}) {
            std::vector<uint64_t> outside = pages;
            outside[at] = page;
            EXPECT_FALSE(TranslateFewRuns(level, runs, outside.data(), count,
                                          pfns.data()));
          }
        }
      }
    }
  }
}
TEST(BatchKernels, AllLevelsAgree) { CheckFewRuns(/*narrow=*/false); }
TEST(BatchKernels, AllLevelsAgreeIn32Bits) { CheckFewRuns(/*narrow=*/true); }

TEST(BatchKernels, AnswersTooManyForACache) {
  FewRuns runs;
  runs.start.fill(~uint64_t{0});
  runs.start[0] = 500;
  runs.pages = 1000;
  runs.more = 1;
  runs.offset = 7;
  runs.step[0] = 100;
  const size_t n = kStreamingPages + 13;
  std::vector<uint64_t> pages(n), pfns(n + 1);
  for (size_t i = 0; i < n; ++i) pages[i] = i * 37 % 1000;
  for (size_t round = 0; round < 4; ++round) {
    const size_t into = round % 2;
    runs.narrow = round >= 2;
    std::fill(pfns.begin(), pfns.end(), 0);
    ASSERT_TRUE(TranslateFewRuns(BestSimd(), runs, pages.data(), n,
                                 pfns.data() + into));
    for (size_t i = 0; i < n; ++i) {
      ASSERT_EQ(pfns[into + i], pages[i] + (pages[i] < 500 ? 7 : 107)) << i;
    }
  }
  pages[n - 1] = 1000;
  EXPECT_FALSE(
      TranslateFewRuns(BestSimd(), runs, pages.data(), n, pfns.data()));
}

// Pages of a stripe from `offset` up to `end` of it.
void CheckStripe(const StripePeriod& period, uint64_t offset, uint64_t end,
                 uint64_t cap) {
  const auto stripe = OneStripe::Make(period, offset, end - offset, cap);
  ASSERT_TRUE(stripe);
  std::mt19937_64 rng(end);
  std::vector<uint64_t> pages;
  for (int i = 0; i < 301; ++i) pages.push_back((rng() >> 14) >> i % 50);
  const uint64_t length = period.period.divisor();
  for (uint64_t round = 0; round < 20; ++round) {
    const uint64_t edge = rng() % end / length * length;
    pages.push_back(edge - offset);
    pages.push_back(edge - offset - 1);
  }
  for (uint64_t& page : pages) page %= stripe->pages();
  pages.push_back(stripe->pages() - 1);
  for (uint64_t page : pages) {
    const StripePeriod::Run plain = period.At(page + offset);
    const StripePeriod::Run run = stripe->At(page);
    ASSERT_EQ(run.pfn, plain.pfn);
    ASSERT_EQ(run.pages, std::min({plain.pages, cap, stripe->pages() - page}));
    if (!stripe->shifts()) continue;
    ASSERT_EQ(stripe->ShiftedAt(page).pfn, run.pfn);
    ASSERT_EQ(stripe->ShiftedAt(page).pages, run.pages);
  }
  std::vector<uint64_t> pfns(pages.size());
  for (SimdLevel level : kLevels) {
    if (level > BestSimd()) continue;
    ASSERT_TRUE(TranslateStripe(level, *stripe, pages.data(), pages.size(),
                                pfns.data()));
    for (size_t i = 0; i < pages.size(); ++i) {
      ASSERT_EQ(pfns[i], period.At(pages[i] + offset).pfn)
          << "page " << pages[i];
    }
    for (size_t at : {size_t{0}, size_t{17}, pages.size() - 1}) {
      std::vector<uint64_t> outside = pages;
      outside[at] = at == 17 ? ~uint64_t{0} : stripe->pages();
      EXPECT_FALSE(TranslateStripe(level, *stripe, outside.data(),
                                   outside.size(), pfns.data()));
    }
  }
}

// Every level and OneStripe::At() against StripePeriod::At(), for chunks and
// legs of every kind and at the ends of what can be told apart.
TEST(StripeKernels, AllLevelsAgree) {
  std::mt19937_64 rng(5);
  for (const uint64_t chunk : {2u, 3u, 16u, 24u, 257u, 4096u, 100003u}) {
    for (const uint64_t legs : {1u, 2u, 3u, 7u, 8u, 9u, 100u}) {
      StripePeriod period{.period = Reciprocal(chunk * legs),
                          .granule = Reciprocal(chunk),
                          .advance = chunk};
      for (uint64_t i = 0; i < legs; ++i) period.base.push_back(rng() >> 20);
      // As many pages as there can be, for all kernels and for the one of 52
      // bits.
      const uint64_t most =
          std::min(uint64_t{1} << 50, ~uint64_t{0} / (chunk * legs));
      const uint64_t most52 =
          std::min(most, (uint64_t{1} << 52) / std::max(chunk, legs) - 1);
      for (const uint64_t end : {most, most52}) {
        for (const uint64_t offset : {uint64_t{0}, uint64_t{5}, rng() % end}) {
          ASSERT_NO_FATAL_FAILURE(
              CheckStripe(period, offset, end, 1 + rng() % chunk))
              << chunk << " x " << legs;
        }
      }
    }
  }
}

TEST(StripeKernels, RefusesWhatItsBoundsDoNotCover) {
  StripePeriod period{.period = Reciprocal(64),
                      .granule = Reciprocal(32),
                      .advance = 32,
                      .base = {0, 1 << 20}};
  const uint64_t most = uint64_t{1} << 50;
  EXPECT_TRUE(OneStripe::Make(period, 0, most, 1));
  EXPECT_FALSE(OneStripe::Make(period, 1, most, 1));
  EXPECT_FALSE(OneStripe::Make(period, ~uint64_t{0}, 1, 1));
  period.period = Reciprocal(uint64_t{1} << 30);
  EXPECT_FALSE(OneStripe::Make(period, 0, uint64_t{1} << 40, 1));
  period.granule = Reciprocal(1);
  EXPECT_FALSE(OneStripe::Make(period, 0, 1000, 1));
}

TEST(StripeKernels, AnswersTooManyForACache) {
  StripePeriod period{.period = Reciprocal(72),
                      .granule = Reciprocal(24),
                      .advance = 24,
                      .base = {1000, 5000000, 9000000}};
  const size_t n = kStreamingPages + 13;
  const auto stripe = OneStripe::Make(period, 3, n, 24);
  ASSERT_TRUE(stripe);
  std::vector<uint64_t> pages(n), pfns(n + 1);
  for (size_t i = 0; i < n; ++i) pages[i] = i * 37 % n;
  for (size_t into : {0, 1}) {
    ASSERT_TRUE(TranslateStripe(BestSimd(), *stripe, pages.data(), n,
                                pfns.data() + into));
    for (size_t i = 0; i < n; ++i) {
      ASSERT_EQ(pfns[into + i], period.At(pages[i] + 3).pfn) << i;
    }
  }
}

}  // namespace
}  // namespace dmdax
