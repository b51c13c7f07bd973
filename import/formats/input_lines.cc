// SPDX-License-Identifier: Apache-2.0
#include "import/formats/input_lines.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dmdax {
namespace {

bool IsSpace(char c) {
  return absl::ascii_isspace(static_cast<unsigned char>(c));
}

}  // namespace

void LineWords::SkipBlanks() {
  while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
}

absl::string_view LineWords::Word() {
  SkipBlanks();
  begin_ = at_;
  while (at_ < text_.size() && !IsSpace(text_[at_])) ++at_;
  end_ = at_;
  return text_.substr(begin_, end_ - begin_);
}

absl::StatusOr<uint64_t> LineWords::Number(absl::string_view what) {
  const absl::string_view word = Word();
  uint64_t value;
  const bool digits =
      !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
  if (digits && absl::SimpleAtoi(word, &value)) return value;
  return Expected(what);
}

absl::string_view LineWords::Rest() {
  SkipBlanks();
  begin_ = at_;
  at_ = text_.size();
  const absl::string_view rest =
      absl::StripTrailingAsciiWhitespace(text_.substr(begin_));
  end_ = begin_ + rest.size();
  return rest;
}

bool LineWords::Done() {
  SkipBlanks();
  return at_ == text_.size();
}

Place LineWords::place() const { return {input_, line_, begin_ + 1}; }

absl::Status LineWords::Expected(absl::string_view what) const {
  const absl::string_view word = text_.substr(begin_, end_ - begin_);
  return place().Error(
      absl::StrCat(what, " is expected, not ",
                   word.empty() ? "the end of the line" : Quoted(word)));
}

bool InputLines::Next() {
  const absl::string_view text = input_.text;
  while (next_ < text.size()) {
    const size_t end = std::min(text.find('\n', next_), text.size());
    line_ = text.substr(next_, end - next_);
    next_ = end + 1;
    ++number_;
    absl::ConsumeSuffix(&line_, "\r");
    if (!absl::StripAsciiWhitespace(line_).empty()) return true;
  }
  return false;
}

Place InputLines::At(absl::string_view part) const {
  return {&input_, number_,
          static_cast<size_t>(part.data() - line_.data()) + 1};
}

Place PlaceFinder::At(absl::string_view part) {
  const absl::string_view text = place_.input->text;
  const auto offset = static_cast<size_t>(part.data() - text.data());
  if (offset < at_) {
    place_ = {place_.input, 1, 1};
    at_ = 0;
  }
  for (char c : text.substr(at_, offset - at_)) {
    ++place_.column;
    if (c == '\n') {
      ++place_.line;
      place_.column = 1;
    }
  }
  at_ = offset;
  return place_;
}

absl::string_view FirstLine(absl::string_view text) {
  // Every format asks; what has nothing for so long is none of them.
  constexpr int kMostBefore = 4096;
  for (int i = 0; i < kMostBefore && !text.empty(); ++i) {
    const size_t end = std::min(text.find('\n'), text.size());
    absl::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    absl::ConsumeSuffix(&line, "\r");
    const absl::string_view bare = absl::StripAsciiWhitespace(line);
    if (!bare.empty() && bare[0] != '#') return line;
  }
  return "";
}

}  // namespace dmdax
