// SPDX-License-Identifier: Apache-2.0
//
// JSON in two passes: nlohmann::json's event parser judges the syntax, which
// Protobuf's does less well and without positions; then Protobuf's reads it.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/format.h"
#include "formats/json_locator.h"
#include "nlohmann/json.hpp"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

std::string Prefix(const std::string& file, absl::string_view text,
                   size_t offset) {
  const TextPosition p = PositionOf(text, offset);
  return absl::StrCat(file, ":", p.line, ":", p.column, ": ");
}

// A pointer that tells how far the parser has read.
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
  SyntaxCheck(absl::string_view text, const size_t* consumed)
      : text_(text), consumed_(consumed) {}

  const std::string& error() const { return error_; }
  size_t error_at() const { return error_at_; }

  bool null() override { return true; }
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
    return Deeper();
  }
  bool start_array(size_t) override { return Deeper(); }
  bool end_object() override { return Shallower(); }
  bool end_array() override { return Shallower(); }
  bool key(string_t& key) override {
    if (keys_.back().insert(CamelCase(key)).second) return true;
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
  bool Fail(size_t at, std::string what) {
    error_at_ = at;
    error_ = std::move(what);
    return false;
  }
  bool Deeper() {
    keys_.emplace_back();
    if (keys_.size() <= kMaxDepth) return true;
    return Fail(*consumed_ - 1, absl::StrCat("nested deeper than ", kMaxDepth));
  }
  bool Shallower() {
    keys_.pop_back();
    return true;
  }

  const absl::string_view text_;
  const size_t* const consumed_;
  std::vector<absl::flat_hash_set<std::string>> keys_;  // by depth
  size_t messages_ = 0;
  std::string error_;
  size_t error_at_ = 0;
};

// Protobuf names the place as "(mapped_device[0].table) foo: Cannot find
// field." or "(pmem[0].size): invalid value ...": the path, and for a field
// that there is none of, its name.
size_t PlaceOf(absl::string_view json, absl::string_view what) {
  std::string path;
  if (absl::StartsWith(what, "(")) {
    const size_t close = std::min(what.find(')'), what.size());
    path = std::string(what.substr(1, close - 1));
    what.remove_prefix(std::min(close + 1, what.size()));
  }
  const size_t unknown = what.find(": Cannot find field.");
  if (unknown == what.npos) return LocateJson(json, path);
  const std::string name(absl::StripAsciiWhitespace(what.substr(0, unknown)));
  const size_t value =
      LocateJson(json, absl::StrCat(path, path.empty() ? "" : ".", name));
  // Back from the value to the key.
  const size_t key =
      json.substr(0, value).rfind(absl::StrCat("\"", name, "\""));
  return key == json.npos ? value : key;
}

Likeness Detect(const FormatProbe& probe) {
  const bool begins =
      !probe.text.empty() && (probe.text[0] == '{' || probe.text[0] == '[');
  return begins ? Likeness::kBegins : Likeness::kNot;
}

absl::Status Read(std::string bytes, const std::string& file,
                  pb::Message* message, SourceMap* map) {
  const auto text = WithoutByteOrderMark(std::move(bytes));
  size_t consumed = 0;
  SyntaxCheck check(*text, &consumed);
  const char* begin = text->data();
  // The end only ends; it is not read and counts nothing.
  if (!nlohmann::json::sax_parse(Cursor(begin, &consumed),
                                 Cursor(begin + text->size(), &consumed),
                                 &check)) {
    return ErrnoError(
        EINVAL,
        absl::StrCat(Prefix(file, *text, check.error_at()), check.error()));
  }
  const auto status = pb::util::JsonStringToMessage(*text, message);
  if (!status.ok()) {
    const std::string what(status.message());
    return ErrnoError(
        EINVAL, absl::StrCat(Prefix(file, *text, PlaceOf(*text, what)), what));
  }
  map->Set([text, file](const std::string& path) {
    return Prefix(file, *text, LocateJson(*text, path));
  });
  return absl::OkStatus();
}

absl::StatusOr<std::string> Print(const pb::Message& message) {
  if (absl::Status s = CheckUtf8(message, kJsonFormat); !s.ok()) return s;
  pb::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string out;
  const auto status = pb::util::MessageToJsonString(message, &out, options);
  if (!status.ok()) return ErrnoError(EINVAL, status.ToString());
  return out;
}

}  // namespace

extern const Format kJsonFormat = {"json", "JSON", Detect, Read, Print};

}  // namespace dmdax
