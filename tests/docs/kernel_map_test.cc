// SPDX-License-Identifier: Apache-2.0
//
// Every symbol of ours that docs/kernel-map.md names is in its file.
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "tests/docs/doc_paths.h"

namespace dmdax::docs {
namespace {

bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Whether `text` has `name` as a whole word.
bool HasWord(const std::string& text, const std::string& name) {
  for (size_t at = text.find(name); at != text.npos;
       at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !IsNameByte(text[at - 1])) &&
        (end == text.size() || !IsNameByte(text[end]))) {
      return true;
    }
  }
  return false;
}

TEST(KernelMapTest, EachOfOurSymbolsIsInItsFile) {
  std::set<std::string> seen;
  const std::string map = ReadFile("docs/kernel-map.md");
  for (absl::string_view view : absl::StrSplit(map, '\n')) {
    const std::string line(view);
    if (line.empty() || line[0] != '|') continue;
    const std::vector<std::string> cells = absl::StrSplit(line, '|');
    ASSERT_EQ(cells.size(), 7u) << line;
    const std::vector<std::string> ours = CodeSpans(cells[1]);
    const std::vector<std::string> file = CodeSpans(cells[2]);
    if (ours.empty()) continue;  // the head of the table
    ASSERT_EQ(ours.size(), 1u) << line;
    ASSERT_EQ(file.size(), 1u) << line;
    EXPECT_FALSE(CodeSpans(cells[3]).empty()) << line;
    EXPECT_FALSE(CodeSpans(cells[4]).empty()) << line;
    EXPECT_TRUE(seen.insert(ours[0]).second) << ours[0] << " twice";
    const std::string source = ReadFile(file[0]);
    ASSERT_FALSE(source.empty()) << file[0] << ": no such file";
    for (absl::string_view part : absl::StrSplit(ours[0], "::")) {
      EXPECT_TRUE(HasWord(source, std::string(part)))
          << ours[0] << " in " << file[0];
    }
  }
  EXPECT_GT(seen.size(), 80u) << "is this the file?";
}

TEST(KernelMapTest, HasWordTakesWholeWords) {
  EXPECT_TRUE(HasWord("a DmTable&", "DmTable"));
  EXPECT_FALSE(HasWord("DmTables xDmTable", "DmTable"));
}

}  // namespace
}  // namespace dmdax::docs

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  dmdax::docs::EnterCheckout(argv[1]);
  return RUN_ALL_TESTS();
}
