// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/renamed_target.h"

#include <gtest/gtest.h>

namespace dmdax::conformance {
namespace {

TEST(RenamedTargetTest, WordsAreRenamedAndNotPartsOfWords) {
  const auto renamed = RenamedTarget::Parse("striped=striped-new");
  ASSERT_TRUE(renamed.has_value());
  EXPECT_EQ(renamed->In(R"({"a":"0 8 striped 1\nstriped: no\n8 8 unstriped"})"),
            R"({"a":"0 8 striped-new 1\nstriped-new: no\n8 8 unstriped"})");
  EXPECT_TRUE(renamed->IsIn("0 8 striped-new 1"));
  EXPECT_FALSE(renamed->IsIn("0 8 unstriped 1, striped-newer"));
}

TEST(RenamedTargetTest, NothingIsRenamedUnlessSaid) {
  const RenamedTarget none;
  EXPECT_EQ(none.In("0 8 striped"), "0 8 striped");
  EXPECT_TRUE(none.IsIn("0 8 linear"));
  for (const char* text : {"", "striped", "striped=", "=a", "a=b=c"}) {
    EXPECT_FALSE(RenamedTarget::Parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace dmdax::conformance
