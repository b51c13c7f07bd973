// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <sstream>
#include <unordered_set>

#include "absl/container/flat_hash_set.h"

namespace dmdax {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

template <typename A, typename B>
concept Subtractable = requires(A a, B b) {
  a - b;
};
template <typename A, typename B>
concept Addable = requires(A a, B b) {
  a + b;
};
template <typename A, typename B>
concept Comparable = requires(A a, B b) {
  a < b;
};
template <typename A, typename B>
concept Convertible = requires(B b) {
  A{b};
};

// The point of the types: what would be a bug does not compile.
static_assert(Subtractable<sector_t, sector_t>);
static_assert(Subtractable<sector_t, uint64_t>);
static_assert(!Subtractable<sector_t, pgoff_t>);
static_assert(!Subtractable<pfn_t, pgoff_t>);
static_assert(!Addable<sector_t, sector_t>);
static_assert(!Addable<pfn_t, pgoff_t>);
static_assert(!Comparable<sector_t, pgoff_t>);
static_assert(!Comparable<sector_t, uint64_t>);
static_assert(!Convertible<sector_t, pgoff_t>);
static_assert(!std::is_convertible_v<uint64_t, sector_t>);
static_assert(!std::is_convertible_v<sector_t, uint64_t>);
static_assert(sizeof(sector_t) == sizeof(uint64_t));

TEST(UnitsTest, PositionsAndCounts) {
  sector_t s{8};
  EXPECT_EQ(s + 8, sector_t{16});
  EXPECT_EQ(s - 3, sector_t{5});
  EXPECT_EQ(sector_t{20} - s, 12u);
  s += 4;
  ++s;
  EXPECT_EQ(s.value(), 13u);
  EXPECT_LT(sector_t{1}, sector_t{2});
  EXPECT_EQ(sector_t{}, sector_t{0});
}

TEST(UnitsTest, ArithmeticWrapsAsTheKernelsU64) {
  EXPECT_EQ(sector_t{kMax} + 2, sector_t{1});
  EXPECT_EQ(sector_t{1} - 2, sector_t{kMax});
  EXPECT_EQ(sector_t{1} - sector_t{2}, kMax);
}

TEST(UnitsTest, SectorsAndPages) {
  EXPECT_EQ(SectorToPage(sector_t{2048}), pgoff_t{256});
  EXPECT_EQ(SectorToPage(sector_t{2055}), pgoff_t{256}) << "rounds down";
  EXPECT_EQ(PageToSector(pgoff_t{256}), sector_t{2048});
  EXPECT_EQ(PageToSector(pgoff_t{uint64_t{1} << 61}), sector_t{0}) << "wraps";
  EXPECT_EQ(kPageSectors, 8u);
}

TEST(UnitsTest, PageFrames) {
  EXPECT_EQ(PhysPfn(0x100000fff), pfn_t{0x100000});
  EXPECT_EQ(PfnPhys(pfn_t{0x100000}), 0x100000000u);
}

TEST(UnitsTest, CheckedAddDoesNotWrap) {
  EXPECT_EQ(CheckedAdd(1, 2), 3u);
  EXPECT_EQ(CheckedAdd(kMax, 0), kMax);
  EXPECT_EQ(CheckedAdd(kMax, 1), std::nullopt);
  EXPECT_EQ(CheckedAdd(kMax, kMax), std::nullopt);
}

TEST(UnitsTest, PrintsAndHashes) {
  std::ostringstream os;
  os << sector_t{42};
  EXPECT_EQ(os.str(), "42");
  absl::flat_hash_set<pfn_t> set = {pfn_t{1}, pfn_t{2}, pfn_t{1}};
  EXPECT_EQ(set.size(), 2u);
}

}  // namespace
}  // namespace dmdax
