// SPDX-License-Identifier: Apache-2.0
//
// Links between the pages lead somewhere, every page is in the index, and
// every page with examples is run by a test.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/docs/doc_paths.h"

namespace dmdax::docs {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> Pages() {
  std::vector<std::string> pages = {
      "README.md", "CONTRIBUTING.md", "bench/README.md",
      "tests/conformance/README.md", "tests/protocol/README.md"};
  for (const auto& entry : fs::recursive_directory_iterator("docs")) {
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  }
  return pages;
}

// Where the page's links lead: "import.md", "concepts.md#units".
std::vector<std::string> Links(const std::string& page) {
  std::vector<std::string> links;
  const std::string text = ReadFile(page);
  for (size_t at = 0; (at = text.find("](", at)) != text.npos;) {
    at += 2;
    links.push_back(text.substr(at, text.find(')', at) - at));
  }
  return links;
}

// What a heading is called in a link: "How to ask" is how-to-ask.
std::string Anchor(absl::string_view heading) {
  std::string anchor;
  for (unsigned char c : heading) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_') {
      anchor += absl::ascii_tolower(c);
    } else if (c == ' ') {
      anchor += '-';
    }
  }
  return anchor;
}

std::set<std::string> Anchors(const std::string& page) {
  std::set<std::string> anchors;
  const std::string text = ReadFile(page);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t marks = line.find_first_not_of('#');
    if (marks == 0 || marks == line.npos || line[marks] != ' ') continue;
    anchors.insert(Anchor(line.substr(marks + 1)));
  }
  return anchors;
}

TEST(LinksTest, EachLeadsSomewhere) {
  int links = 0;
  for (const std::string& page : Pages()) {
    for (const std::string& link : Links(page)) {
      if (absl::StrContains(link, "://")) continue;
      ++links;
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(link, absl::MaxSplits('#', 1));
      const fs::path to = parts.first.empty()
                              ? fs::path(page)
                              : fs::path(page).parent_path() / parts.first;
      ASSERT_TRUE(fs::exists(to)) << page << " links to " << link;
      if (parts.second.empty()) continue;
      EXPECT_TRUE(Anchors(to).contains(parts.second))
          << page << " links to " << link;
    }
  }
  EXPECT_GT(links, 60);
}

TEST(LinksTest, AnAnchorIsCalledAsItsHeading) {
  EXPECT_EQ(Anchor("How it's `judged`, once"), "how-its-judged-once");
  EXPECT_TRUE(Anchors("docs/fault-reasons.md").contains("pfn_target"));
}

TEST(LinksTest, EveryPageIsInTheIndex) {
  std::set<std::string> listed;
  for (const std::string& link : Links("docs/README.md")) {
    listed.insert((fs::path("docs") / link).lexically_normal());
  }
  for (const std::string& page : Pages()) {
    if (page == "docs/README.md" || !absl::StartsWith(page, "docs/")) continue;
    EXPECT_TRUE(listed.contains(page)) << "docs/README.md has no " << page;
  }
}

// tests/golden has a list of them, by their names below docs/.
TEST(LinksTest, EveryPageWithExamplesIsTested) {
  const std::string build = ReadFile("tests/golden/BUILD.bazel");
  int pages = 0;
  for (const std::string& page : Pages()) {
    if (!absl::StrContains(ReadFile(page), "\n```console\n")) continue;
    ++pages;
    absl::string_view name = page;
    absl::ConsumePrefix(&name, "docs/");
    const std::string label = absl::StrCat(":", name, "\"");  // "//docs:ci.md"
    absl::ConsumeSuffix(&name, ".md");
    EXPECT_TRUE(absl::StrContains(build, label) ||
                absl::StrContains(build, absl::StrCat("\"", name, "\"")))
        << page;
  }
  EXPECT_GT(pages, 10);
}

}  // namespace
}  // namespace dmdax::docs

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  dmdax::docs::EnterCheckout(argv[1]);
  return RUN_ALL_TESTS();
}
