// SPDX-License-Identifier: Apache-2.0
// Data of md's sets: they come back as they went, also when devices are gone.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/dm/target_testing.h"

namespace dmdax {
namespace {

constexpr uint64_t kLegSectors = 512;

struct Level {
  const char* name;
  const char* params;  // after their count
  uint32_t legs;
  uint32_t data;  // legs' worth
  std::vector<std::vector<uint32_t>> gone;
};

class RaidIoTest : public TargetTest {
 protected:
  void SetUp() override {
    for (uint32_t i = 0; i < 5; ++i) {
      const std::string leg = absl::StrCat("l", i);
      ASSERT_THAT(Create(leg, {Row(0, kLegSectors, "linear",
                                   absl::StrCat("/dev/mem0 ", i * 8192))}),
                  IsOk());
      ASSERT_THAT(Create(absl::StrCat("m", i),
                         {Row(0, 8192, "linear",
                              absl::StrCat("/dev/mem1 ", i * 8192))}),
                  IsOk());
    }
  }

  std::string Words(const Level& level, const std::vector<uint32_t>& gone) {
    const std::vector<std::string> params = absl::StrSplit(level.params, ' ');
    std::string words = absl::StrCat(level.name, " ", params.size(), " ",
                                     level.params, " ", level.legs);
    for (uint32_t i = 0; i < level.legs; ++i) {
      const bool is_gone = std::find(gone.begin(), gone.end(), i) != gone.end();
      // md knows the layout of a raid10 from its metadata alone.
      const std::string meta = level.name == std::string("raid10")
                                   ? absl::StrCat("/dev/mapper/m", i)
                                   : "-";
      absl::StrAppend(&words, " ", is_gone ? "-" : meta, " ",
                      is_gone ? "-" : absl::StrCat("/dev/mapper/l", i));
    }
    return words;
  }

  // Not for EXPECT_EQ, which would print it.
  std::string ReadAll(uint64_t sectors) {
    std::string bytes(sectors << kSectorShift, '\0');
    EXPECT_THAT(BioRead(Md("d").disk(), sector_t{0}, absl::MakeSpan(bytes)),
                IsOk());
    return bytes;
  }
};

const std::vector<Level> kLevels = {
    {"raid0", "8", 3, 3, {}},
    {"raid1", "0 nosync", 3, 1, {{0}, {1, 2}}},
    {"raid4", "8 nosync", 3, 2, {{0}, {1}, {2}}},
    {"raid5_la", "8 nosync", 4, 3, {{0}, {3}}},
    {"raid5_ra", "8 nosync", 4, 3, {{1}, {3}}},
    {"raid5_ls", "16 nosync", 5, 4, {{0}, {2}}},
    {"raid5_rs", "8 nosync", 3, 2, {{0}, {2}}},
    {"raid5_n", "8 nosync", 3, 2, {{0}, {2}}},
    {"raid6_zr", "8 sync", 4, 2, {{0}, {0, 1}, {1, 3}, {2, 3}}},
    {"raid6_nr", "8 sync", 5, 3, {{0, 4}, {1, 2}}},
    {"raid6_nc", "8 sync", 5, 3, {{0, 4}, {1, 2}, {3}}},
    {"raid6_n_6", "8 sync", 5, 3, {{0, 4}, {1, 2}, {3, 4}}},
    {"raid6_ls_6", "8 sync", 5, 3, {{0, 4}, {1, 2}}},
    {"raid6_ra_6", "8 sync", 4, 2, {{0, 3}, {1, 2}}},
    {"raid10", "8", 4, 2, {}},
    {"raid10", "8 raid10_format far raid10_copies 2", 4, 2, {}},
    {"raid10", "8 raid10_format far raid10_copies 2", 2, 1, {}},
    {"raid10", "8 raid10_format far raid10_copies 2", 3, 3, {}},
    {"raid10", "8 raid10_format offset raid10_copies 2", 3, 3, {}},
    {"raid10", "8 raid10_format offset raid10_copies 2", 4, 2, {}},
};

TEST_F(RaidIoTest, WhatIsWrittenIsReadWithoutSomeDevicesToo) {
  for (const Level& level : kLevels) {
    SCOPED_TRACE(absl::StrCat(level.name, " ", level.params));
    const uint64_t sectors = level.data * 256;
    // nosync says that parity is right; and each set is a new one.
    for (const char* leg :
         {"l0", "l1", "l2", "l3", "l4", "m0", "m1", "m2", "m3", "m4"}) {
      ASSERT_THAT(BioWrite(Md(leg).disk(), sector_t{0},
                           std::string(kLegSectors << kSectorShift, '\0')),
                  IsOk());
    }
    ASSERT_EQ(Why("raid", Words(level, {}), sectors), "");
    std::string bytes(sectors << kSectorShift, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>(i * 2654435761u >> 13);
    }
    // All of it, and then parts that are no whole chunks or pages.
    ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{0}, bytes), IsOk());
    for (uint64_t at = 3; at + 40 < sectors; at += 97) {
      std::string part((at % 37 + 1) << kSectorShift,
                       static_cast<char>('a' + at % 26));
      bytes.replace(at << kSectorShift, part.size(), part);
      ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{at}, part), IsOk());
    }
    EXPECT_TRUE(ReadAll(sectors) == bytes);
    for (const std::vector<uint32_t>& gone : level.gone) {
      ASSERT_EQ(Why("raid", Words(level, gone), sectors), "");
      EXPECT_TRUE(ReadAll(sectors) == bytes) << "without " << gone.front();
      // What is written without them is there too.
      const std::string page(4096, static_cast<char>('A' + gone.front()));
      for (uint64_t at = 0; at + 8 <= sectors; at += 56) {
        bytes.replace(at << kSectorShift, page.size(), page);
        ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{at}, page), IsOk());
      }
      EXPECT_TRUE(ReadAll(sectors) == bytes);
      // The next has a device back that missed this: start afresh.
      ASSERT_EQ(Why("raid", Words(level, {}), sectors), "");
      ASSERT_THAT(BioWrite(Md("d").disk(), sector_t{0}, bytes), IsOk());
    }
  }
}

}  // namespace
}  // namespace dmdax
