// SPDX-License-Identifier: Apache-2.0
//
// What a script of dmsetup lines cannot say: patterns as long as an argument.
#include "tools/dmsetup/report/dm_regex.h"

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace dmdax {
namespace {

std::string Times(size_t n, absl::string_view s) {
  std::string all;
  for (size_t i = 0; i < n; ++i) absl::StrAppend(&all, s);
  return all;
}

// What Compile() says; nothing where it has no complaint.
std::string Complaint(absl::string_view pattern) {
  std::string err;
  const bool compiled = DmRegex::Compile(pattern, err).has_value();
  EXPECT_EQ(compiled, err.empty());
  return err;
}

bool Matches(absl::string_view pattern, absl::string_view text) {
  std::string err;
  const std::optional<DmRegex> regex = DmRegex::Compile(pattern, err);
  EXPECT_EQ(err, "");
  return regex && regex->Matches(text);
}

TEST(DmRegexTest, GroupsAndClosuresMayBeDeep) {
  constexpr size_t kDeep = DmRegex::kMaxPattern / 4;
  const std::string open = Times(kDeep, "(");
  EXPECT_TRUE(Matches(absl::StrCat(open, "a", Times(kDeep, ")")), "xa"));
  EXPECT_FALSE(Matches(absl::StrCat(open, "a", Times(kDeep, "+)")), "x"));
  EXPECT_FALSE(Matches(absl::StrCat(open, "a", Times(kDeep, "b)")), "ab"));
  EXPECT_EQ(Complaint(absl::StrCat(open, "a")),
            absl::StrCat(Times(kDeep, "missing ')' in regular expression\n"),
                         "Parse error in regex\nCouldn't parse regex\n"));
}

TEST(DmRegexTest, AlternativesMayBeThousands) {
  std::string pattern = "^(vg-0";
  for (int i = 1; i < 4000; ++i) absl::StrAppend(&pattern, "|vg-", i);
  absl::StrAppend(&pattern, ")$");
  EXPECT_TRUE(Matches(pattern, "vg-3999"));
  EXPECT_FALSE(Matches(pattern, "vg-4000"));
}

TEST(DmRegexTest, ManyMayBeLeftOut) {
  const std::string pattern = absl::StrCat("^", Times(10000, "a?"), "b");
  EXPECT_TRUE(Matches(pattern, "aaab"));
  EXPECT_FALSE(Matches(pattern, Times(127, "a")));
}

TEST(DmRegexTest, LengthIsBounded) {
  constexpr size_t kMax = DmRegex::kMaxPattern;
  EXPECT_EQ(Complaint(std::string(kMax, 'a')), "");
  EXPECT_EQ(Complaint(std::string(kMax + 1, 'a')),
            absl::StrCat("Regex of ", kMax + 1, " characters, of at most ",
                         kMax, "\nCouldn't parse regex\n"));
}

// Each character in common is drawn out in a pass over the whole tree.
TEST(DmRegexTest, WorkOfTheOptimiserIsBounded) {
  const std::string half(DmRegex::kMaxPattern / 2 - 1, 'a');
  const std::string complaint = Complaint(absl::StrCat(half, "|", half));
  EXPECT_TRUE(absl::StartsWith(complaint, "Regex too complex: ")) << complaint;
  EXPECT_TRUE(absl::EndsWith(complaint, " steps\nCouldn't parse regex\n"));
}

}  // namespace
}  // namespace dmdax
