// SPDX-License-Identifier: Apache-2.0
//
// Runs the ```console blocks of a Markdown file, in order and with one state:
// lines that begin with "$ " are commands, the others what they print.
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "tests/golden/script.h"

namespace dmdax::golden {
namespace {

std::string dmdax_command, markdown;

TEST(ReadmeTest, ItsExamplesPrintWhatItSays) {
  const std::string text = ReadFile(markdown);
  ASSERT_FALSE(text.empty()) << markdown;
  const std::vector<Step> steps = ParseMarkdown(text);
  EXPECT_FALSE(steps.empty()) << "no ```console block";
  Shell shell(dmdax_command, {"examples", "tests", "tools"});
  for (const Step& step : steps) {
    const Shell::Result result = shell.Run(step.Command(), /*merge=*/true);
    std::vector<std::string> lines = SplitLines(result.out);
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    EXPECT_EQ(absl::StrJoin(lines, "\n"), absl::StrJoin(step.expected, "\n"))
        << markdown << ":" << step.line << ": $ " << step.Command();
  }
}

TEST(ReadmeTest, OnlyConsoleBlocksAreRun) {
  const std::vector<Step> steps = ParseMarkdown(
      "$ no\n```sh\n$ no\n```\n```console\n$ a \\\n> b\nout\n\nmore\n$ c\n"
      "```\n$ no\n");
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].Command(), "a \\\nb");
  EXPECT_EQ(steps[0].line, 6);
  EXPECT_EQ(absl::StrJoin(steps[0].expected, "|"), "out||more");
  EXPECT_EQ(steps[1].Command(), "c");
}

}  // namespace
}  // namespace dmdax::golden

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 3) return 2;
  dmdax::golden::dmdax_command = argv[1];
  dmdax::golden::markdown = argv[2];
  return RUN_ALL_TESTS();
}
