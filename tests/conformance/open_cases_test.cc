// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/open_cases.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace dmdax::conformance {
namespace {

std::string Written(const std::string& text) {
  const std::string path = absl::StrCat(testing::TempDir(), "/open_cases.txt");
  std::ofstream(path) << text;
  return path;
}

std::string Text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

constexpr char kList[] =
    "# head\n\na 6.1 7.2: one thing\n\nb 5.10: another: thing\n";

TEST(OpenCasesTest, WhatDiffersIsCounted) {
  OpenCases open;
  ASSERT_TRUE(open.Read(Written(kList)));
  EXPECT_TRUE(open.Has("6.1", "a"));
  EXPECT_TRUE(open.Has("7.2", "a"));
  EXPECT_FALSE(open.Has("5.10", "a"));
  EXPECT_TRUE(open.Has("5.10", "b"));
  EXPECT_EQ(open.count(), 3);
  EXPECT_EQ(open.Complain(), 0);
}

TEST(OpenCasesTest, TheListCanOnlyBecomeShorter) {
  OpenCases open;
  const std::string path = Written(kList);
  ASSERT_TRUE(open.Read(path));
  for (const char* kernel : {"6.1", "7.2"}) ASSERT_TRUE(open.Has(kernel, "a"));
  ASSERT_TRUE(open.Has("5.10", "b"));
  open.Agreed("7.2", "a");
  open.Agreed("5.10", "b");
  EXPECT_EQ(open.Complain(), 2) << "what agrees is an error";
  EXPECT_EQ(open.count(), 1);
  ASSERT_TRUE(open.WriteShrunk(path));
  EXPECT_EQ(Text(path), "# head\n\na 6.1: one thing\n");
}

TEST(OpenCasesTest, WhatIsNotInTheCorpusIsAnError) {
  OpenCases open;
  ASSERT_TRUE(open.Read(Written(kList)));
  EXPECT_TRUE(open.Has("6.1", "a"));
  EXPECT_EQ(open.Complain(), 2);
}

TEST(OpenCasesTest, EachSaysWhy) {
  for (const char* bad : {"a 6.1\n", "a: why\n", "a 6.1:why\n"}) {
    OpenCases open;
    EXPECT_FALSE(open.Read(Written(bad))) << bad;
  }
}

}  // namespace
}  // namespace dmdax::conformance
