// SPDX-License-Identifier: Apache-2.0
#include "iomap/file_extents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "iomap/block_allocator.h"
#include "iomap/used_blocks.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

FileExtent Extent(uint64_t logical, uint64_t physical, uint64_t length,
                  uint16_t type = IOMAP_MAPPED) {
  return {
      .logical = logical, .physical = physical, .length = length, .type = type};
}

TEST(FileExtentsTest, FindGivesTheRest) {
  FileExtents extents;
  extents.Insert(Extent(0, 65536, 8192));
  EXPECT_EQ(extents.Find(4096), Extent(4096, 69632, 4096));
  const FileExtent hole = extents.Find(8192);
  EXPECT_EQ(hole.type, IOMAP_HOLE);
  EXPECT_EQ(hole.end(), uint64_t{1} << 63);
}

TEST(FileExtentsTest, AHoleCutsAnExtentInTwo) {
  FileExtents extents;
  extents.Insert(Extent(0, 65536, 12288));
  extents.Remove(4096, 4096);
  EXPECT_THAT(extents.All(),
              ElementsAre(Extent(0, 65536, 4096), Extent(8192, 73728, 4096)));
  EXPECT_EQ(extents.Find(4096).length, 4096u);
  extents.Remove(0, 1 << 20);
  EXPECT_THAT(extents.All(), IsEmpty());
}

TEST(FileExtentsTest, NeighboursThatContinueAreJoined) {
  FileExtents extents;
  extents.Insert(Extent(8192, 73728, 4096));
  extents.Insert(Extent(0, 65536, 4096));
  extents.Insert(Extent(4096, 69632, 4096));
  EXPECT_THAT(extents.All(), ElementsAre(Extent(0, 65536, 12288)));
  // Elsewhere on disk: not joined.
  extents.Insert(Extent(12288, 4096, 4096));
  EXPECT_EQ(extents.All().size(), 2u);
}

TEST(FileExtentsTest, SetTypeSplitsAndLeavesHoles) {
  FileExtents extents;
  extents.Insert(Extent(4096, 65536, 8192, IOMAP_UNWRITTEN));
  extents.SetType(0, 8192, IOMAP_MAPPED);
  EXPECT_THAT(extents.All(),
              ElementsAre(Extent(4096, 65536, 4096),
                          Extent(8192, 69632, 4096, IOMAP_UNWRITTEN)));
}

// Against an array with a word for each block.
TEST(FileExtentsTest, AChangeIsThatOfEachBlock) {
  constexpr uint64_t kBlocks = 24, kBlock = 4096;
  std::mt19937_64 random(17);
  for (int round = 0; round < 2000; ++round) {
    FileExtents extents;
    std::vector<FileExtent> blocks(kBlocks);
    for (uint64_t i = 0; i < kBlocks; ++i) {
      // Some adjoin on disk, some do not; some are holes.
      blocks[i] = Extent(i * kBlock, (i + random() % 2 * 100) * kBlock, kBlock,
                         random() % 4 == 0   ? IOMAP_HOLE
                         : random() % 2 == 0 ? IOMAP_MAPPED
                                             : IOMAP_UNWRITTEN);
      if (blocks[i].type != IOMAP_HOLE) extents.Insert(blocks[i]);
    }
    for (int change = 0; change < 8; ++change) {
      const uint64_t from = random() % kBlocks;
      const uint64_t to = from + 1 + random() % (kBlocks - from);
      const uint16_t type = random() % 2 == 0 ? IOMAP_MAPPED : IOMAP_UNWRITTEN;
      const uint64_t length = (to - from) * kBlock;
      switch (random() % 3) {
        case 0:
          extents.SetType(from * kBlock, length, type);
          for (uint64_t i = from; i < to; ++i) {
            if (blocks[i].type != IOMAP_HOLE) blocks[i].type = type;
          }
          break;
        case 1:
          extents.Remove(from * kBlock, length);
          for (uint64_t i = from; i < to; ++i) blocks[i].type = IOMAP_HOLE;
          break;
        default:
          const uint64_t moved = random() % 2 * 100;
          extents.Insert(
              Extent(from * kBlock, (from + moved) * kBlock, length, type));
          for (uint64_t i = from; i < to; ++i) {
            blocks[i] = Extent(i * kBlock, (i + moved) * kBlock, kBlock, type);
          }
      }
      FileExtents whole;
      for (const FileExtent& block : blocks) {
        if (block.type != IOMAP_HOLE) whole.Insert(block);
      }
      ASSERT_EQ(extents.All(), whole.All()) << "round " << round;
    }
  }
}

TEST(AlignedAllocatorTest, CongruentUntilFull) {
  AlignedAllocator allocator(1 << 20, 4 << 20, 2 << 20);
  EXPECT_EQ(allocator.Allocate(0, 4096), Extent(0, 2 << 20, 4096));
  EXPECT_EQ(allocator.Allocate(4096, 1 << 30)->length,
            (uint64_t{2} << 20) - 4096);
  EXPECT_EQ(allocator.Allocate(0, 4096), std::nullopt);
}

TEST(AlignedAllocatorTest, SkipsWhatIsUsed) {
  UsedBlocks used;
  used.Add(BlockSharing::kOwned, 0, 4096);
  used.Add(BlockSharing::kShared, 4096, 4096);
  used.Add(BlockSharing::kOwned, 16384, 4096);
  AlignedAllocator allocator(0, 24576, 4096, &used);
  // A question takes nothing from the others.
  EXPECT_EQ(allocator.Clone()->Allocate(0, 65536), Extent(0, 8192, 8192));
  EXPECT_EQ(allocator.Allocate(0, 65536), Extent(0, 8192, 8192));
  EXPECT_EQ(allocator.Allocate(8192, 4096), Extent(8192, 20480, 4096));
  EXPECT_FALSE(allocator.Allocate(0, 4096).has_value());
}

TEST(UsedBlocksTest, SharedBlocksAreForSharedExtents) {
  UsedBlocks used;
  used.Add(BlockSharing::kOwned, 8192, 4096);
  used.Add(BlockSharing::kOwned, 0, 4096);
  used.Add(BlockSharing::kOwned, 4096, 4096);
  used.Add(BlockSharing::kShared, 12288, 4096);
  EXPECT_TRUE(used.Refuses(BlockSharing::kOwned, 8192, 4096));
  EXPECT_TRUE(used.Refuses(BlockSharing::kShared, 8192, 8192));
  EXPECT_TRUE(used.Refuses(BlockSharing::kOwned, 12288, 4096));
  EXPECT_FALSE(used.Refuses(BlockSharing::kShared, 12288, 4096));
  EXPECT_FALSE(used.Refuses(BlockSharing::kOwned, 16384, 1 << 20));
  EXPECT_EQ(used.EndOfUsed(0), 16384u);
  EXPECT_EQ(used.NextUsed(12289), ~uint64_t{0});
}

TEST(ExtentListAllocatorTest, ExtentSizeHintsWiden) {
  ExtentListAllocator allocator;
  allocator.Add(Extent(0, 2 << 20, 8 << 20));
  EXPECT_EQ(allocator.Allocate(4096, 4096),
            Extent(4096, (2 << 20) + 4096, 4096));
  allocator.set_extsize(2 << 20);
  EXPECT_EQ(allocator.Allocate(4096, 4096), Extent(0, 2 << 20, 2 << 20));
  EXPECT_EQ(allocator.Allocate(16 << 20, 4096), std::nullopt);
}

}  // namespace
}  // namespace dmdax
