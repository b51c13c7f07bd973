// SPDX-License-Identifier: Apache-2.0
#include "import/formats/extents_sections.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dmdax {
namespace {

// "line 3, column 7: what" of a piece that begins after `lines` lines.
absl::Status InWhole(const ImportInput& input, size_t lines,
                     const absl::Status& status) {
  const std::string what(status.message());
  size_t line = 0, column = 0;
  int end = 0;
  if (sscanf(what.c_str(), "line %zu, column %zu: %n", &line, &column, &end) !=
          2 ||
      end == 0) {
    return Place{&input, lines + 1, 1}.Error(what);
  }
  return Place{&input, lines + line, column}.Error(
      what.substr(static_cast<size_t>(end)));
}

// The file's name in the first line of its piece; "": there is none.
std::string NameOf(absl::string_view piece) {
  absl::string_view line = piece.substr(0, piece.find('\n'));
  if (absl::ConsumePrefix(&line, "File size of ")) {
    const size_t is = line.rfind(" is ");
    return std::string(line.substr(0, is == line.npos ? 0 : is));
  }
  return absl::StartsWith(line, "/") && absl::ConsumeSuffix(&line, ":")
             ? std::string(line)
             : "";
}

}  // namespace

absl::Status ReadExtentSections(
    const ImportInput& input, bool (*begins)(absl::string_view line),
    const std::function<absl::StatusOr<ExtentList>(absl::string_view)>& parse,
    Facts* facts) {
  const absl::string_view text = input.text;
  size_t begin = 0, begin_line = 0, line_number = 0;
  const auto finish = [&](size_t end) -> absl::Status {
    const absl::string_view piece = text.substr(begin, end - begin);
    if (piece.find_first_not_of(" \t\r\n") == piece.npos) {
      return absl::OkStatus();
    }
    absl::StatusOr<ExtentList> list = parse(piece);
    if (!list.ok()) {
      const absl::Status odd = InWhole(input, begin_line, list.status());
      const std::string name = NameOf(piece);
      // Nobody has chosen this input: one file does not spoil the others.
      if (facts->odd_lines == nullptr || name.empty()) return odd;
      facts->LeaveOut({}, name, odd.message());
      return absl::OkStatus();
    }
    FileFact file{.place = {&input, begin_line + 1, 1}, .path = list->file};
    // Text in front of the first file.
    if (list->extents.empty() && list->file.empty()) return absl::OkStatus();
    file.list = *std::move(list);
    facts->files.push_back(std::move(file));
    return absl::OkStatus();
  };
  for (size_t at = 0; at < text.size(); ++line_number) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (at > begin && begins(text.substr(at, end - at))) {
      if (absl::Status s = finish(at); !s.ok()) return s;
      begin = at;
      begin_line = line_number;
    }
    at = end + 1;
  }
  return finish(text.size());
}

}  // namespace dmdax
