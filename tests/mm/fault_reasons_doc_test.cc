// SPDX-License-Identifier: Apache-2.0
//
// docs/fault-reasons.md explains each reason, once, and nothing else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "mm/fault_reason.h"

namespace dmdax {
namespace {

TEST(FaultReasonsDocTest, EveryReasonHasItsSection) {
  std::ifstream file("docs/fault-reasons.md");
  ASSERT_TRUE(file.is_open());
  std::stringstream text;
  text << file.rdbuf();
  std::set<std::string> documented;
  std::string section;
  // Behind them come words that are no reasons.
  const std::string both = text.str();
  const size_t words = both.find("\n## Other words of the answers\n");
  ASSERT_NE(words, both.npos);
  const std::string all = both.substr(0, words);
  for (absl::string_view line : absl::StrSplit(all, '\n')) {
    if (absl::ConsumePrefix(&line, "### ")) {
      section = std::string(line);
      EXPECT_TRUE(documented.insert(section).second) << section << " twice";
    }
  }
  std::set<std::string> known;
  for (FaultReasonCode code : AllFaultReasons()) {
    known.insert(FaultReasonName(code));
  }
  EXPECT_EQ(documented, known);
}

TEST(FaultReasonsDocTest, EverySectionSaysWhyHowToSeeAndTheCure) {
  std::ifstream file("docs/fault-reasons.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  std::vector<std::string> sections = absl::StrSplit(all, "\n### ");
  for (size_t i = 1; i < sections.size(); ++i) {
    for (const char* part : {"*Why:*", "*See:*", "*Cure:*"}) {
      EXPECT_THAT(sections[i], testing::HasSubstr(part));
    }
  }
}

TEST(FaultReasonsDocTest, EveryReasonHasATextWithoutPlaceholders) {
  for (FaultReasonCode code : AllFaultReasons()) {
    FaultReason reason;
    reason.code = code;
    const std::string text = FaultReasonText(reason);
    EXPECT_FALSE(text.empty());
    EXPECT_THAT(text, testing::Not(testing::HasSubstr("$")));
  }
}

}  // namespace
}  // namespace dmdax
