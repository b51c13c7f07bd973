// SPDX-License-Identifier: Apache-2.0
//
// What of a recording is known of the blocks that a step allocates.
#include "tests/conformance/fed_blocks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "base/kernel_profile.h"
#include "mm/page.h"

namespace dmdax::conformance {
namespace {

constexpr uint64_t kPage = 4096;

std::string Event(uint64_t offset, uint64_t addr, uint64_t length,
                  const std::string& flags) {
  return absl::StrFormat(
      "iomap_iter_dstmap: dev 254:0 ino 0xc bdev 0:0 addr 0x%x offset 0x%x "
      "length 0x%x type MAPPED flags %s",
      addr, offset, length, flags);
}

struct FedBlocksTest : testing::Test {
  FedBlocksTest()
      : profile((*FindKernelProfile("v6_1"))->fault),
        mem(profile),
        inode(profile, mem) {
    inode.s_dax = true;
  }
  void Record(const Json& touches, const Json& the_steps, const Json& fiemap) {
    recorded = {{"steps", the_steps}};
    after = fiemap;
    blocks.Record({.steps = &recorded["steps"],
                   .changes = ChangesOfSteps(touches, recorded),
                   .after = &after,
                   .zero_frees = ZeroRangeFrees::kYes,
                   .shows = ShowsAllocations::kYes});
  }
  // Where block `logical` is, if step `i` allocates it; 0: nowhere.
  uint64_t At(size_t i, uint64_t logical, uint64_t length = kPage) {
    blocks.Take(i, inode);
    const std::optional<FileExtent> got = blocks.Allocate(logical, length);
    if (!got) return 0;
    last_length = got->length;
    return got->physical;
  }

  const FaultProfile& profile;
  MemMap mem;
  DaxInode inode;
  Json recorded, after;
  FedBlocks blocks;
  uint64_t last_length = 0;
};

Json Fallocate(const char* op, uint64_t offset, uint64_t length) {
  return {{"op", op}, {"off", offset}, {"len", length}, {"errno", nullptr}};
}

TEST_F(FedBlocksTest, WhatIsFreedAgainIsNotWhatIsThereInTheEnd) {
  Record({"falloc@0:8192", "trunc@4096", "falloc@4096:4096"},
         {{{"op", "mmap"}},
          Fallocate("falloc", 0, 8192),
          Fallocate("trunc", 4096, 0),
          Fallocate("falloc", 4096, 4096)},
         {{{"logical", 0},
           {"physical", 0x10000},
           {"length", 4096},
           {"flags", {"unwritten"}}},
          {{"logical", 4096},
           {"physical", 0x90000},
           {"length", 4096},
           {"flags", {"unwritten"}}}});
  EXPECT_EQ(At(1, 0), 0x10000);
  EXPECT_EQ(At(3, kPage), 0x90000);
  // The first of them goes on behind what is known.
  blocks.Take(1, inode);
  ASSERT_TRUE(blocks.Allocate(0, kPage));
  EXPECT_EQ(blocks.Allocate(kPage, kPage)->physical, 0x11000);
}

TEST_F(FedBlocksTest, ATruncateShowsTheLastBlockFirst) {
  Record({"falloc@0:8192", "trunc@5000"},
         {{{"op", "mmap"}},
          Fallocate("falloc", 0, 8192),
          {{"op", "trunc"},
           {"off", 5000},
           {"errno", nullptr},
           {"events", {Event(0, 0x10000, 2 * kPage, "")}}}},
         Json::array());
  EXPECT_EQ(At(1, kPage), 0x11000);
}

TEST_F(FedBlocksTest, AnInsertedRangeMovesWhatIsBehindIt) {
  Record({"falloc@0:8192", "sh:daxprobe fallocate /mnt/f 32 4096 8192"},
         {{{"op", "mmap"}},
          Fallocate("falloc", 0, 8192),
          {{"op", "sh"}, {"rc", 0}}},
         {{{"logical", 0},
           {"physical", 0x10000},
           {"length", 4096},
           {"flags", Json::array()}},
          {{"logical", 12288},
           {"physical", 0x50000},
           {"length", 4096},
           {"flags", Json::array()}}});
  EXPECT_EQ(At(1, 0), 0x10000);
  EXPECT_EQ(At(1, kPage), 0x50000);
}

TEST_F(FedBlocksTest, AnOperationThatFailedFreesNothing) {
  Json trunc = Fallocate("trunc", 0, 0);
  trunc["errno"] = "EIO";
  Record({"falloc@0:4096", "trunc@0"},
         {{{"op", "mmap"}}, Fallocate("falloc", 0, 4096), trunc},
         {{{"logical", 0},
           {"physical", 0x10000},
           {"length", 4096},
           {"flags", Json::array()}}});
  EXPECT_EQ(At(1, 0), 0x10000);
}

TEST_F(FedBlocksTest, WhatComesNewIsNoLongerThanItsEvent) {
  Record(
      {"w@0", "w@4096"},
      {{{"op", "mmap"}},
       {{"op", "w"}, {"events", {Event(0, 0x10000, kPage, "NEW|DIRTY")}}},
       {{"op", "w"}, {"events", {Event(kPage, 0x11000, kPage, "NEW|DIRTY")}}}},
      {{{"logical", 0},
        {"physical", 0x10000},
        {"length", 8192},
        {"flags", Json::array()}}});
  EXPECT_EQ(At(1, 0, 2 << 20), 0x10000);
  EXPECT_EQ(last_length, kPage);
  // What a later step got is no help to one that got nothing.
  EXPECT_EQ(At(1, kPage), 0);
  EXPECT_EQ(At(2, kPage), 0x11000);
}

// What can not be zeroed would have lain near what the file has.
TEST_F(FedBlocksTest, BlocksThatNothingShowsAreNearOthers) {
  recorded = {{"steps", {{{"op", "mmap"}}, {{"op", "w"}, {"sig", "SIGBUS"}}}}};
  constexpr uint64_t kBad = 1 << 20;  // what lies before it fails
  blocks.Record(
      {.steps = &recorded["steps"],
       .zero_frees = ZeroRangeFrees::kYes,
       .zeroout = [](uint64_t at, uint64_t) { return at < kBad ? -EIO : 0; }});
  EXPECT_EQ(At(1, kPage), 0u) << "there is no space, as far as one knows";
  inode.extents.Insert({.logical = 0,
                        .physical = 0x10000,
                        .length = kPage,
                        .type = IOMAP_UNWRITTEN});
  EXPECT_EQ(At(1, kPage), 0x10000u);
}

TEST_F(FedBlocksTest, WithoutSpaceAStepGotWhatTheSizeShows) {
  inode.i_size = kPage;
  Json full = Fallocate("falloc", 0, 1 << 20);
  full["errno"] = "ENOSPC";
  const Json fault = {
      {"op", "r"},
      {"events", {"dax_pmd_fault: dev 254:0 ino 0xc max_pgoff 0x10"}}};
  const Json fiemap = {{{"logical", 0},
                        {"physical", 0x10000},
                        {"length", 16 * kPage},
                        {"flags", {"unwritten"}}}};
  const Json touches = {"falloc@0:1048576", "r@0"};
  for (FallocateKeeps keeps :
       {FallocateKeeps::kNothing, FallocateKeeps::kWhatItGot}) {
    recorded = {{"steps", {{{"op", "mmap"}}, full, fault}}};
    after = fiemap;
    blocks.Record({.steps = &recorded["steps"],
                   .changes = ChangesOfSteps(touches, recorded),
                   .after = &after,
                   .keeps = keeps});
    const bool kept = keeps == FallocateKeeps::kWhatItGot;
    EXPECT_EQ(At(1, kPage, 1 << 20), kept ? 0x11000u : 0u);
    if (kept) {
      EXPECT_EQ(last_length, 15 * kPage);
    }
    EXPECT_EQ(At(1, 16 * kPage), 0u);
  }
}

}  // namespace
}  // namespace dmdax::conformance
