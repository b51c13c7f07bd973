// SPDX-License-Identifier: Apache-2.0
#include "import/lvm/lvm_config.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

class Parser {
 public:
  explicit Parser(const ImportInput& input)
      : input_(input), text_(input.text) {}

  absl::Status Body(LvmSection* section, int depth) {
    constexpr int kMostDepth = 64;
    for (;;) {
      SkipBlanks();
      if (at_ == text_.size()) {
        return depth == 0 ? absl::OkStatus() : Expected("'}'");
      }
      if (text_[at_] == '}' && depth > 0) {
        ++at_;
        return absl::OkStatus();
      }
      const Place place = Here();
      const std::string key = Key();
      if (key.empty()) return Expected("a name");
      SkipBlanks();
      if (Take('{')) {
        if (depth == kMostDepth) return place.Error("nested too deep");
        section->sections.push_back({.name = key, .place = place});
        absl::Status s = Body(&section->sections.back(), depth + 1);
        if (!s.ok()) return s;
      } else if (Take('=')) {
        absl::StatusOr<LvmValue> value = Value();
        if (!value.ok()) return value.status();
        for (const auto& [other, first] : section->values) {
          if (other != key) continue;
          return place.Error(absl::StrCat(key, " is given twice; ",
                                          first.place.ToString(),
                                          " has the first"));
        }
        section->values.emplace_back(key, *std::move(value));
      } else {
        return Expected("'=' or '{'");
      }
    }
  }

 private:
  absl::StatusOr<LvmValue> Value() {
    SkipBlanks();
    if (!Take('[')) return Scalar();
    LvmValue list{.kind = LvmValue::kList, .place = Here()};
    for (;;) {
      SkipBlanks();
      if (Take(']')) return list;
      if (!list.list.empty()) {
        if (!Take(',')) return Expected("',' or ']'");
        SkipBlanks();
        if (Take(']')) return list;
      }
      absl::StatusOr<LvmValue> value = Scalar();
      if (!value.ok()) return value.status();
      list.list.push_back(*std::move(value));
    }
  }

  absl::StatusOr<LvmValue> Scalar() {
    LvmValue value{.place = Here()};
    if (Take('"')) {
      while (at_ < text_.size() && text_[at_] != '"') {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) Step();
        value.text.push_back(text_[at_]);
        Step();
      }
      if (!Take('"')) return Expected("'\"'");
      return value;
    }
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (absl::ascii_isalnum(static_cast<unsigned char>(text_[at_])) ||
            text_[at_] == '-' || text_[at_] == '+' || text_[at_] == '.' ||
            text_[at_] == '_')) {
      ++at_;
    }
    value.text = std::string(text_.substr(begin, at_ - begin));
    if (value.text.empty()) return Expected("a value");
    if (absl::SimpleAtoi(value.text, &value.number)) {
      value.kind = LvmValue::kNumber;
    }
    return value;
  }

  std::string Key() {
    const size_t begin = at_;
    while (at_ < text_.size() &&
           !absl::ascii_isspace(static_cast<unsigned char>(text_[at_])) &&
           absl::string_view("={}[]#\",").find(text_[at_]) ==
               absl::string_view::npos) {
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  void SkipBlanks() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (absl::ascii_isspace(static_cast<unsigned char>(text_[at_]))) {
        Step();
      } else {
        return;
      }
    }
  }

  void Step() {
    if (text_[at_] == '\n') {
      ++line_;
      line_begin_ = at_ + 1;
    }
    ++at_;
  }

  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  Place Here() const { return {&input_, line_, at_ - line_begin_ + 1}; }

  absl::Status Expected(absl::string_view what) const {
    const absl::string_view rest =
        text_.substr(at_, text_.find('\n', at_) - at_);
    return Here().Error(
        absl::StrCat(what, " is expected, not ",
                     at_ == text_.size() ? "the end" : Quoted(rest)));
  }

  const ImportInput& input_;
  const absl::string_view text_;
  size_t at_ = 0;
  size_t line_ = 1;
  size_t line_begin_ = 0;
};

}  // namespace

const LvmValue* LvmSection::Value(absl::string_view key) const {
  for (const auto& [name, value] : values) {
    if (name == key) return &value;
  }
  return nullptr;
}

const LvmSection* LvmSection::Section(absl::string_view key) const {
  for (const LvmSection& section : sections) {
    if (section.name == key) return &section;
  }
  return nullptr;
}

absl::StatusOr<LvmSection> ParseLvmConfig(const ImportInput& input) {
  LvmSection root{.place = {&input, 1, 1}};
  absl::Status s = Parser(input).Body(&root, 0);
  if (!s.ok()) return s;
  return root;
}

}  // namespace dmdax
