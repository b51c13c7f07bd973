// SPDX-License-Identifier: Apache-2.0
//
// A row is typed only if it says exactly the same; the others are in
// tests/formats/table_text_test.cc.
#include "state/target_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

proto::Target Typed(std::string type, std::string params) {
  return TargetFromSpec({sector_t{0}, 8, std::move(type), std::move(params)});
}

TEST(TargetSpecTest, TheFormIsCalledAsTheTarget) {
  EXPECT_TRUE(Typed("linear", "8:0 16").has_linear());
  EXPECT_TRUE(Typed("striped", "2 8 a 0 b 16").has_striped());
  EXPECT_TRUE(Typed("log-writes", "8:0 8:16").has_log_writes());
  EXPECT_TRUE(Typed("zero", "").has_zero());
  EXPECT_TRUE(Typed("error", "").has_error());
  // Names that are fields, but no targets.
  for (const char* type : {"log_writes", "raw", "start", "length", "kind"}) {
    EXPECT_EQ(Typed(type, "8:0 8:16").raw().type(), type);
  }
}

TEST(TargetSpecTest, OtherWordsStayAsTheyAre) {
  for (const char* params :
       {"8:0", "8:0 x", "8:0 016", "8:0  16", "8:0 16 ", "8:0 16 17", "8:0 -1",
        "8:0 18446744073709551616"}) {
    EXPECT_EQ(Typed("linear", params).raw().params(), params);
  }
  for (const char* params : {"", "2", "2 8 a 0", "1 8 a", "1 4294967296 a 0"}) {
    EXPECT_EQ(Typed("striped", params).raw().params(), params);
  }
  EXPECT_TRUE(Typed("zero", "x").has_raw());
  EXPECT_TRUE(Typed("error", "8:0 0").has_raw());
}

TEST(TargetSpecTest, TheWordsAreThoseOfTheConstructor) {
  EXPECT_THAT(TargetWords(Typed("striped", "2 8 a\\ b 0 c 16")),
              ElementsAre("2", "8", "a b", "0", "c", "16"));
  EXPECT_THAT(TargetWords(Typed("delay", "a\\ b  0 500")),
              ElementsAre("a b", "0", "500"));
  EXPECT_THAT(TargetWords(proto::Target()), IsEmpty());
}

}  // namespace
}  // namespace dmdax
