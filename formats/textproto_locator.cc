// SPDX-License-Identifier: Apache-2.0
#include "formats/textproto_locator.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;
using pb::io::Tokenizer;

struct Step {
  std::string name;
  int index = 0;
};

std::vector<Step> SplitPath(absl::string_view path) {
  std::vector<Step> steps;
  if (path.empty()) return steps;
  for (absl::string_view part : absl::StrSplit(path, '.')) {
    const size_t open = std::min(part.find('['), part.size());
    Step step{std::string(part.substr(0, open))};
    absl::string_view index = part.substr(std::min(open + 1, part.size()));
    index = index.substr(0, index.find(']'));
    if (!absl::SimpleAtoi(index, &step.index)) step.index = 0;
    steps.push_back(std::move(step));
  }
  return steps;
}

// The text has been parsed before, so its errors are known.
class NoErrors : public pb::io::ErrorCollector {
  void AddError(int, int, const std::string&) override {}
};

class Walker {
 public:
  explicit Walker(absl::string_view text)
      : stream_(text.data(), static_cast<int>(text.size())),
        tokens_(&stream_, &errors_) {
    // As TextFormat's parser sets it up.
    tokens_.set_allow_f_after_float(true);
    tokens_.set_comment_style(Tokenizer::SH_COMMENT_STYLE);
    tokens_.set_require_space_after_number(false);
    tokens_.set_allow_multiline_strings(true);
    tokens_.Next();
  }

  // Goes to the field in the message here, and stops at its value.  False:
  // the message has no such field.
  bool Enter(const Step& step) {
    int seen = 0;
    while (!AtEnd() && !Is("}") && !Is(">")) {
      const Tokenizer::Token name = tokens_.current();
      const bool wanted = name.text == step.name;
      SkipOne();
      if (Is(":")) tokens_.Next();
      if (wanted && Is("[")) {
        if (EnterList(step.index, &seen)) return true;
      } else if (wanted && seen++ == step.index) {
        found_ = name;
        return true;
      } else {
        SkipValue();
      }
      if (Is(",") || Is(";")) tokens_.Next();
    }
    return false;
  }

  // Into the message that is the value here; false for a scalar.
  bool EnterMessage() {
    if (!Is("{") && !Is("<")) return false;
    tokens_.Next();
    return true;
  }

  const Tokenizer::Token& found() const { return found_; }

 private:
  bool AtEnd() { return tokens_.current().type == Tokenizer::TYPE_END; }
  bool Is(absl::string_view text) {
    return tokens_.current().type == Tokenizer::TYPE_SYMBOL &&
           tokens_.current().text == text;
  }

  bool EnterList(int index, int* seen) {
    tokens_.Next();
    while (!AtEnd() && !Is("]")) {
      if ((*seen)++ == index) {
        found_ = tokens_.current();
        return true;
      }
      SkipValue();
      if (Is(",")) tokens_.Next();
    }
    tokens_.Next();
    return false;
  }

  // A token, or a bracketed group of them.
  void SkipOne() {
    int depth = 0;
    do {
      if (Is("{") || Is("<") || Is("[")) ++depth;
      if (Is("}") || Is(">") || Is("]")) --depth;
      tokens_.Next();
    } while (depth > 0 && !AtEnd());
  }

  void SkipValue() {
    if (Is("-")) tokens_.Next();
    const bool string = IsString();
    SkipOne();
    while (string && IsString()) tokens_.Next();  // "a" "b" is one
  }
  bool IsString() { return tokens_.current().type == Tokenizer::TYPE_STRING; }

  NoErrors errors_;
  pb::io::ArrayInputStream stream_;
  Tokenizer tokens_;
  Tokenizer::Token found_;
};

}  // namespace

TextPosition FromTokenizer(absl::string_view text, int line, int column) {
  if (line < 0) return {};
  size_t begin = 0;
  for (int i = 0; i < line && begin < text.size(); ++i) {
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  }
  size_t at = begin;
  constexpr int kTabWidth = 8;
  for (int c = 0; c < column && at < text.size() && text[at] != '\n'; ++at) {
    c += text[at] == '\t' ? kTabWidth - c % kTabWidth : 1;
  }
  return {static_cast<size_t>(line) + 1, at - begin + 1};
}

TextPosition LocateTextproto(absl::string_view text, absl::string_view path) {
  Walker walker(text);
  bool found = false;
  for (const Step& step : SplitPath(path)) {
    if (found && !walker.EnterMessage()) break;
    if (!walker.Enter(step)) break;
    found = true;
  }
  if (!found) return {};
  return FromTokenizer(text, walker.found().line, walker.found().column);
}

}  // namespace dmdax
