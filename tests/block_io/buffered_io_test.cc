// SPDX-License-Identifier: Apache-2.0
//
// What becomes of buffered reads and writes that a device refuses.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/block_io/target_data_testing.h"

namespace dmdax {
namespace {

class BufferedIoTest : public TargetDataTest {
 protected:
  // The blocks of d that the log names, as "0 1 read 7".
  std::string Blocks() {
    std::string blocks;
    for (const std::string& line : Log()) {
      absl::string_view text = line;
      if (!absl::ConsumePrefix(&text,
                               "Buffer I/O error on dev dm-0, logical "
                               "block ")) {
        continue;
      }
      if (absl::ConsumeSuffix(&text, ", async page read")) {
        absl::StrAppend(&blocks, blocks.empty() ? "" : " ", "read");
      } else {
        EXPECT_TRUE(absl::ConsumeSuffix(&text, ", lost async page write"))
            << line;
      }
      absl::StrAppend(&blocks, blocks.empty() ? "" : " ", text);
    }
    return blocks;
  }
  // Makes d of rows that each are "LENGTH error" or of a disk.
  void Make(const std::vector<int>& lengths) {
    std::vector<DmTargetSpec> rows;
    uint64_t begin = 0;
    for (int length : lengths) {
      const auto sectors = static_cast<uint64_t>(std::abs(length));
      rows.push_back(length < 0 ? Row(begin, sectors, "error")
                                : Row(begin, sectors, "linear",
                                      absl::StrCat("/dev/sda ", begin)));
      begin += sectors;
    }
    ASSERT_THAT(Create("d", rows), IsOk());
    machine().log().SetRatelimit(KernelLog::Ratelimit::kOff);
    Log();
  }
};

// A block is as large as the size of the device allows.
TEST_F(BufferedIoTest, EachBlockThatIsLostIsNamed) {
  struct {
    int sectors;
    const char* blocks;
  } const kCases[] = {{8, "0"},
                      {12, "0 1 2"},
                      {10, "0 1 2 3 4"},
                      {9, "0 1 2 3 4 5 6 7 8"},
                      {16, "0 1"}};
  for (const auto& c : kCases) {
    Make({-c.sectors});
    const std::string all(static_cast<size_t>(c.sectors) * 512, 'x');
    EXPECT_EQ(Write("d", 0, all), EIO);
    EXPECT_EQ(Blocks(), c.blocks) << c.sectors;
    EXPECT_EQ(Write("d", 0, all, O_RDWR | O_DIRECT), EIO);
    EXPECT_EQ(Blocks(), "") << "direct I/O";
    ASSERT_THAT(Remove("d"), IsOk());
  }
}

TEST_F(BufferedIoTest, TheBlocksBesideAreWritten) {
  Make({8, -4, 4, 8, -6});
  EXPECT_EQ(Write("d", 0, std::string(30 * 512, 'x')), EIO);
  EXPECT_EQ(Blocks(), "4 5 12 13 14");
  EXPECT_EQ(Read("sda", 7, 1024),
            'x' + std::string(511, 'x') + std::string(512, '\0'));
  EXPECT_EQ(Read("sda", 12, 12 * 512), std::string(12 * 512, 'x'));
}

TEST_F(BufferedIoTest, APageIsReadAsAWhole) {
  Make({8, -4, 4, 8, -6});
  EXPECT_EQ(Read("d", 0, 30 * 512).size(), 4096u);
  EXPECT_EQ(Blocks(), "read 4 read 5");
  EXPECT_EQ(Read("d", 12, 512), "EIO") << "though these bytes are there";
  EXPECT_EQ(Blocks(), "read 4 read 5");
  EXPECT_EQ(Read("d", 16, 512).size(), 512u);
  EXPECT_EQ(Read("d", 24, 100), "EIO") << "the last page ends early";
  EXPECT_EQ(Blocks(), "read 12 read 13 read 14");
}

TEST_F(BufferedIoTest, ABlockIsReadBeforeItIsWrittenInPart) {
  Make({4, -12});
  EXPECT_EQ(Write("d", 1, std::string(512, 'x')), EIO) << "a block of 4096";
  EXPECT_EQ(Blocks(), "") << "of which nothing is said";
  EXPECT_THAT(Remove("d"), IsOk());
  Make({8, -8});
  const auto file = Open("d");
  EXPECT_THAT(file->Write(0, std::vector<char>(6000)), IsOkAndHolds(4096u));
  EXPECT_THAT(file->Fsync(), IsOk());
  EXPECT_THAT(file->Write(4096, std::vector<char>(100)), HasErrno(EIO));
  EXPECT_EQ(Blocks(), "");
}

// What the page cache has gathered is written once, in order.
TEST_F(BufferedIoTest, ABlockIsLostOnceHoweverOftenItIsWritten) {
  ASSERT_THAT(
      Create("d", {Row(0, 16, "flakey", "/dev/sda 0 0 100 1 error_writes")}),
      IsOk());
  Log();
  {
    const auto file = Open("d");
    for (uint64_t at = 16; at-- > 0;) {
      EXPECT_THAT(file->Write(at * 512, std::vector<char>(512)),
                  IsOkAndHolds(512u));
    }
    EXPECT_EQ(Blocks(), "") << "nothing is written back yet";
  }
  EXPECT_EQ(Blocks(), "0 1") << "it is when the file is closed";
}

TEST_F(BufferedIoTest, WhoCallsFsyncFirstIsTold) {
  Make({-16});
  const auto early = Open("d");
  const auto writer = Open("d");
  EXPECT_THAT(writer->Write(0, std::vector<char>(8192)), IsOkAndHolds(8192u));
  const auto other = Open("d");
  EXPECT_THAT(other->Fsync(), HasErrno(EIO)) << "it has written nothing";
  EXPECT_EQ(Blocks(), "0 1");
  EXPECT_THAT(other->Fsync(), IsOk()) << "once";
  EXPECT_THAT(early->Fsync(), HasErrno(EIO)) << "it was open then";
  EXPECT_THAT(Open("d")->Fsync(), IsOk()) << "others have been told";
  EXPECT_EQ(Blocks(), "");
}

TEST_F(BufferedIoTest, AnErrorThatNobodyAskedForIsLeftToTheNext) {
  Make({-16});
  EXPECT_THAT(Open("d")->Write(0, std::vector<char>(4096)),
              IsOkAndHolds(4096u));
  EXPECT_EQ(Blocks(), "0");
  ASSERT_THAT(Load("d", {Row(0, 16, "linear", "/dev/sda 0")}), IsOk());
  ASSERT_THAT(Resume("d"), IsOk());
  EXPECT_EQ(Write("d", 0, std::string(4096, 'x')), EIO);
  EXPECT_EQ(Write("d", 0, std::string(4096, 'x')), 0);
  EXPECT_EQ(Blocks(), "");
}

TEST_F(BufferedIoTest, NoMoreThanTenLinesAtOnce) {
  Make({-2049});
  machine().log().SetRatelimit(KernelLog::Ratelimit::kOn);
  EXPECT_EQ(Write("d", 0, std::string(40 * 512, 'x')), EIO);
  EXPECT_EQ(Blocks(), "0 1 2 3 4 5 6 7 8 9");
}

// The block size is that of who opened the device first.
TEST_F(BufferedIoTest, TheBlockSizeLastsUntilTheLastClose) {
  Make({-17});
  {
    const auto held = Open("d", O_RDONLY);
    ASSERT_THAT(Load("d", {Row(0, 16, "error")}), IsOk());
    ASSERT_THAT(Resume("d"), IsOk());
    Log();
    EXPECT_EQ(Write("d", 0, std::string(1024, 'x')), EIO);
    EXPECT_EQ(Blocks(), "0 1");
  }
  EXPECT_EQ(Write("d", 0, std::string(4096, 'x')), EIO);
  EXPECT_EQ(Blocks(), "0");
}

// The words of what we do not model are not the kernel's.
TEST_F(BufferedIoTest, WhatIsNotModelledIsNoError) {
  BootWithMemory("v6_1");
  ASSERT_THAT(
      Create("d", {Row(0, 8192, "crypt",
                       absl::StrCat("serpent-xts-plain64 ",
                                    std::string(64, '0'), " 0 /dev/mem0 0"))}),
      IsOk());
  Log();
  EXPECT_EQ(Read("d", 0, 512), "EOPNOTSUPP");
  EXPECT_EQ(Write("d", 0, std::string(4096, 'x')), EOPNOTSUPP);
  EXPECT_EQ(Blocks(), "");
}

}  // namespace
}  // namespace dmdax
