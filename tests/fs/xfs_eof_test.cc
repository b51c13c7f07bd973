// SPDX-License-Identifier: Apache-2.0
//
// What xfs allocates behind the end of a file, and when that is freed.
#include "fs/xfs_eof.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "base/kernel_profile.h"
#include "mm/page.h"

namespace dmdax {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMiB = 1 << 20;

struct XfsEofTest : testing::Test {
  XfsEofTest() { Use("v6_1"); }
  void Use(const char* kernel) {
    inode.reset();
    const FaultProfile& profile = (*FindKernelProfile(kernel))->fault;
    mem = std::make_unique<MemMap>(profile);
    inode = std::make_unique<DaxInode>(profile, *mem);
  }
  void Add(uint64_t logical, uint64_t length, uint16_t type) {
    inode->extents.Insert({.logical = logical,
                           .physical = 64 * kMiB + logical,
                           .length = length,
                           .type = type});
  }
  uint64_t End() { return inode->extents.Before(uint64_t{1} << 40).end(); }

  std::unique_ptr<MemMap> mem;
  std::unique_ptr<DaxInode> inode;
  const XfsEof stripes = XfsEofOf("rw,sunit=4096,swidth=8192,noquota");
};

TEST_F(XfsEofTest, TheOptionsSayTheStripes) {
  EXPECT_EQ(stripes.dalign, 2 * kMiB);
  EXPECT_EQ(stripes.align, 2 * kMiB);
  EXPECT_EQ(stripes.allocsize, 65536);
  EXPECT_FALSE(stripes.always);
  EXPECT_EQ(XfsEofOf("sunit=4096,swidth=8192,swalloc").align, 4 * kMiB);
  EXPECT_EQ(XfsEofOf("sunit=4096,swidth=8192,noalign").align, 0);
  EXPECT_EQ(XfsEofOf("").dalign, 0);
  const XfsEof fixed = XfsEofOf("allocsize=1m");
  EXPECT_EQ(fixed.allocsize, kMiB);
  EXPECT_TRUE(fixed.always);
}

TEST_F(XfsEofTest, AnAllocationAtTheEndFillsTheStripeUnit) {
  inode->i_size = 2 * kMiB + 7;
  const uint64_t end = 2 * kMiB + kPage;
  EXPECT_EQ(XfsAlignEnd(stripes, *inode, end), 4 * kMiB);
  EXPECT_EQ(XfsAlignEnd(XfsEof(), *inode, end), end);
  // Not while something lies farther behind.
  Add(5 * kMiB, kPage, IOMAP_UNWRITTEN);
  EXPECT_EQ(XfsAlignEnd(stripes, *inode, end), end);
  // Files smaller than a stripe unit are packed.
  inode->i_size = 2 * kMiB - 1;
  inode->extents.Remove(0, 8 * kMiB);
  EXPECT_EQ(XfsAlignEnd(stripes, *inode, kMiB), kMiB);
  inode->extsize = 3 * kPage;
  EXPECT_EQ(XfsAlignEnd(stripes, *inode, 4 * kPage), 6 * kPage);
}

TEST_F(XfsEofTest, AWriteThatGrowsAFilePreallocates) {
  // The first write to a small file may be the only one.
  EXPECT_EQ(XfsPreallocEnd(XfsEof(), *inode, 0, 100), kPage);
  inode->i_size = kMiB;
  // Behind a hole, the least.
  EXPECT_EQ(XfsPreallocEnd(XfsEof(), *inode, 2 * kMiB, 2 * kMiB + 1),
            2 * kMiB + 65536);
  // Else twice what lies before it, in a power of two.
  Add(0, kMiB - 4 * kPage, IOMAP_MAPPED);
  Add(kMiB - 4 * kPage, 4 * kPage, IOMAP_UNWRITTEN);
  EXPECT_EQ(XfsPreallocEnd(XfsEof(), *inode, kMiB, kMiB + kPage), 3 * kMiB);
  EXPECT_EQ(XfsPreallocEnd(XfsEofOf("allocsize=128k"), *inode, kMiB, kMiB + 1),
            kMiB + 131072);
  // And whole stripe units of a file that has one.
  inode->i_size = 4 * kMiB;
  EXPECT_EQ(XfsPreallocEnd(stripes, *inode, 4 * kMiB, 4 * kMiB + 1), 6 * kMiB);
}

TEST_F(XfsEofTest, ClosingFreesWhatLiesBehindTheEnd) {
  inode->i_size = kPage;
  Add(0, kMiB, IOMAP_MAPPED);
  XfsRelease(*inode, OpenedFor::kReading);
  EXPECT_EQ(End(), kPage);
  // fallocate(2) asked for it.
  Add(0, kMiB, IOMAP_UNWRITTEN);
  inode->xfs.prealloc = true;
  XfsRelease(*inode, OpenedFor::kWriting);
  EXPECT_EQ(End(), kMiB);
}

TEST_F(XfsEofTest, WhoComesBackKeepsIt) {
  inode->i_size = kPage;
  Add(0, kMiB, IOMAP_DELALLOC);
  XfsRelease(*inode, OpenedFor::kWriting);
  EXPECT_EQ(End(), kPage);
  Add(kPage, kMiB, IOMAP_DELALLOC);
  XfsRelease(*inode, OpenedFor::kWriting);
  EXPECT_EQ(End(), kPage + kMiB);
  // A truncate in between begins anew.
  inode->xfs.truncated = true;
  XfsRelease(*inode, OpenedFor::kWriting);
  EXPECT_EQ(End(), kPage);
}

TEST_F(XfsEofTest, Since612OnlyTheFirstWriterFrees) {
  Use("v6_12");
  inode->i_size = kPage;
  Add(0, kMiB, IOMAP_MAPPED);
  XfsRelease(*inode, OpenedFor::kReading);
  EXPECT_EQ(End(), kMiB);
  XfsRelease(*inode, OpenedFor::kWriting);
  EXPECT_EQ(End(), kPage);
  Add(0, kMiB, IOMAP_MAPPED);
  XfsRelease(*inode, OpenedFor::kWriting);
  EXPECT_EQ(End(), kMiB);
}

}  // namespace
}  // namespace dmdax
