// SPDX-License-Identifier: Apache-2.0
//
// Every file that docs/architecture.md and docs/extending.md name exists.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_split.h"
#include "tests/docs/doc_paths.h"

namespace dmdax::docs {
namespace {

namespace fs = std::filesystem;

// How many files it names.
int ExpectFilesExist(const std::string& document) {
  const std::string text = ReadFile(document);
  int files = 0;
  for (absl::string_view view : absl::StrSplit(text, '\n')) {
    const std::string line(view);
    for (const std::string& span : CodeSpans(line)) {
      if (!IsSourcePath(span)) continue;
      ++files;
      EXPECT_TRUE(fs::exists(span)) << document << ": no file " << span;
    }
  }
  return files;
}

TEST(ArchitectureTest, EveryFileTheyNameExists) {
  EXPECT_GT(ExpectFilesExist("docs/architecture.md"), 30);
  EXPECT_GT(ExpectFilesExist("docs/extending.md"), 15);
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
