// SPDX-License-Identifier: Apache-2.0
#include "fs/extents_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

TEST(ExtentsTextTest, Filefrag) {
  absl::StatusOr<ExtentList> list = ParseExtents(
      "Filesystem type is: ef53\n"
      "File size of /mnt/f is 8388608 (2048 blocks of 4096 bytes)\n"
      " ext:     logical_offset:        physical_offset: length:   expected: "
      "flags:\n"
      "   0:        0..     511:       4608..      5119:    512:\n"
      "   1:      512..    2047:      37376..     38911:   1536:       5120: "
      "last,unwritten,eof\n"
      "/mnt/f: 2 extents found\n");
  ASSERT_THAT(list, IsOk());
  EXPECT_EQ(list->file, "/mnt/f");
  EXPECT_EQ(list->file_size, 8388608u);
  EXPECT_EQ(list->s_magic, 0xef53u);
  EXPECT_EQ(list->s_blocksize, 4096u);
  ASSERT_EQ(list->extents.size(), 2u);
  EXPECT_EQ(list->extents[0].physical, 4608u * 4096);
  EXPECT_EQ(list->extents[0].type, IOMAP_MAPPED);
  EXPECT_EQ(list->extents[1].logical, 2u << 20);
  EXPECT_EQ(list->extents[1].length, 6u << 20);
  EXPECT_EQ(list->extents[1].type, IOMAP_UNWRITTEN);
}

TEST(ExtentsTextTest, XfsBmap) {
  absl::StatusOr<ExtentList> list = ParseExtents(
      "f:\n"
      " EXT: FILE-OFFSET      BLOCK-RANGE      AG AG-OFFSET        TOTAL "
      "FLAGS\n"
      "   0: [0..16383]:      192..16575        0 (192..16575)     16384 "
      "010000\n"
      "   1: [16384..16391]:  hole                                     8\n"
      "   2: [16392..16399]:  16576..16583      0 (16576..16583)       8 "
      "100000\n");
  ASSERT_THAT(list, IsOk());
  EXPECT_EQ(list->file, "f");
  ASSERT_EQ(list->extents.size(), 2u);
  EXPECT_EQ(list->extents[0].physical, 98304u);
  EXPECT_EQ(list->extents[0].length, 8u << 20);
  EXPECT_EQ(list->extents[0].type, IOMAP_UNWRITTEN);
  EXPECT_TRUE(list->extents[1].shared);
}

TEST(ExtentsTextTest, XfsIoFiemap) {
  absl::StatusOr<ExtentList> list = ParseExtents(
      "f:\n"
      " EXT: FILE-OFFSET      BLOCK-RANGE      TOTAL FLAGS\n"
      "   0: [0..7]:          192..199             8   0x801\n"
      "   1: [8..15]:         hole                 8\n");
  ASSERT_THAT(list, IsOk());
  ASSERT_EQ(list->extents.size(), 1u);
  EXPECT_EQ(list->extents[0].type, IOMAP_UNWRITTEN);
}

TEST(ExtentsTextTest, ErrorsSayWhere) {
  EXPECT_THAT(ParseFilefrag("   0:        0..     511:       x..      5119:"),
              HasErrno(EINVAL, HasSubstr("line 1, column 33: a number is "
                                         "expected, not 'x..")));
  EXPECT_THAT(ParseFilefrag("\n 0: 0..1: 8..9: 3:\n"),
              HasErrno(EINVAL, HasSubstr("line 2, column 19: the length 3 is "
                                         "not that of 0..1")));
  EXPECT_THAT(ParseXfsBmap("f:\n 0: [8..7]: 1..2"),
              HasErrno(EINVAL, HasSubstr("ends before it starts")));
  EXPECT_THAT(ParseXfsBmap(" 0: [0..99999999999999999999]: 1..2"),
              HasErrno(EINVAL, HasSubstr("above 2^64-1")));
  EXPECT_THAT(ParseExtents("hello"), HasErrno(EINVAL));
}

TEST(ExtentsTextTest, AFilefragTextContradictsItselfNowhere) {
  const struct {
    const char* text;
    const char* words;
  } cases[] = {
      {" 0: 0..3: 4608..9999: 4: eof",
       "column 25: the length 4 is not that of"},
      {" 0: 0..3: 8..11: 4:\n 0: 4..7: 20..23: 4: eof",
       "line 2, column 3: extent 0, where 1 is expected"},
      {" 1: 0..3: 8..11: 4: eof", "extent 1, where 0 is expected"},
      {"File size of f is 8192 (2 blocks of 4096 bytes)\n 0: 0..0: 8..8: 1:",
       "line 2, column 1: the text ends after 1 extent without 'last', 'eof' "
       "or 'N extents found': is it cut?"},
      {" 0: 0..3: 8..11: 4:\nf: 2 extents found",
       "line 2, column 1: 2 extents found, but 1 listed"},
      {" 0: 0..3: 8..11: 4:\n 1: 4..7: 20..23: 4: 12: eof\nf: 1 extent found",
       "line 3, column 1: 1 extent found, but 2 that do not continue"},
      {"File size of f is 8192 (3 blocks of 4096 bytes)\n",
       "line 1, column 1: 8192 bytes are 2 blocks of 4096, not 3"},
      {"File size of f is 4096 (1 block of 4096 bytes)\n"
       " 0: 0..0: 8..8: 1: last,eof\nf: 1 extent found\n"
       "File size of f is 4096 (1 block of 4096 bytes)\n",
       "line 4, column 1: a second list begins here, of 'f': give it by"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ParseFilefrag(c.text), HasErrno(EINVAL, HasSubstr(c.words)));
  }
}

// filefrag counts fragments: extents that continue each other are one, also
// after a hole.
TEST(ExtentsTextTest, FilefragCountsFragments) {
  for (const char* text :
       {" 0: 0..3: 8..11: 4:\n 1: 4..7: 12..15: 4: unwritten\nf: 1 extent "
        "found",
        " 0: 0..3: 8..11: 4:\n 1: 4..7: 12..15: 4: unwritten\nf: 2 extents "
        "found",
        " 0: 0..3: 8..11: 4:\n 1: 8..9: 16..17: 2:\nf: 1 extent found",
        " 0: 5..8: 8..11: 4: eof\nfile: name: 1 extent found",
        "f: 0 extents found"}) {
    EXPECT_THAT(ParseFilefrag(text), IsOk()) << text;
  }
}

// The list is in order, or it is refused; nothing wraps.
TEST(ExtentsTextTest, OrderAndSize) {
  EXPECT_THAT(ParseXfsIoFiemap("f:\n 0: [8..15]: 0..7\n 1: [8..15]: 8..15\n"),
              HasErrno(EINVAL, HasSubstr("line 2, column 11: the row begins at "
                                         "sector 8, where 0 is expected")));
  EXPECT_THAT(ParseXfsBmap("f:\n 0: [0..18014398509481984]: "
                           "0..18014398509481984\n"),
              HasErrno(EINVAL, HasSubstr("ends past 2^63 bytes")));
  EXPECT_THAT(ParseFilefrag("File size of f is 1 (1 blocks of 0 bytes)\n"
                            "   0:        0..     255:  0.. 255:    256:"),
              HasErrno(EINVAL, HasSubstr("line 1, column 1: blocks of 0")));
  EXPECT_THAT(ParseFilefrag("File size of f is 4096 (1 block of some bytes)\n"
                            "   0:        0..       0:  8..   8:      1: last"),
              HasErrno(EINVAL, HasSubstr("'FILE is N (N blocks of N bytes)'")));
  std::string empty(32 + 56, '\0');
  empty[20] = 1;
  EXPECT_THAT(
      ParseFiemap(empty),
      HasErrno(EINVAL, HasSubstr("fm_extents[0]: the extent is empty")));
}

TEST(ExtentsTextTest, RawFiemap) {
  std::string bytes(32 + 56, '\0');
  const uint32_t mapped = 1, flags = FIEMAP_EXTENT_SHARED;
  const uint64_t logical = 4096, physical = 65536, length = 8192;
  memcpy(&bytes[20], &mapped, 4);
  memcpy(&bytes[32], &logical, 8);
  memcpy(&bytes[40], &physical, 8);
  memcpy(&bytes[48], &length, 8);
  memcpy(&bytes[72], &flags, 4);
  absl::StatusOr<ExtentList> list = ParseFiemap(bytes);
  ASSERT_THAT(list, IsOk());
  EXPECT_EQ(list->extents[0], (FileExtent{.logical = 4096,
                                          .physical = 65536,
                                          .length = 8192,
                                          .type = IOMAP_MAPPED,
                                          .shared = true}));
  bytes.resize(60);
  EXPECT_THAT(ParseFiemap(bytes), HasErrno(EINVAL, HasSubstr("only 0")));
  EXPECT_THAT(ParseFiemap("x"), HasErrno(EINVAL));
}

}  // namespace
}  // namespace dmdax
