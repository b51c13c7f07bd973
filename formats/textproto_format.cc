// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/format.h"
#include "formats/textproto_locator.h"
#include "state/proto_utf8.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

std::string Prefix(const std::string& file, TextPosition p) {
  return absl::StrCat(file, ":", p.line, ":", p.column, ": ");
}

class FirstError : public pb::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (!message_.empty()) return;
    line_ = line;
    column_ = column;
    message_ = message;
  }
  int line() const { return line_; }
  int column() const { return column_; }
  const std::string& message() const { return message_; }

 private:
  int line_ = 0;
  int column_ = 0;
  std::string message_;
};

size_t OffsetOf(absl::string_view text, TextPosition p) {
  size_t begin = 0;
  for (size_t line = 1; line < p.line && begin < text.size(); ++line) {
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  }
  return std::min(begin + p.column - 1, text.size());
}

// The parser complains of a name when it has read past it.
size_t BackToName(absl::string_view text, size_t at,
                  absl::string_view message) {
  constexpr absl::string_view kUnknown = "has no field named \"";
  const size_t begin = message.find(kUnknown);
  if (begin == message.npos) return at;
  absl::string_view name = message.substr(begin + kUnknown.size());
  name = name.substr(0, name.find('"'));
  const size_t found = text.substr(0, at).rfind(name);
  return found == text.npos ? at : found;
}

// Where message number `limit` + 1 begins, or npos.
size_t FindMessage(absl::string_view text, size_t limit) {
  size_t messages = 0;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote || c == '\n') quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else if ((c == '{' || c == '<') && ++messages > limit) {
      return i;
    }
  }
  return text.npos;
}

// A word that is a field of the message, or any with what follows a field.
bool BeginsField(absl::string_view text, const pb::Descriptor& type) {
  const size_t end = std::find_if(text.begin(), text.end(),
                                  [](char c) {
                                    return !absl::ascii_isalnum(
                                               static_cast<unsigned char>(c)) &&
                                           c != '_';
                                  }) -
                     text.begin();
  if (end == 0 || absl::ascii_isdigit(static_cast<unsigned char>(text[0]))) {
    return false;
  }
  if (type.FindFieldByName(std::string(text.substr(0, end))) != nullptr) {
    return true;
  }
  const absl::string_view rest =
      absl::StripLeadingAsciiWhitespace(text.substr(end));
  return !rest.empty() && absl::StrContains(":{<", rest[0]);
}

Likeness Detect(const FormatProbe& probe) {
  return BeginsField(probe.text, probe.type) ? Likeness::kBegins
                                             : Likeness::kByDefault;
}

absl::Status Read(std::string bytes, const std::string& file,
                  pb::Message* message, SourceMap* map) {
  const auto text = WithoutByteOrderMark(std::move(bytes));
  if (const size_t at = FindMessage(*text, kMaxMessages); at != text->npos) {
    return ErrnoError(
        EINVAL, absl::StrCat(Prefix(file, PositionOf(*text, at)), "more than ",
                             kMaxMessages, " messages"));
  }
  FirstError error;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.SetRecursionLimit(kMaxDepth);
  pb::io::ArrayInputStream stream(text->data(), static_cast<int>(text->size()));
  if (!parser.Parse(&stream, message)) {
    const TextPosition p = FromTokenizer(*text, error.line(), error.column());
    const size_t at = OffsetOf(*text, p);
    const size_t name = BackToName(*text, at, error.message());
    return ErrnoError(
        EINVAL,
        absl::StrCat(Prefix(file, name == at ? p : PositionOf(*text, name)),
                     error.message()));
  }
  if (const std::string path = FindNonUtf8(*message); !path.empty()) {
    return ErrnoError(
        EINVAL, absl::StrCat(Prefix(file, LocateTextproto(*text, path)), path,
                             " is not UTF-8"));
  }
  map->Set([text, file](const std::string& path) {
    return Prefix(file, LocateTextproto(*text, path));
  });
  return absl::OkStatus();
}

absl::StatusOr<std::string> Print(const pb::Message& message) {
  std::string out;
  if (!pb::TextFormat::PrintToString(message, &out)) {
    return ErrnoError(EFBIG, "the message is too large to print");
  }
  return out;
}

}  // namespace

extern const Format kTextprotoFormat = {"textproto", "textproto", Detect, Read,
                                        Print};

}  // namespace dmdax
