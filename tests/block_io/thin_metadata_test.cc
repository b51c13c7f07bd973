// SPDX-License-Identifier: Apache-2.0
//
// A thin pool that is opened anew has what its messages and writes have left on
// the metadata device: all of it as it once was, and what each commit since has
// appended.
#include <map>
#include <memory>
#include <random>
#include <string>

#include "tests/block_io/block_file_testing.h"

namespace dmdax {
namespace {

constexpr uint64_t kBlock = 128 * kSectorSize, kBlocks = 32;

class ThinMetadataTest : public OpensDevices {
 protected:
  using Blocks = std::map<uint64_t, char>;  // what each begins with

  void OpenPool() {
    ASSERT_EQ(Why("thin-pool", "/dev/mem0 /dev/mem1 128 0", 131072), "");
  }
  // The thin device, as "t"; it goes when that is made anew.
  std::unique_ptr<BlockFile> OpenThin(uint64_t id) {
    CloseThin();
    EXPECT_THAT(Create("t", {Row(0, kBlocks * 128, "thin",
                                 absl::StrCat("/dev/mapper/d ", id))}),
                IsOk());
    return Open("t");
  }
  void CloseThin() {
    if (ctl().FindDevice("t") == nullptr) return;
    EXPECT_THAT(Remove("t"), IsOk());
  }

  void Step(std::mt19937& random) {
    const uint64_t id = random() % 60, other = random() % 60;
    const unsigned what = random() % 10;
    CloseThin();
    if (what == 0 && thins_.contains(id)) {
      EXPECT_EQ(Message(absl::StrCat("delete ", id)), "");
      thins_.erase(id);
    } else if (what <= 2 && thins_.contains(other)) {
      EXPECT_EQ(Message(absl::StrCat("create_snap ", id, " ", other)),
                thins_.contains(id) ? "EEXIST" : "");
      thins_.emplace(id, thins_[other]);
    } else if (what <= 5 || !thins_.contains(id)) {
      EXPECT_EQ(Message(absl::StrCat("create_thin ", id)),
                thins_.contains(id) ? "EEXIST" : "");
      thins_.emplace(id, Blocks());
    } else {
      const uint64_t block = random() % kBlocks;
      const char c = static_cast<char>('a' + random() % 26);
      const auto file = OpenThin(id);
      EXPECT_THAT(file->Write(block * kBlock, std::string(512, c)), IsOk());
      EXPECT_THAT(file->Fsync(), IsOk());
      thins_[id][block] = c;
    }
  }

  void ExpectAllIsThere() {
    for (uint64_t id = 0; id < 60; ++id) {
      if (!thins_.contains(id)) continue;
      const auto file = OpenThin(id);
      for (uint64_t block = 0; block < kBlocks; ++block) {
        char c = '?';
        EXPECT_THAT(file->Read(block * kBlock, absl::MakeSpan(&c, 1)), IsOk());
        const auto it = thins_[id].find(block);
        EXPECT_EQ(c, it == thins_[id].end() ? '\0' : it->second)
            << id << " " << block;
      }
    }
    CloseThin();
  }

  std::map<uint64_t, Blocks> thins_;
};

TEST_F(ThinMetadataTest, ThePoolIsAsItWasLeft) {
  std::mt19937 random(5);
  OpenPool();
  for (int i = 0; i < 1200; ++i) {
    Step(random);
    if (i % 57 != 56) continue;
    CloseThin();
    const std::string before = Status();
    OpenPool();
    EXPECT_EQ(Status(), before) << i;
    ExpectAllIsThere();
  }
}

}  // namespace
}  // namespace dmdax
