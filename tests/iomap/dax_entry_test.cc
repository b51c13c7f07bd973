// SPDX-License-Identifier: Apache-2.0
#include "iomap/dax_entry.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>

namespace dmdax {
namespace {

struct DaxEntryTest : testing::Test {
  DaxEntry& Take(uint64_t index, int order, unsigned flags) {
    DaxEntry* entry = entries.Grab(index, order, unmap).entry;
    entry->flags = flags | (order > 0 ? unsigned{DAX_PMD} : 0);
    return *entry;
  }
  DaxEntries entries{9};
  uint64_t unmapped = 0;
  DaxEntries::Unmap unmap = [this](uint64_t, uint64_t nr) { unmapped += nr; };
};

TEST_F(DaxEntryTest, APmdNextToSinglePagesIsAConflict) {
  Take(5, 0, 0);
  const DaxEntries::Grabbed grabbed = entries.Grab(0, 9, unmap);
  EXPECT_EQ(grabbed.entry, nullptr);
  EXPECT_EQ(grabbed.fault, VM_FAULT_FALLBACK);
  EXPECT_NE(entries.Grab(512, 9, unmap).entry, nullptr);
}

TEST_F(DaxEntryTest, ARealPmdServesSinglePages) {
  Take(0, 9, 0);
  EXPECT_EQ(entries.Grab(7, 0, unmap).entry->order, 9);
  EXPECT_EQ(entries.nrpages(), 512u);
}

TEST_F(DaxEntryTest, AZeroPmdGivesWay) {
  Take(0, 9, DAX_ZERO_PAGE);
  EXPECT_EQ(entries.Grab(7, 0, unmap).entry->order, 0);
  EXPECT_EQ(unmapped, 512u);
  EXPECT_EQ(entries.nrpages(), 1u);
}

TEST_F(DaxEntryTest, AnEmptyPmdGivesWayWithoutUnmapping) {
  Take(0, 9, DAX_EMPTY);
  EXPECT_EQ(entries.Grab(7, 0, unmap).entry->order, 0);
  EXPECT_EQ(unmapped, 0u);
}

TEST_F(DaxEntryTest, RawIsTheXarrayWord) {
  DaxEntry entry;
  entry.pfn = pfn_t{0x101400};
  entry.flags = DAX_PMD | DAX_LOCKED;
  EXPECT_EQ(entry.raw(), 0x2028005u);
}

TEST_F(DaxEntryTest, DeletingAPageOfAPmdDeletesThePmd) {
  Take(512, 9, 0);
  int gone = 0;
  entries.Delete(513, 1, [&](const DaxEntry&) { ++gone; });
  EXPECT_EQ(gone, 1);
  EXPECT_TRUE(entries.empty());
}

TEST_F(DaxEntryTest, FinalIndexOfAMarkedWalk) {
  Take(0, 0, 0);
  Take(1, 0, 0);
  // One leaf node of 64 slots.
  EXPECT_EQ(entries.FinalIndex(0, entries.Find(1), 1), 0x40u);
  Take(512, 9, 0);
  // Up from the leaf, on to the end of the root.
  EXPECT_EQ(entries.FinalIndex(0, entries.Find(1), 0x7ff), 0x1000u);
  EXPECT_EQ(entries.FinalIndex(0, entries.Find(512), 0x7ff), 0x1000u);
  EXPECT_EQ(entries.FinalIndex(0x200, nullptr, 0x3ff), 0x1000u);
  // The last page of the tree: its leaf and the root end together.
  Take(0xfff, 0, 0);
  EXPECT_EQ(entries.FinalIndex(0, entries.Find(0xfff), ~uint64_t{0} >> 1),
            0x1000u);
  // The slot of an entry that a copy marked is found, though it lies behind.
  entries.Find(512)->towrite = true;
  EXPECT_EQ(entries.FinalIndex(0, nullptr, 0), 0x200u);
  EXPECT_EQ(entries.FinalIndex(0, entries.Find(1), 0x7f), 0x200u);
  entries.Find(512)->towrite = false;
  // Beyond the tree nothing moves.
  EXPECT_EQ(entries.FinalIndex(0x5000, nullptr, 0x6000), 0x5000u);
}

// The tree against a sorted list, which is slow and obvious: pages near each
// other and far apart, of two sizes of huge pages.
TEST(DaxEntries, IsWhatASortedListIs) {
  for (const int pmd_order : {9, 13}) {
    DaxEntries entries(pmd_order);
    std::map<uint64_t, int> list;  // first page -> order
    std::mt19937_64 random(static_cast<uint64_t>(pmd_order));
    const uint64_t huge = uint64_t{1} << pmd_order;
    const auto covers = [&](uint64_t index) {
      auto it = list.upper_bound(index);
      if (it == list.begin()) return list.end();
      --it;
      return index - it->first < uint64_t{1} << it->second ? it : list.end();
    };
    for (int step = 0; step < 20000; ++step) {
      const uint64_t range = random() % 2 == 0 ? 4 * huge : ~uint64_t{0} >> 1;
      const uint64_t index = random() % range;
      const uint64_t first = index & ~(huge - 1);
      const auto next = list.lower_bound(first);
      const bool conflict =
          next != list.end() && next->first < first + huge && next->second == 0;
      ASSERT_EQ(entries.Conflicts(index, pmd_order), conflict) << index;
      switch (random() % 8) {
        case 0: {
          const uint64_t nr = random() % (2 * huge) + 1;
          for (auto it = list.begin(); it != list.end();) {
            const bool gone = it->first < index + nr &&
                              it->first + (uint64_t{1} << it->second) > index;
            it = gone ? list.erase(it) : std::next(it);
          }
          entries.Delete(index, nr, [](const DaxEntry&) {});
          break;
        }
        case 1:
          if (!conflict) list[first] = pmd_order;
          ASSERT_EQ(
              entries.Grab(index, pmd_order, [](uint64_t, uint64_t) {}).entry ==
                  nullptr,
              conflict);
          break;
        case 2:
          if (const auto old = covers(index); old != list.end()) {
            list.erase(old);
          }
          list[index] = 0;
          entries.Insert({.index = index});
          break;
        default: {
          // An empty huge page gives way.
          if (const auto old = covers(index); old != list.end()) {
            list.erase(old);
          }
          list[index] = 0;
          ASSERT_NE(entries.Grab(index, 0, [](uint64_t, uint64_t) {}).entry,
                    nullptr);
        }
      }
      const uint64_t asked = random() % range;
      const DaxEntry* found = entries.Find(asked);
      const auto want = covers(asked);
      ASSERT_EQ(found != nullptr, want != list.end()) << asked;
      if (found != nullptr) {
        ASSERT_EQ(found->index, want->first);
      }
      found = entries.AtOrAfter(asked);
      const auto after = list.lower_bound(asked);
      ASSERT_EQ(found != nullptr, after != list.end()) << asked;
      if (found != nullptr) {
        ASSERT_EQ(found->index, after->first);
      }
      // A list that never ends would be nothing but far pages.
      if (list.size() > 500) {
        list.clear();
        entries.Delete(0, 0, [](const DaxEntry&) {});
        ASSERT_TRUE(entries.empty());
      }
      if (step % 500 != 0) continue;
      auto it = list.begin();
      for (const DaxEntry& entry : entries) {
        ASSERT_NE(it, list.end());
        ASSERT_EQ(entry.index, it->first);
        ASSERT_EQ(entry.order, it->second);
        ++it;
      }
      ASSERT_EQ(it, list.end());
    }
  }
}

// The tree of a file that has one page, far from its start, is no conflict at
// its start.
TEST(DaxEntries, APageFarAwayIsNoConflict) {
  DaxEntries entries(9);
  entries.Insert({.index = 3667});
  EXPECT_FALSE(entries.Conflicts(0, 9));
  EXPECT_TRUE(entries.Conflicts(3600, 9));
}

}  // namespace
}  // namespace dmdax
