// SPDX-License-Identifier: Apache-2.0
//
// What ftruncate() and fallocate() do to the cached pages of a file, to what
// maps them and to the blocks below.
#include <gtest/gtest.h>
#include <linux/falloc.h>

#include <cstdint>

#include "tests/iomap/cached_map_testing.h"

namespace dmdax {
namespace {

constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

struct CachedCutTest : CachedMapTest {
  void Punch(uint64_t offset, uint64_t length) {
    EXPECT_EQ(fs->Fallocate(*inode, kPunch, offset, length), 0);
  }
  uint16_t TypeAt(uint64_t page) {
    return inode->extents.Find(page * kPage).type;
  }
};

// As recorded of 6.1: ext4 puts the page of a cut block in the cache, and a
// fault on it reads it, though it is no miss.
TEST_F(CachedCutTest, Ext4LeavesAPageThatNobodyHasRead) {
  for (const char* kernel : {"v5_10", "v6_1", "v6_12"}) {
    Use(kernel, "ext4");
    Punch(1023 * kPage + 100, 200);
    EXPECT_TRUE(Cached(1023)) << kernel;
    const FaultOutcome read = Read(1023);
    // The try under the VMA's lock leaves no trace of itself.
    EXPECT_EQ(read.maj_flt, profile->per_vma_lock ? 0 : 1) << kernel;
    EXPECT_FALSE(Cached(1022)) << kernel;
    EXPECT_EQ(PresentIn2M(1023), 1) << kernel;
    EXPECT_FALSE(Read(1023).faulted);
  }
}

TEST_F(CachedCutTest, FaultAroundPassesItBy) {
  Use("v6_1", "ext4");
  ASSERT_EQ(fs->Truncate(*inode, 1000 * kPage + 1), 0);
  ASSERT_EQ(fs->Truncate(*inode, 4 << 20), 0);
  EXPECT_TRUE(Cached(1000));
  Read(1007);
  EXPECT_EQ(PresentIn2M(1007), 15);
  // A write makes it whole.
  fs->Write(*inode, 1000 * kPage, 10);
  Read(1000);
  EXPECT_EQ(PresentIn2M(1007), 16);
}

TEST_F(CachedCutTest, AWrittenBlockIsDirtyThen) {
  Use("v6_1", "ext4");
  inode->extents.Insert(
      {.logical = 0, .physical = 64 << 20, .length = 8 * kPage});
  Punch(kPage + 100, 200);
  Punch(100 * kPage + 100, 200);
  EXPECT_EQ(inode->mapping.dirty, std::set<uint64_t>{1});
}

// As recorded of 6.1: the folio of pages 512 to 515 loses its one mapped page.
TEST_F(CachedCutTest, AFolioThatIsCutIsUnmapped) {
  Use("v6_1", "xfs");
  EXPECT_EQ(Write(512).sig, 0);
  ASSERT_EQ(inode->mapping.Folio(513).second, 2);
  Punch(514 * kPage, 100 * kPage);
  EXPECT_TRUE(Cached(513));
  EXPECT_FALSE(Cached(514));
  EXPECT_EQ(inode->mapping.Folio(513).second, 0);
  EXPECT_EQ(PresentIn2M(512), 0);
}

// As recorded: the partial page that xfs zeroes makes the folio dirty before it
// is cut.
TEST_F(CachedCutTest, ADirtyFolioStaysAndMayBeUnmapped) {
  struct {
    const char* kernel;
    int order, mapped;
  } const kCases[] = {{"v6_12", 8, 0}, {"v6_16", 8, 16}, {"v7_2", 8, 0}};
  for (const auto& c : kCases) {
    Use(c.kernel, "xfs");
    inode->i_size = 0;
    fs->Write(*inode, 0, 1 << 20);
    fs->Write(*inode, 1 << 20, 1 << 20);
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), 0);
    Read(0);
    ASSERT_EQ(fs->Truncate(*inode, 100 * kPage + 100), 0);
    EXPECT_EQ(inode->mapping.Folio(0).second, c.order) << c.kernel;
    EXPECT_EQ(PresentIn2M(0), c.mapped) << c.kernel;
    EXPECT_EQ(Read(101).sig, SIGBUS) << c.kernel;
  }
}

// As recorded of 6.18: a folio that was written whole can be split while it is
// dirty, until something else is written to a part of it.
TEST_F(CachedCutTest, AFolioWrittenWholeCanBeSplit) {
  for (const bool touched : {false, true}) {
    Use("v7_2", "xfs");
    inode->i_size = 0;
    fs->Write(*inode, 0, 1 << 20);
    EXPECT_EQ(inode->mapping.Folio(0).second, 8);
    if (touched) fs->Write(*inode, 10, 10);
    ASSERT_EQ(fs->Truncate(*inode, 100 * kPage), 0);
    EXPECT_EQ(inode->mapping.Folio(0).second, touched ? 8 : 6);
  }
}

// 6.12 writes back the block that is dirty, 6.1 the folio.
TEST_F(CachedCutTest, IomapWritesDirtyBlocksBack) {
  for (const char* kernel : {"v6_1", "v6_12"}) {
    Use(kernel, "xfs");
    ASSERT_EQ(fs->Fallocate(*inode, 0, 0, 4 << 20), 0);
    Read(512);
    ASSERT_EQ(inode->mapping.Folio(513).second, 2);
    fs->Write(*inode, 513 * kPage, kPage);
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), 0);
    EXPECT_EQ(TypeAt(513), IOMAP_MAPPED) << kernel;
    EXPECT_EQ(TypeAt(514),
              profile->iomap_dirty_by_block ? IOMAP_UNWRITTEN : IOMAP_MAPPED)
        << kernel;
  }
}

TEST_F(CachedCutTest, Ext4GetsItsBlocksWhenItIsWrittenBack) {
  Use("v6_1", "ext4");
  EXPECT_EQ(Write(3).sig, 0);
  fs->Write(*inode, 5 * kPage, 10);
  EXPECT_EQ(TypeAt(3), IOMAP_HOLE);
  EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), 0);
  EXPECT_EQ(TypeAt(3), IOMAP_MAPPED);
  EXPECT_EQ(TypeAt(4), IOMAP_HOLE);
  EXPECT_EQ(TypeAt(5), IOMAP_MAPPED);
}

// As recorded: 7.3 zeroes the edges first, and the folio is dirty then.
TEST_F(CachedCutTest, ZeroRangeMayZeroItsEdgesFirst) {
  for (const char* kernel : {"v7_2", "v7_3"}) {
    Use(kernel, "ext4");
    inode->i_size = 0;
    fs->Write(*inode, 0, 1 << 20);
    EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), 0);
    EXPECT_EQ(fs->Fallocate(*inode, FALLOC_FL_ZERO_RANGE, 100 * kPage + 100,
                            10 * kPage),
              0);
    EXPECT_EQ(inode->mapping.Folio(0).second,
              profile->ext4_zero_range_edges_first ? 8 : 6)
        << kernel;
  }
}

// As recorded: fault-around puts no table in for the last folio of the file.
TEST_F(CachedCutTest, TheLastFolioNeedsATable) {
  for (const char* kernel : {"v6_12", "v6_16"}) {
    Use(kernel, "xfs");
    FilemapWrite(*profile, *mem, inode->mapping, 1022 * kPage, 2 * kPage);
    ASSERT_EQ(inode->mapping.Folio(1022).second, 1);
    Read(1022);
    const bool needs = profile->fault_around_needs_table;
    EXPECT_EQ(PresentIn2M(1022), needs ? 1 : 2) << kernel;
    // The second fault finds the table.
    Read(1023);
    EXPECT_EQ(PresentIn2M(1022), 2) << kernel;
  }
}

// As recorded: what a write reserved has blocks once a larger size is on disk.
TEST_F(CachedCutTest, XfsWritesBackWhatTheSizeOnDiskDoesNotCover) {
  for (const char* kernel : {"v5_10", "v6_1", "v6_12", "v7_2"}) {
    Use(kernel, "xfs");
    inode->i_size = 0;
    fs->Write(*inode, 0, 8 * kPage);
    EXPECT_EQ(TypeAt(0), IOMAP_DELALLOC) << kernel;
    ASSERT_EQ(fs->Truncate(*inode, 16 * kPage), 0);
    EXPECT_EQ(TypeAt(0), IOMAP_MAPPED) << kernel;
    // All of it is on disk now, and what is written inside is not waited for.
    fs->Write(*inode, 12 * kPage, kPage);
    ASSERT_EQ(fs->Truncate(*inode, 20 * kPage), 0);
    EXPECT_EQ(TypeAt(12), IOMAP_DELALLOC) << kernel;
  }
}

// As recorded of 6.1 and 6.12.
TEST_F(CachedCutTest, FallocateOfADelayedAllocation) {
  for (const char* kernel : {"v6_1", "v6_12"}) {
    Use(kernel, "xfs");
    inode->i_size = 0;
    fs->Write(*inode, 0, 32 * kPage);
    ASSERT_EQ(fs->Fallocate(*inode, 0, 0, 8 * kPage), 0);
    EXPECT_EQ(TypeAt(7), IOMAP_UNWRITTEN) << kernel;
    EXPECT_EQ(TypeAt(8), profile->xfs_fallocate_takes_whole_delalloc
                             ? IOMAP_UNWRITTEN
                             : IOMAP_DELALLOC)
        << kernel;
  }
}

// A dirty page over unwritten blocks, cut by the new end.
TEST_F(CachedCutTest, ZeroingADirtyPageOverUnwrittenBlocks) {
  struct {
    const char* kernel;
    uint16_t type;
  } const kCases[] = {{"v6_1", IOMAP_MAPPED},
                      {"v6_12", IOMAP_MAPPED},
                      {"v6_16", IOMAP_UNWRITTEN},
                      {"v7_2", IOMAP_UNWRITTEN}};
  for (const auto& c : kCases) {
    Use(c.kernel, "xfs");
    ASSERT_EQ(fs->Fallocate(*inode, 0, 0, 1 << 20), 0);
    EXPECT_EQ(Write(100).sig, 0);
    ASSERT_EQ(fs->Truncate(*inode, 100 * kPage + 100), 0);
    EXPECT_EQ(TypeAt(100), c.type) << c.kernel;
  }
}

}  // namespace
}  // namespace dmdax
