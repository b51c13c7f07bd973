// SPDX-License-Identifier: Apache-2.0
//
// Expected numbers with a case name are what real kernels recorded
// (tests/conformance/corpus/table.results*.jsonl).
#include "block/queue_limits.h"

#include <gtest/gtest.h>

namespace dmdax {
namespace {

constexpr uint32_t kUnlimited = ~uint32_t{0};

const KernelProfile& Profile(absl::string_view name) {
  return **FindKernelProfile(name);
}

QueueLimits Stacking(absl::string_view kernel = "v6_1") {
  return BlkSetStackingLimits(Profile(kernel));
}

// What pmem_attach_disk() puts on its queue.
QueueLimits Pmem() {
  QueueLimits l;
  l.physical_block_size = 4096;
  l.io_min = 4096;
  l.max_sectors = 2560;
  l.max_hw_sectors = kUnlimited;
  return l;
}

// A loop device with a block size.
QueueLimits Loop(uint32_t block_size) {
  QueueLimits l;
  l.logical_block_size = l.physical_block_size = l.io_min = block_size;
  l.max_sectors = l.max_hw_sectors = 2560;
  return l;
}

TEST(QueueLimitsTest, TheNeutralElementChangesNothing) {
  QueueLimits t = Stacking();
  EXPECT_EQ(BlkStackLimits(t, Stacking(), sector_t{0}), 0);
  EXPECT_EQ(t.max_sectors, kUnlimited / 8 * 8 + 7) << "whole 512-byte blocks";
  EXPECT_EQ(t.logical_block_size, 512u);
  EXPECT_FALSE(t.misaligned);
}

TEST(QueueLimitsTest, LinearOnPmemHasPmemsLimits) {
  QueueLimits t = Stacking();
  EXPECT_EQ(BlkStackLimits(t, Pmem(), sector_t{0}), 0);
  EXPECT_EQ(t.physical_block_size, 4096u);
  EXPECT_EQ(t.io_min, 4096u);
  EXPECT_EQ(t.max_sectors, 2560u);
  EXPECT_EQ(t.alignment_offset, 0u);
}

TEST(QueueLimitsTest, AStartBetweenBlocksIsAnAlignmentOffset) {
  QueueLimits t = Stacking();
  EXPECT_EQ(BlkStackLimits(t, Pmem(), sector_t{1}), 0);
  EXPECT_EQ(t.alignment_offset, 3584u) << "7 sectors to the next block";
  EXPECT_FALSE(t.misaligned);
}

// Case lim-misaligned-linear-over-striped: d0 has io_min 2 MiB, d1 begins at
// its sector 1.
TEST(QueueLimitsTest, LinearOverStriped) {
  QueueLimits d0 = Pmem();
  d0.io_min = 2097152;
  d0.io_opt = 4194304;
  QueueLimits d1 = Stacking();
  EXPECT_EQ(BlkStackLimits(d1, d0, sector_t{1}), 0);
  EXPECT_EQ(d1.alignment_offset, 2096640u);
  EXPECT_EQ(d1.io_min, 2097152u);
  EXPECT_EQ(d1.io_opt, 4194304u);
}

// Case str-2x12: a 6 KiB chunk is no multiple of the 4 KiB physical block, so
// io_min falls back to 4096 and the queue is misaligned, but usable.
TEST(QueueLimitsTest, AChunkBetweenBlocksIsMisaligned) {
  QueueLimits row = Stacking();
  EXPECT_EQ(BlkStackLimits(row, Pmem(), sector_t{0}), 0);
  EXPECT_EQ(BlkStackLimits(row, Pmem(), sector_t{0}), 0);
  row.io_min = 12 * 512;
  row.io_opt = 24 * 512;
  QueueLimits table = Stacking();
  EXPECT_EQ(BlkStackLimits(table, row, sector_t{0}), -1);
  EXPECT_TRUE(table.misaligned);
  EXPECT_EQ(table.physical_block_size, 4096u);
  EXPECT_EQ(table.io_min, 4096u);
  EXPECT_EQ(table.io_opt, 12288u);
  EXPECT_EQ(table.max_sectors, 2560u);
}

// Case lim-4k-split-fill: 512-byte and 4096-byte blocks in one table.
TEST(QueueLimitsTest, TheLargerBlockSizeWins) {
  QueueLimits t = Stacking();
  EXPECT_EQ(BlkStackLimits(t, Loop(4096), sector_t{0}), 0);
  EXPECT_EQ(BlkStackLimits(t, Pmem(), sector_t{0}), 0);
  EXPECT_EQ(t.logical_block_size, 4096u);
  EXPECT_EQ(t.physical_block_size, 4096u);
  EXPECT_EQ(t.io_min, 4096u);
  EXPECT_EQ(t.max_sectors, 2560u);
  EXPECT_EQ(t.max_hw_sectors, 2560u);
}

TEST(QueueLimitsTest, OptimalSizesMeetAtTheirLeastCommonMultiple) {
  QueueLimits t = Stacking(), a = Pmem(), b = Pmem();
  a.io_opt = 3 * 4096;
  b.io_opt = 2 * 4096;
  BlkStackLimits(t, a, sector_t{0});
  BlkStackLimits(t, b, sector_t{0});
  EXPECT_EQ(t.io_opt, 6 * 4096u);
}

TEST(QueueLimitsTest, ZeroMeansNoLimit) {
  QueueLimits t = Stacking(), b = Pmem();
  b.max_dev_sectors = 0;
  BlkStackLimits(t, b, sector_t{0});
  EXPECT_GT(t.max_dev_sectors, 2560u);
  b.max_dev_sectors = 64;
  BlkStackLimits(t, b, sector_t{0});
  EXPECT_EQ(t.max_dev_sectors, 64u);
}

TEST(QueueLimitsTest, ChunksMeetAtTheirGreatestCommonDivisor) {
  QueueLimits t = Stacking(), a = Pmem(), b = Pmem();
  a.chunk_sectors = 96;
  b.chunk_sectors = 64;
  BlkStackLimits(t, a, sector_t{0});
  EXPECT_EQ(t.chunk_sectors, 96u);
  BlkStackLimits(t, b, sector_t{0});
  EXPECT_EQ(t.chunk_sectors, 32u);
}

TEST(QueueLimitsTest, ValidationDoesNothingBefore6_11) {
  QueueLimits l = Pmem();
  l.max_sectors = 1234;
  const QueueLimits before = l;
  BlkValidateLimits(Profile("v6_1"), l);
  EXPECT_EQ(l, before);
}

TEST(QueueLimitsTest, ValidationComputesMaxSectorsAnew) {
  QueueLimits l = Pmem();
  BlkValidateLimits(Profile("v6_12"), l);
  EXPECT_EQ(l.max_sectors, 2560u);
  BlkValidateLimits(Profile("v7_2"), l);
  EXPECT_EQ(l.max_sectors, 8192u);
  l.io_opt = 8 << 20;  // a wide stripe
  BlkValidateLimits(Profile("v6_12"), l);
  EXPECT_EQ(l.max_sectors, 16384u);
  l.max_user_sectors = 4096;
  BlkValidateLimits(Profile("v6_12"), l);
  EXPECT_EQ(l.max_sectors, 4096u);
}

}  // namespace
}  // namespace dmdax
