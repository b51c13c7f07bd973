// SPDX-License-Identifier: Apache-2.0
#include "tests/golden/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dmdax::golden {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ScriptTest, ParsesAndPrintsTheSame) {
  const std::string text =
      "# first\n\n$ one\nout\n\nmore\n! err\n? 3\n\n# second\n$ two \\\n> 2\n"
      "$ three\n\n# end\n";
  const std::vector<Step> steps = ParseScript(text);
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_THAT(steps[0].before, ElementsAre("# first", ""));
  EXPECT_THAT(steps[0].expected,
              ElementsAre("out", "", "more", "! err", "? 3"));
  EXPECT_EQ(steps[0].line, 3);
  EXPECT_EQ(steps[1].Command(), "two \\\n2");
  EXPECT_THAT(steps[2].expected, IsEmpty());
  EXPECT_THAT(steps[3].command_lines, IsEmpty());
  EXPECT_EQ(PrintScript(steps), text);
}

TEST(ScriptTest, TheShellKeepsTheStreamsApart) {
  Shell shell("/bin/true", {});
  const Shell::Result r =
      shell.Run("echo out; echo err >&2; dmdax; pwd; exit 3", false);
  EXPECT_THAT(Shell::Expected(r), ElementsAre("out", "$TMP", "! err", "? 3"));
  EXPECT_EQ(shell.Run("echo out; echo err >&2", true).out, "out\nerr\n");
}

TEST(ScriptTest, StepsShareADirectory) {
  Shell shell("/bin/true", {});
  EXPECT_EQ(shell.Run("echo x > file", false).rc, 0);
  EXPECT_EQ(shell.Run("cat file", false).out, "x\n");
}

}  // namespace
}  // namespace dmdax::golden
