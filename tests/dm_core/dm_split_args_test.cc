// SPDX-License-Identifier: Apache-2.0
#include "dm/dm_split_args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(DmSplitArgsTest, SpaceSeparates) {
  EXPECT_THAT(DmSplitArgs("/dev/pmem0 0"), ElementsAre("/dev/pmem0", "0"));
  EXPECT_THAT(DmSplitArgs("  a\t\n\v\f\r b  "), ElementsAre("a", "b"));
  EXPECT_THAT(DmSplitArgs("a\xa0"
                          "b"),
              ElementsAre("a", "b"))
      << "0xa0 is a space to the kernel";
}

TEST(DmSplitArgsTest, NothingIsNoWord) {
  EXPECT_THAT(DmSplitArgs(""), IsEmpty());
  EXPECT_THAT(DmSplitArgs(" \t "), IsEmpty());
}

TEST(DmSplitArgsTest, ABackslashTakesTheNextByte) {
  EXPECT_THAT(DmSplitArgs("a\\ b c"), ElementsAre("a b", "c"));
  EXPECT_THAT(DmSplitArgs("\\ a"), ElementsAre(" a"));
  EXPECT_THAT(DmSplitArgs("a\\\\b"), ElementsAre("a\\b"));
  EXPECT_THAT(DmSplitArgs("\\n"), ElementsAre("n")) << "no C escapes";
}

TEST(DmSplitArgsTest, ATrailingBackslashStays) {
  EXPECT_THAT(DmSplitArgs("a\\"), ElementsAre("a\\"));
  EXPECT_THAT(DmSplitArgs("\\"), ElementsAre("\\"));
}

TEST(DmSplitArgsTest, QuotesAndHashesAreLetters) {
  EXPECT_THAT(DmSplitArgs("'a b' #c"), ElementsAre("'a", "b'", "#c"));
}

TEST(DmSplitArgsTest, ManyWordsTakeLinearTime) {
  std::string params;
  for (int i = 0; i < 1000000; ++i) params += "x ";
  EXPECT_EQ(DmSplitArgs(params).size(), 1000000u);
}

}  // namespace
}  // namespace dmdax
