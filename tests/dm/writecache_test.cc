// SPDX-License-Identifier: Apache-2.0
// What a writecache keeps, counts and finds again.
#include <array>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

using ::testing::EndsWith;

class WriteCacheTest : public TargetTest {
 protected:
  std::string Read(const BlockDevice& bdev, uint64_t sector) {
    std::array<char, kSectorSize> bytes;
    const absl::Status s = BioRead(const_cast<BlockDevice&>(bdev),
                                   sector_t{sector}, absl::MakeSpan(bytes));
    return s.ok() ? std::string(1, bytes[0]) : ErrnoName(ErrnoOf(s));
  }
  std::string Read(uint64_t sector) { return Read(Md("d").disk(), sector); }
  std::string OnOrigin(uint64_t sector) {
    return Read(*machine().FindBdevByName("mem1"), sector);
  }
  void Write(uint64_t sector, uint64_t count, char byte = 'w') {
    EXPECT_THAT(BioWrite(Md("d").disk(), sector_t{sector},
                         std::string(count << kSectorShift, byte)),
                IsOk());
  }
};

constexpr char kWords[] = "s /dev/mem1 /dev/mem0 4096 0";

TEST_F(WriteCacheTest, CountsBlocksAsTheKernelDoes) {
  ASSERT_EQ(Why("writecache", kWords), "");
  // One request is one hit, whose other blocks count as allocated.
  Write(0, 32);
  Write(0, 32);
  EXPECT_EQ(Read(8), "w");
  EXPECT_EQ(Read(64), std::string(1, '\0'));
  EXPECT_THAT(Status(), EndsWith(" 0 2 1 8 1 0 0 7 0 0 0\n"));
}

TEST_F(WriteCacheTest, TheNextTableHasWhatWasCommitted) {
  ASSERT_EQ(Why("writecache", kWords), "");
  Write(0, 8);
  Write(0, 8, 'x');
  ASSERT_EQ(Why("writecache", kWords), "");
  EXPECT_EQ(Read(0), "x");
  EXPECT_EQ(OnOrigin(0), std::string(1, '\0'));
  // It was committed when the first was removed.
  Write(0, 8, 'y');
  EXPECT_THAT(Status(), EndsWith(" 0 1 1 1 0 1 0 0 0 0 0\n"));
  EXPECT_EQ(Message("flush"), "");
  EXPECT_EQ(OnOrigin(0), "y");
  // It belongs to tables of its block size.
  EXPECT_EQ(Why("writecache", "s /dev/mem1 /dev/mem0 512 0"),
            "Block size does not match superblock");
}

TEST_F(WriteCacheTest, AFlushOnSuspendIsOne) {
  ASSERT_EQ(Why("writecache", kWords), "");
  EXPECT_EQ(Message("flush_on_suspend"), "");
  Write(8, 8);
  EXPECT_THAT(Suspend("d"), IsOk());
  EXPECT_THAT(Resume("d"), IsOk());
  EXPECT_EQ(OnOrigin(8), "w");
  Write(8, 8, 'x');
  EXPECT_THAT(Suspend("d"), IsOk());
  EXPECT_THAT(Resume("d"), IsOk());
  EXPECT_EQ(OnOrigin(8), "w");
  EXPECT_EQ(Read(8), "x");
}

TEST_F(WriteCacheTest, MetadataOnlyWritesAround) {
  ASSERT_EQ(Why("writecache", "s /dev/mem1 /dev/mem0 4096 1 metadata_only"),
            "");
  Write(8, 8);
  EXPECT_EQ(OnOrigin(8), "w");
  EXPECT_THAT(Status(), EndsWith(" 0 0 0 1 0 0 1 0 0 0 0\n"));
}

TEST_F(WriteCacheTest, ASmallCacheGoesToTheOriginFromItsWatermarkOn) {
  // 64 blocks or so.
  ASSERT_THAT(Create("small", {Row(0, 520, "linear", "/dev/mem0 0")}), IsOk());
  ASSERT_EQ(Why("writecache", "s /dev/mem1 /dev/mapper/small 4096 0"), "");
  for (uint64_t i = 0; i < 100; ++i) Write(i * 8, 8);
  EXPECT_EQ(OnOrigin(0), "w");
  EXPECT_EQ(OnOrigin(99 * 8), std::string(1, '\0'));
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(Read(i * 8), "w");
}

TEST_F(WriteCacheTest, ItsStateIsSaved) {
  ASSERT_EQ(Why("writecache", kWords), "");
  Write(0, 16);
  Write(64, 8, 'x');
  const std::string status = Status();
  SaveAndRestore();
  EXPECT_EQ(Status(), status);
  EXPECT_EQ(Read(0), "w");
  EXPECT_EQ(Read(64), "x");
}

}  // namespace
}  // namespace dmdax
