// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/read_message.h"
#include "formats/textproto_locator.h"
#include "formats/utf8.h"

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

}  // namespace

absl::Status ReadTextproto(SharedText text, const std::string& file,
                           pb::Message* message, SourceMap* map) {
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
    return ErrnoError(
        EINVAL, absl::StrCat(Prefix(file, FromTokenizer(*text, error.line(),
                                                        error.column())),
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

}  // namespace dmdax
