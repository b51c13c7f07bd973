// SPDX-License-Identifier: Apache-2.0
#include "iomap/dax_entry.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace dmdax
