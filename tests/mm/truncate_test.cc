// SPDX-License-Identifier: Apache-2.0
//
// What a truncation leaves of large folios.
#include "mm/truncate.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>

#include "base/kernel_profile.h"

namespace dmdax {
namespace {

constexpr uint64_t kPage = 4096;
using Folios = std::map<uint64_t, int>;

struct Blocks final : AddressSpaceOperations {
  void Readahead(VmFault&, uint64_t, uint64_t) override {}
  bool invalidation_cleans() const override { return true; }
};

struct TruncateTest : testing::Test {
  void Use(const char* kernel) {
    profile = &(*FindKernelProfile(kernel))->fault;
    mapping = AddressSpace();
    for (uint64_t i = 0; i < 32; ++i) mapping.pages[i] = pfn_t{100 + i};
    mapping.folios = {{0, 4}, {16, 4}};
  }
  void Truncate(uint64_t start, uint64_t end) {
    TruncateInodePagesRange(*profile, mapping, start, end);
  }
  void MakeDirty(uint64_t first, uint64_t end) {
    for (uint64_t i = first; i < end; ++i) mapping.dirty.insert(i);
  }
  bool Cached(uint64_t page) { return mapping.pages.contains(page); }

  const FaultProfile* profile = nullptr;
  AddressSpace mapping;
};

TEST_F(TruncateTest, WholeFoliosGo) {
  for (const char* kernel : {"v6_1", "v6_12", "v7_2"}) {
    Use(kernel);
    MakeDirty(0, 32);
    mapping.readahead = {16, 17};
    mapping.not_uptodate = {20};
    Truncate(16 * kPage, 32 * kPage);
    EXPECT_EQ(mapping.folios, (Folios{{0, 4}}));
    EXPECT_EQ(mapping.pages.size(), 16u);
    EXPECT_EQ(mapping.dirty.size(), 16u);
    EXPECT_TRUE(mapping.readahead.empty());
    EXPECT_TRUE(mapping.not_uptodate.empty());
    Truncate(0, kEndOfCache);
    EXPECT_TRUE(mapping.pages.empty());
  }
}

TEST_F(TruncateTest, ACutFolioBecomesSinglePages) {
  Use("v6_12");
  mapping.readahead = {0, 1, 2, 3};
  Truncate(5 * kPage, 7 * kPage);
  EXPECT_EQ(mapping.folios, (Folios{{16, 4}}));
  EXPECT_TRUE(Cached(4));
  EXPECT_FALSE(Cached(5));
  EXPECT_FALSE(Cached(6));
  EXPECT_TRUE(Cached(7));
  EXPECT_EQ(mapping.readahead, std::set<uint64_t>{0});
}

TEST_F(TruncateTest, OrHalvesDownToTheCut) {
  Use("v7_2");
  mapping.readahead = {0, 1, 2, 3, 4, 5};
  Truncate(5 * kPage, 7 * kPage);
  EXPECT_EQ(mapping.folios, (Folios{{0, 2}, {8, 3}, {16, 4}}));
  EXPECT_FALSE(Cached(5));
  EXPECT_FALSE(Cached(6));
  EXPECT_EQ(mapping.readahead, (std::set<uint64_t>{0, 1, 2, 3}));
  // The end of the range is another cut.
  Use("v7_2");
  Truncate(0, 4 * kPage);
  EXPECT_EQ(mapping.folios, (Folios{{6, 1}, {8, 3}, {16, 4}}));
  EXPECT_TRUE(Cached(4));
}

// As recorded of a punch inside a page.
TEST_F(TruncateTest, ZeroesInAPageCutItsFolioToo) {
  for (const char* kernel : {"v6_12", "v7_2"}) {
    Use(kernel);
    Truncate(5 * kPage + 10, 5 * kPage + 20);
    EXPECT_EQ(mapping.Folio(5).second, 0) << kernel;
    EXPECT_EQ(mapping.pages.size(), 32u);
  }
}

TEST_F(TruncateTest, ARangeOverTwoFolios) {
  for (const char* kernel : {"v6_1", "v6_12", "v7_2"}) {
    Use(kernel);
    Truncate(10 * kPage, 20 * kPage);
    EXPECT_TRUE(Cached(9)) << kernel;
    EXPECT_FALSE(Cached(10));
    EXPECT_FALSE(Cached(19));
    EXPECT_TRUE(Cached(20));
  }
}

TEST_F(TruncateTest, ADirtyFolioIsNotCut) {
  for (const char* kernel : {"v6_12", "v7_2"}) {
    Use(kernel);
    MakeDirty(3, 4);
    Truncate(2 * kPage, 20 * kPage);
    EXPECT_EQ(mapping.Folio(2).second, 4) << kernel;
    EXPECT_TRUE(Cached(15));
    EXPECT_FALSE(Cached(16));
    Use(kernel);
    MakeDirty(30, 31);
    Truncate(2 * kPage, 20 * kPage);
    EXPECT_EQ(mapping.Folio(16).second, 4) << kernel;
    EXPECT_TRUE(Cached(16));
    EXPECT_FALSE(Cached(15));
  }
  // Until 6.5 iomap let it go, and all that is left of it is dirty.
  Use("v6_1");
  MakeDirty(3, 4);
  Truncate(2 * kPage, 20 * kPage);
  EXPECT_EQ(mapping.dirty, (std::set<uint64_t>{0, 1}));
  EXPECT_FALSE(Cached(3));
}

// As recorded of 6.18: xfs has nothing attached to what was written whole.
TEST_F(TruncateTest, ADirtyFolioThatNobodyHoldsIsCut) {
  Use("v7_2");
  MakeDirty(0, 16);
  mapping.no_private = {0};
  Truncate(5 * kPage, kEndOfCache);
  EXPECT_EQ(mapping.folios, (Folios{{0, 2}}));
  EXPECT_EQ(mapping.no_private, std::set<uint64_t>{0});
  EXPECT_EQ(mapping.dirty, (std::set<uint64_t>{0, 1, 2, 3, 4}));
}

TEST_F(TruncateTest, BlocksAreCleanWhenTheyAreDropped) {
  Use("v7_2");
  Blocks blocks;
  mapping.a_ops = &blocks;
  MakeDirty(2, 7);
  Truncate(3 * kPage + 1, 6 * kPage);
  EXPECT_EQ(mapping.Folio(3).second, 4);
  EXPECT_EQ(mapping.dirty, (std::set<uint64_t>{2, 3, 6}));
  // Nothing dirty outside the range: the folio can be split.
  Truncate(2 * kPage, 7 * kPage);
  EXPECT_TRUE(mapping.dirty.empty());
  EXPECT_EQ(mapping.Folio(1), (std::pair<uint64_t, int>{0, 1}));
  EXPECT_FALSE(Cached(2));
}

}  // namespace
}  // namespace dmdax
