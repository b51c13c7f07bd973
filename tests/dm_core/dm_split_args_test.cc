// SPDX-License-Identifier: Apache-2.0
#include "dm/dm_split_args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/testing.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Split(absl::string_view params) {
  return DmSplitArgs(params).value();
}

TEST(DmSplitArgsTest, SpaceSeparates) {
  EXPECT_THAT(Split("/dev/pmem0 0"), ElementsAre("/dev/pmem0", "0"));
  EXPECT_THAT(Split("  a\t\n\v\f\r b  "), ElementsAre("a", "b"));
  EXPECT_THAT(Split("a\xa0"
                    "b"),
              ElementsAre("a", "b"))
      << "0xa0 is a space to the kernel";
}

TEST(DmSplitArgsTest, NothingIsNoWord) {
  EXPECT_THAT(Split(""), IsEmpty());
  EXPECT_THAT(Split(" \t "), IsEmpty());
}

TEST(DmSplitArgsTest, ABackslashTakesTheNextByte) {
  EXPECT_THAT(Split("a\\ b c"), ElementsAre("a b", "c"));
  EXPECT_THAT(Split("\\ a"), ElementsAre(" a"));
  EXPECT_THAT(Split("a\\\\b"), ElementsAre("a\\b"));
  EXPECT_THAT(Split("\\n"), ElementsAre("n")) << "no C escapes";
}

TEST(DmSplitArgsTest, ATrailingBackslashStays) {
  EXPECT_THAT(Split("a\\"), ElementsAre("a\\"));
  EXPECT_THAT(Split("\\"), ElementsAre("\\"));
}

TEST(DmSplitArgsTest, QuotesAndHashesAreLetters) {
  EXPECT_THAT(Split("'a b' #c"), ElementsAre("'a", "b'", "#c"));
}

// The array of words doubles from 8, and 4 MiB is the most that one kmalloc
// gives.
TEST(DmSplitArgsTest, MoreWordsThanAnArrayHoldsAreENOMEM) {
  std::string params;
  for (size_t i = 0; i < 524288; ++i) params += "x ";
  absl::StatusOr<std::vector<std::string>> most = DmSplitArgs(params);
  ASSERT_THAT(most, IsOk());
  EXPECT_EQ(most->size(), 524288u);
  EXPECT_THAT(DmSplitArgs(params + "y"), HasErrno(ENOMEM));
}

}  // namespace
}  // namespace dmdax
