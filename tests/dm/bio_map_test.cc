// SPDX-License-Identifier: Apache-2.0
#include "dm/bio_map.h"

#include <cerrno>

#include "dm/stack_depth.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

class BioMapTest : public TargetTest {};

TEST_F(BioMapTest, WalksDownTheStack) {
  ASSERT_THAT(Create("a", {Row(0, 4096, "linear", "/dev/sda 16")}), IsOk());
  ASSERT_THAT(Create("b", {Row(0, 2048, "linear", "/dev/mapper/a 8"),
                           Row(2048, 8, "zero"), Row(2056, 8, "error")}),
              IsOk());
  const BioRoute route = RouteBio(Md("b").disk(), sector_t{1}, ReqOp::kRead);
  ASSERT_EQ(route.hops.size(), 3u);
  EXPECT_EQ(route.hops[1].sector, sector_t{9});
  EXPECT_EQ(route.hops[2].bdev->name(), "sda");
  EXPECT_EQ(route.hops[2].sector, sector_t{25});
  auto kind = [&](uint64_t sector, ReqOp op) {
    return RouteBio(Md("b").disk(), sector_t{sector}, op).kind;
  };
  EXPECT_EQ(kind(2048, ReqOp::kRead), BioMap::Kind::kZeroes);
  EXPECT_EQ(kind(2048, ReqOp::kWrite), BioMap::Kind::kDropped);
  EXPECT_EQ(kind(2056, ReqOp::kRead), BioMap::Kind::kError);
  EXPECT_EQ(kind(2064, ReqOp::kRead), BioMap::Kind::kError) << "past the end";
}

TEST_F(BioMapTest, AStackOnItselfEnds) {
  ASSERT_THAT(Create("a", {Row(0, 8, "linear", "/dev/sda 0")}), IsOk());
  ASSERT_THAT(Load("a", {Row(0, 8, "linear", "/dev/mapper/a 0")}), IsOk());
  ASSERT_THAT(Resume("a"), IsOk());
  const BioRoute route = RouteBio(Md("a").disk(), sector_t{0}, ReqOp::kRead);
  EXPECT_EQ(route.kind, BioMap::Kind::kError);
  EXPECT_EQ(route.err, ELOOP);
}

// As deep as a translation may be, and one level more.
TEST_F(BioMapTest, AStackOfAsManyLevelsAsMayBe) {
  std::string below = "/dev/sda";
  for (int level = 0; level <= StackDepth::kMax; ++level) {
    const std::string name = absl::StrCat("d", level);
    ASSERT_THAT(Create(name, {Row(0, 8, "linear", below + " 0")}), IsOk());
    below = "/dev/mapper/" + name;
  }
  std::vector<char> in(kSectorSize);
  BlockDevice& most = Md(absl::StrCat("d", StackDepth::kMax - 1)).disk();
  EXPECT_EQ(RouteBio(most, sector_t{0}, ReqOp::kRead).hops.size(),
            StackDepth::kMax + 1u);
  EXPECT_THAT(BioRead(most, sector_t{0}, absl::MakeSpan(in)), IsOk());
  BlockDevice& more = Md(absl::StrCat("d", StackDepth::kMax)).disk();
  EXPECT_EQ(RouteBio(more, sector_t{0}, ReqOp::kRead).err, ELOOP);
  EXPECT_EQ(ErrnoOf(BioRead(more, sector_t{0}, absl::MakeSpan(in))), ELOOP);
}

TEST_F(BioMapTest, DataGoesWhereSectorsGo) {
  ASSERT_THAT(
      Create("s", {Row(0, 32, "striped", "2 8 /dev/mem0 0 /dev/mem1 0")}),
      IsOk());
  std::vector<char> out(32 * kSectorSize), in(out.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(i >> 9);
  ASSERT_THAT(BioWrite(Md("s").disk(), sector_t{0}, out), IsOk());
  ASSERT_THAT(BioRead(Md("s").disk(), sector_t{0}, absl::MakeSpan(in)), IsOk());
  EXPECT_EQ(in, out);
  ASSERT_THAT(BioRead(*machine().FindBdevByName("mem1"), sector_t{8},
                      absl::MakeSpan(in.data(), kSectorSize)),
              IsOk());
  EXPECT_EQ(in[0], 24);
}

TEST_F(BioMapTest, EveryDiskIsBlankUntilItIsWritten) {
  for (const char* name : {"sda", "pmem0", "mem0"}) {
    SCOPED_TRACE(name);
    BlockDevice& disk = *machine().FindBdevByName(name);
    std::vector<char> in(2 * kSectorSize, 'x');
    ASSERT_THAT(BioRead(disk, sector_t{7}, absl::MakeSpan(in)), IsOk());
    EXPECT_EQ(in, std::vector<char>(in.size()));
    // Across the end of a page.
    const std::vector<char> out(in.size(), 'y');
    ASSERT_THAT(BioWrite(disk, sector_t{7}, out), IsOk());
    ASSERT_THAT(BioRead(disk, sector_t{7}, absl::MakeSpan(in)), IsOk());
    EXPECT_EQ(in, out);
    ASSERT_THAT(BioRead(disk, sector_t{9}, absl::MakeSpan(in)), IsOk());
    EXPECT_EQ(in[0], 0);
    ASSERT_EQ(disk.bytes().Pages().size(), 2u);
    ASSERT_THAT(BioWrite(disk, sector_t{7}, std::vector<char>(in.size())),
                IsOk());
    EXPECT_TRUE(disk.bytes().Pages().empty()) << "blank again";
  }
}

TEST_F(BioMapTest, AReadOfABadBlockFails) {
  machine().FindPmem("mem0")->SetBadblocks(sector_t{8}, 1);
  std::vector<char> in(kSectorSize);
  BlockDevice& disk = *machine().FindBdevByName("mem0");
  EXPECT_THAT(BioRead(disk, sector_t{0}, absl::MakeSpan(in)), IsOk());
  EXPECT_THAT(BioRead(disk, sector_t{8}, absl::MakeSpan(in)), HasErrno(EIO));
}

}  // namespace
}  // namespace dmdax
