// SPDX-License-Identifier: Apache-2.0
//
// What a real shell makes of our words is what they were made of.
#include "base/one_line.h"

#include <stdio.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/testing.h"

namespace dmdax {
namespace {

std::string ByShell(const std::string& shell, const std::string& word) {
  const std::string command =
      absl::StrCat("exec ", shell, " -c ",
                   ShellWord(absl::StrCat("printf %s ", word, "; printf .")));
  FILE* out = popen(command.c_str(), "r");
  EXPECT_NE(out, nullptr);
  std::string bytes;
  for (int c; (c = fgetc(out)) != EOF;) bytes.push_back(static_cast<char>(c));
  EXPECT_EQ(pclose(out), 0);
  return bytes;
}

TEST(OneLineTest, ControlCharactersAreNumbers) {
  EXPECT_EQ(OneLine("a\nb\x1b[2Jc\x7f"), "a\\012b\\033[2Jc\\177");
  EXPECT_EQ(OneLine("größe \\n"), "größe \\n");
  // CSI of C1, in UTF-8 and as a byte; a mark that turns the line around.
  EXPECT_EQ(OneLine("a\xc2\x9b"
                    "31m"),
            "a\\302\\23331m");
  EXPECT_EQ(OneLine("a\x9b"
                    "b\xe9"),
            "a\\233b\xe9");
  EXPECT_EQ(OneLine("\xe2\x80\xae"
                    "x"),
            "\\342\\200\\256x");
}

TEST(ShellWordTest, PlainNamesStayPlain) {
  for (const char* word : {"/dev/vg-home", "a.b_c", "x=1,y:2", "8%", "+@"}) {
    EXPECT_EQ(ShellWord(word), word);
  }
  EXPECT_EQ(ShellWord(""), "''");
  EXPECT_EQ(ShellWord("it's me"), "'it'\\''s me'");
}

TEST(ShellWordTest, AShellReadsWhatWasMeant) {
  std::string all;
  for (int c = 1; c < 256; ++c) all.push_back(static_cast<char>(c));
  for (const std::string& text :
       {std::string("a b"), std::string("$(exit 3)`exit 4`"),
        std::string("'; exit 5 #"), std::string("\\"), std::string("a\nb\\n'"),
        std::string("~"), std::string("*"), std::string("!!"),
        std::string("\n"), std::string("a\n\n"), std::string("-n\t%s\\n!!"),
        std::string("/m'$(touch PWNED)`exit 6`\" #\n"), all}) {
    // dash and bash.
    for (const char* shell : {"/bin/sh", "bash"}) {
      EXPECT_EQ(ByShell(shell, ShellWord(text)), text + ".") << shell;
    }
    EXPECT_EQ(OneLine(ShellWord(text)), ShellWord(text));
  }
}

}  // namespace
}  // namespace dmdax
