// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/renamed_target.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"

namespace dmdax::conformance {
namespace {

bool IsNameByte(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         c == '-';
}

// Where `word` stands in `line` from `at` on, or npos.
size_t FindWord(const std::string& line, const std::string& word, size_t at) {
  for (; (at = line.find(word, at)) != line.npos; ++at) {
    const size_t end = at + word.size();
    // A letter behind a backslash is none: "\\nstriped" in a JSON string.
    const bool begins = at == 0 || !IsNameByte(line[at - 1]) ||
                        (at >= 2 && line[at - 2] == '\\');
    if (begins && (end == line.size() || !IsNameByte(line[end]))) return at;
  }
  return line.npos;
}

}  // namespace

std::optional<RenamedTarget> RenamedTarget::Parse(absl::string_view text) {
  const std::vector<std::string> names = absl::StrSplit(text, '=');
  if (names.size() != 2 || names[0].empty() || names[1].empty()) {
    return std::nullopt;
  }
  RenamedTarget renamed;
  renamed.from_ = names[0];
  renamed.to_ = names[1];
  return renamed;
}

std::string RenamedTarget::In(const std::string& line) const {
  if (empty()) return line;
  std::string renamed = line;
  for (size_t at = 0; (at = FindWord(renamed, from_, at)) != renamed.npos;) {
    renamed.replace(at, from_.size(), to_);
    at += to_.size();
  }
  return renamed;
}

bool RenamedTarget::IsIn(const std::string& line) const {
  return empty() || FindWord(line, to_, 0) != line.npos;
}

}  // namespace dmdax::conformance
