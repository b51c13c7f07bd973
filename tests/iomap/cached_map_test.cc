// SPDX-License-Identifier: Apache-2.0
//
// What programs do to a mapped file that is not DAX: what is read ahead, what
// becomes dirty and clean, and what xfs reserves.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdint>
#include <utility>

#include "tests/iomap/cached_map_testing.h"

namespace dmdax {
namespace {

// As recorded for a mapping of this size that was populated.
TEST_F(CachedMapTest, TheMarkedPageReadsOn) {
  Use("v6_1", "ext4");
  EXPECT_EQ(Read(0).maj_flt, 1);
  EXPECT_TRUE(Cached(31));
  EXPECT_FALSE(Cached(32));
  EXPECT_EQ(Read(16).min_flt, 1);
  // Around it all is mapped but the mark, an eighth before the end.
  EXPECT_EQ(PresentIn2M(0), 31);
  EXPECT_EQ(Read(24).maj_flt, 1);
  EXPECT_TRUE(Cached(63));
  EXPECT_FALSE(Cached(64));
  // The next window has its mark at once.
  EXPECT_EQ(Read(32).maj_flt, 1);
  EXPECT_EQ(Read(48).min_flt, 1);
  EXPECT_EQ(Read(64).maj_flt, 1);
}

TEST_F(CachedMapTest, AShortFileHasNoMark) {
  Use("v6_1", "ext4");
  inode->i_size = 2 * kPage;
  EXPECT_EQ(Read(0).maj_flt, 1);
  EXPECT_TRUE(inode->mapping.readahead.empty());
  EXPECT_EQ(PresentIn2M(0), 2);
}

// `blockdev --setra 0`.
TEST_F(CachedMapTest, WithoutReadaheadAPageComesAlone) {
  for (const char* kernel : {"v5_10", "v6_1", "v6_12", "v7_2"}) {
    for (const int advice : {MADV_NORMAL, MADV_SEQUENTIAL}) {
      ra_pages = 0;
      Use(kernel, "xfs");
      ASSERT_THAT(mm->Madvise(kAddr, 4 << 20, advice), IsOk());
      EXPECT_EQ(Read(0).maj_flt, 1) << kernel;
      EXPECT_EQ(Read(600).maj_flt, 1) << kernel;
      EXPECT_EQ(inode->mapping.pages.size(), 2u) << kernel << " " << advice;
      EXPECT_EQ(inode->mapping.Folio(0).second, 0) << kernel;
    }
  }
}

TEST_F(CachedMapTest, FsyncMakesTheNextWriteFault) {
  Use("v6_1", "ext4");
  EXPECT_EQ(Write(0).maj_flt, 1);
  EXPECT_FALSE(Write(0).faulted);
  EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), 0);
  EXPECT_FALSE(Read(0).faulted);
  EXPECT_EQ(Write(0).min_flt, 1);
  // What lies outside the range stays dirty.
  EXPECT_THAT(mm->Msync(kAddr + kPage, kPage), IsOk());
  EXPECT_FALSE(Write(0).faulted);
}

TEST_F(CachedMapTest, ReadAroundInXfsMakesFoliosOfFourPages) {
  Use("v6_1", "xfs");
  Read(512);
  EXPECT_EQ(inode->mapping.Folio(513), (std::pair<uint64_t, int>{512, 2}));
  // Their first write reserves blocks for all four.
  EXPECT_EQ(Write(513).sig, 0);
  EXPECT_EQ(inode->extents.Find(512 * kPage),
            (FileExtent{.logical = 512 * kPage,
                        .length = 4 * kPage,
                        .type = IOMAP_DELALLOC}));
  EXPECT_EQ(inode->FsyncRange(0, INT64_MAX, false), 0);
  EXPECT_EQ(inode->extents.Find(512 * kPage),
            (FileExtent{.logical = 512 * kPage,
                        .physical = (32 << 20) + 512 * kPage,
                        .length = 4 * kPage}));
}

TEST_F(CachedMapTest, AdvisedHugePagesAreReadWhole) {
  Use("v6_1", "xfs");
  ASSERT_THAT(mm->Madvise(kAddr, 4 << 20, MADV_HUGEPAGE), IsOk());
  EXPECT_EQ(Read(3).order, 9);
  Use("v6_1", "ext4");
  ASSERT_THAT(mm->Madvise(kAddr, 4 << 20, MADV_HUGEPAGE), IsOk());
  EXPECT_EQ(Read(3).order, 0);
  EXPECT_TRUE(Cached(1023));
}

TEST_F(CachedMapTest, Since618AFaultMapsItsFolio) {
  for (const char* kernel : {"v6_12", "v7_2"}) {
    Use(kernel, "xfs");
    FilemapWrite(*profile, *mem, inode->mapping, 0, 1 << 20);
    const bool whole = profile->map_whole_folios;
    EXPECT_EQ(Write(100).sig, 0);
    EXPECT_EQ(PresentIn2M(0), whole ? 256 : 1) << kernel;
    EXPECT_EQ(Write(101).faulted, !whole) << kernel;
  }
}

// As recorded of 7.2, for an executable mapping.
TEST_F(CachedMapTest, ExecutableMemoryIsReadFromThePageOn) {
  for (const char* kernel : {"v6_16", "v7_2"}) {
    Use(kernel, "ext4");
    ASSERT_THAT(mm->Mprotect(kAddr, 4 << 20, PROT_READ | PROT_EXEC), IsOk());
    Read(178);
    const bool from_page = profile->readahead_exec_from_page;
    EXPECT_EQ(Cached(177), !from_page) << kernel;
    EXPECT_EQ(Cached(194), from_page) << kernel;
    EXPECT_EQ(inode->mapping.readahead.empty(), from_page) << kernel;
  }
}

// As recorded of 6.18: the last window of a file has a mark if it fits.
TEST_F(CachedMapTest, AWindowThatEndsWithTheFileIsMarked) {
  Use("v6_18", "xfs");
  Read(1008);
  EXPECT_TRUE(Cached(1023));
  EXPECT_EQ(IsReadaheadMark(inode->mapping, 1016), true);
  Use("v6_18", "xfs");
  Read(1009);
  EXPECT_TRUE(inode->mapping.readahead.empty());
}

// As recorded of 6.12: the second try of MADV_POPULATE_WRITE drops no lock.
TEST_F(CachedMapTest, PopulateTriesAgain) {
  for (const char* kernel : {"v6_1", "v6_12"}) {
    Use(kernel, "ext4");
    FaultRecorder recorder;
    mm->set_recorder(&recorder);
    ASSERT_THAT(mm->Madvise(kAddr, kPage, MADV_POPULATE_WRITE), IsOk());
    mm->set_recorder(nullptr);
    ASSERT_FALSE(recorder.events().empty());
    const FaultEvent& last = recorder.events().back();
    EXPECT_EQ(last.kind, FaultEventKind::kHandleMmFaultRet);
    EXPECT_EQ((last.ret & VM_FAULT_COMPLETED) != 0,
              !profile->madv_populate_retries)
        << kernel;
  }
}

TEST_F(CachedMapTest, SingleFramesMakeNoHugePage) {
  Use("v6_1", "ext4");
  for (int i = 0; i < 2048; ++i) {
    ASSERT_NE(mem->AllocRam().value() % 512, 0u);
  }
  EXPECT_EQ(mem->AllocRam(9).value() % 512, 0u);
}

}  // namespace
}  // namespace dmdax
