// SPDX-License-Identifier: Apache-2.0
//
// Every file that docs/architecture.md names exists.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_split.h"
#include "tests/docs/doc_paths.h"

namespace dmdax::docs {
namespace {

namespace fs = std::filesystem;

TEST(ArchitectureTest, EveryFileItNamesExists) {
  const std::string text = ReadFile("docs/architecture.md");
  int files = 0;
  for (absl::string_view view : absl::StrSplit(text, '\n')) {
    const std::string line(view);
    for (const std::string& span : CodeSpans(line)) {
      if (!IsSourcePath(span)) continue;
      ++files;
      EXPECT_TRUE(fs::exists(span)) << span << ": no such file";
    }
  }
  EXPECT_GT(files, 30) << "is this the file?";
}

TEST(ArchitectureTest, ItIsTwoPagesAtMost) {
  const std::string text = ReadFile("docs/architecture.md");
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 120);
}

}  // namespace
}  // namespace dmdax::docs

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  dmdax::docs::EnterCheckout(argv[1]);
  return RUN_ALL_TESTS();
}
