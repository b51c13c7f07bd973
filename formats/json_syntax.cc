// SPDX-License-Identifier: Apache-2.0
#include "formats/json_syntax.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/format.h"
#include "formats/json_locator.h"
#include "nlohmann/json.hpp"

namespace dmdax {
namespace {

// An iterator that remembers how far the parser has read.
class Cursor {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor(const char* at, size_t* consumed) : at_(at), consumed_(consumed) {}
  const char& operator*() const { return *at_; }
  Cursor& operator++() {
    ++at_;
    ++*consumed_;
    return *this;
  }
  bool operator==(const Cursor& other) const { return at_ == other.at_; }
  bool operator!=(const Cursor& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  size_t* consumed_;
};

// Listens to the parser; any false ends the parse with error() set.
class SyntaxCheck : public nlohmann::json_sax<nlohmann::json> {
 public:
  SyntaxCheck(absl::string_view text, JsonNulls nulls, const size_t* consumed)
      : text_(text), nulls_(nulls), consumed_(consumed) {}

  const std::string& error() const { return error_; }
  size_t error_at() const { return error_at_; }

  bool null() override {
    if (nulls_ == JsonNulls::kAnywhere || levels_.empty() ||
        !levels_.back().is_list) {
      return true;
    }
    constexpr size_t kNull = 4;
    return Fail(*consumed_ - std::min(*consumed_, kNull),
                "a value is expected in a list, not null");
  }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override {
    if (++messages_ > kMaxMessages) {
      return Fail(*consumed_ - 1,
                  absl::StrCat("more than ", kMaxMessages, " objects"));
    }
    return Deeper({});
  }
  bool start_array(size_t) override { return Deeper({.is_list = true}); }
  bool end_object() override { return Shallower(); }
  bool end_array() override { return Shallower(); }
  bool key(string_t& key) override {
    if (levels_.back().keys.insert(CamelCase(key)).second) return true;
    const size_t quotes = key.size() + 2;
    return Fail(*consumed_ - std::min(*consumed_, quotes),
                absl::StrCat("'", key.substr(0, 64), "' is given twice"));
  }
  bool parse_error(size_t position, const std::string& last_token,
                   const nlohmann::json::exception& e) override {
    size_t at = position == 0 ? 0 : position - 1;
    if (position >= last_token.size() && !last_token.empty() &&
        text_.substr(position - last_token.size(), last_token.size()) ==
            last_token) {
      at = position - last_token.size();
    }
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    const std::string what = e.what();
    const size_t colon = what.find(": ");
    return Fail(
        at, absl::StrCat("not JSON: ",
                         what.substr(colon == what.npos ? 0 : colon + 2, 300)));
  }

 private:
  // An object or a list that is open.
  struct Level {
    bool is_list = false;
    absl::flat_hash_set<std::string> keys = {};
  };

  bool Fail(size_t at, std::string what) {
    error_at_ = at;
    error_ = std::move(what);
    return false;
  }
  bool Deeper(Level level) {
    levels_.push_back(std::move(level));
    if (levels_.size() <= kMaxDepth) return true;
    return Fail(*consumed_ - 1, absl::StrCat("nested deeper than ", kMaxDepth));
  }
  bool Shallower() {
    levels_.pop_back();
    return true;
  }

  const absl::string_view text_;
  const JsonNulls nulls_;
  const size_t* const consumed_;
  std::vector<Level> levels_;
  size_t messages_ = 0;
  std::string error_;
  size_t error_at_ = 0;
};

}  // namespace

absl::Status CheckJsonSyntax(absl::string_view text, absl::string_view file,
                             JsonNulls nulls) {
  size_t consumed = 0;
  SyntaxCheck check(text, nulls, &consumed);
  // The end only ends; it is not read and counts nothing.
  if (nlohmann::json::sax_parse(Cursor(text.data(), &consumed),
                                Cursor(text.data() + text.size(), &consumed),
                                &check)) {
    return absl::OkStatus();
  }
  const TextPosition p = PositionOf(text, check.error_at());
  return ErrnoError(EINVAL, absl::StrCat(file, ":", p.line, ":", p.column, ": ",
                                         check.error()));
}

}  // namespace dmdax
