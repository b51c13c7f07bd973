// SPDX-License-Identifier: Apache-2.0
#include "tests/formats/golden.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace dmdax {

std::vector<GoldenCase> ReadGolden(const std::string& file) {
  std::ifstream in("tests/formats/golden/" + file);
  std::vector<GoldenCase> cases;
  std::string* part = nullptr;
  for (std::string line; std::getline(in, line);) {
    if (absl::StartsWith(line, "=== ")) {
      cases.push_back({line.substr(4), "", ""});
      part = &cases.back().input;
    } else if (line == "---" && part != nullptr) {
      part = &cases.back().expected;
    } else if (part != nullptr) {
      absl::StrAppend(part, line, "\n");
    }
  }
  for (GoldenCase& c : cases) {
    c.input = absl::StrReplaceAll(
        c.input, {{"\\0", std::string(1, '\0')}, {"\\t", "\t"}, {"\\s", " "}});
  }
  if (cases.empty()) {
    std::fprintf(stderr, "no cases in golden/%s\n", file.c_str());
    std::abort();
  }
  return cases;
}

}  // namespace dmdax
