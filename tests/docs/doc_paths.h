// SPDX-License-Identifier: Apache-2.0
//
// What a Markdown file says between backquotes.
#ifndef DMDAX_TESTS_DOCS_DOC_PATHS_H_
#define DMDAX_TESTS_DOCS_DOC_PATHS_H_

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"

namespace dmdax::docs {

// Makes the checkout the working directory: the folder that a file of it,
// which Bazel gives as a link, lies in.
inline void EnterCheckout(const std::string& file) {
  std::filesystem::current_path(std::filesystem::canonical(file).parent_path());
}

inline std::string ReadFile(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path).rdbuf();
  return all.str();
}

// The code spans of a line, in order.
inline std::vector<std::string> CodeSpans(const std::string& line) {
  std::vector<std::string> spans;
  size_t at = 0;
  while ((at = line.find('`', at)) != line.npos) {
    const size_t end = line.find('`', at + 1);
    if (end == line.npos) break;
    spans.push_back(line.substr(at + 1, end - at - 1));
    at = end + 1;
  }
  return spans;
}

// "dm/dm_table.h": a file of ours.
inline bool IsSourcePath(const std::string& span) {
  if (span.find('/') == span.npos || span[0] == '/') return false;
  for (const char* ending : {".cc", ".h", ".proto", ".sh", ".md", ".bzl"}) {
    if (absl::EndsWith(span, ending)) return true;
  }
  return false;
}

}  // namespace dmdax::docs

#endif  // DMDAX_TESTS_DOCS_DOC_PATHS_H_
