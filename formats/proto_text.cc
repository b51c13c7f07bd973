// SPDX-License-Identifier: Apache-2.0
#include "formats/proto_text.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <limits>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/json_locator.h"
#include "nlohmann/json.hpp"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

constexpr int kMaxDepth = 64;

absl::Status At(const std::string& file, TextPosition p,
                absl::string_view what) {
  return ErrnoError(EINVAL,
                    absl::StrCat(file, ":", p.line, ":", p.column, ": ", what));
}

// Keeps the first error; Protobuf counts lines and columns from 0.
class FirstError : public pb::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (!message_.empty()) return;
    position_ = {static_cast<size_t>(line + 1),
                 static_cast<size_t>(column + 1)};
    message_ = message;
  }
  TextPosition position() const { return position_; }
  const std::string& message() const { return message_; }

 private:
  TextPosition position_;
  std::string message_;
};

// Follows "mapped_device[2].table" through the parser's tree.
TextPosition LocateInTree(const pb::TextFormat::ParseInfoTree& root,
                          const pb::Descriptor* type, absl::string_view path) {
  const pb::TextFormat::ParseInfoTree* tree = &root;
  TextPosition found;
  while (!path.empty() && tree != nullptr && type != nullptr) {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    const pb::FieldDescriptor* field =
        type->FindFieldByName(std::string(path.substr(0, end)));
    path.remove_prefix(end);
    if (field == nullptr) break;
    int index = field->is_repeated() ? 0 : -1;
    if (!path.empty() && path[0] == '[') {
      const size_t close = std::min(path.find(']'), path.size());
      if (!absl::SimpleAtoi(path.substr(1, close - 1), &index)) break;
      path.remove_prefix(std::min(close + 1, path.size()));
    }
    const pb::TextFormat::ParseLocation at = tree->GetLocation(field, index);
    if (at.line < 0) break;
    found = {static_cast<size_t>(at.line + 1),
             static_cast<size_t>(at.column + 1)};
    type = field->message_type();
    tree = type == nullptr ? nullptr : tree->GetTreeForNested(field, index);
    if (!path.empty() && path[0] == '.') path.remove_prefix(1);
  }
  return found;
}

absl::Status ParseTextproto(absl::string_view bytes, const std::string& file,
                            pb::Message* message, SourceMap* map) {
  auto tree = std::make_shared<pb::TextFormat::ParseInfoTree>();
  FirstError error;
  pb::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  parser.WriteLocationsTo(tree.get());
  parser.SetRecursionLimit(kMaxDepth);
  pb::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  if (!parser.Parse(&stream, message)) {
    return At(file, error.position(), error.message());
  }
  if (map != nullptr) {
    map->Set(
        [tree, file, type = message->GetDescriptor()](const std::string& path) {
          const TextPosition p = LocateInTree(*tree, type, path);
          return absl::StrCat(file, ":", p.line, ":", p.column, ": ");
        });
  }
  return absl::OkStatus();
}

// Depth of nesting, so that no parser is asked to recurse for ever.
bool TooDeep(absl::string_view json, size_t* at) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    if (in_string) {
      if (json[i] == '\\')
        ++i;
      else if (json[i] == '"')
        in_string = false;
    } else if (json[i] == '"') {
      in_string = true;
    } else if (json[i] == '{' || json[i] == '[') {
      *at = i;
      if (++depth > kMaxDepth) return true;
    } else if (json[i] == '}' || json[i] == ']') {
      --depth;
    }
  }
  return false;
}

// Protobuf says which field is wrong, in words; the quoted name in them leads
// to a place in the text.
TextPosition GuessPosition(absl::string_view json, absl::string_view message) {
  // "(mapped_device[0].minor): ..." or "Cannot find field: foo in ..."
  const size_t open = message.find('(');
  const size_t close = message.find(')', open);
  if (open != message.npos && close != message.npos) {
    return PositionOf(
        json, LocateJson(json, message.substr(open + 1, close - open - 1)));
  }
  constexpr absl::string_view kUnknown = "Cannot find field: ";
  const size_t at = message.find(kUnknown);
  if (at != message.npos) {
    absl::string_view name = message.substr(at + kUnknown.size());
    name = name.substr(0, name.find(' '));
    const size_t offset = json.find(absl::StrCat("\"", name, "\""));
    if (offset != json.npos) return PositionOf(json, offset);
  }
  return {};
}

absl::Status ParseJson(absl::string_view bytes, const std::string& file,
                       pb::Message* message, SourceMap* map) {
  size_t deep = 0;
  if (TooDeep(bytes, &deep)) {
    return At(file, PositionOf(bytes, deep),
              absl::StrCat("nested deeper than ", kMaxDepth));
  }
  try {
    // The value is Protobuf's to make; only the position of an error is wanted.
    const auto ignored = nlohmann::json::parse(bytes.begin(), bytes.end());
    static_cast<void>(ignored);
  } catch (const nlohmann::json::parse_error& e) {
    return At(file, PositionOf(bytes, e.byte == 0 ? 0 : e.byte - 1),
              "not valid JSON");
  }
  const auto status = pb::util::JsonStringToMessage(
      pb::StringPiece(bytes.data(), bytes.size()), message);
  if (!status.ok()) {
    const std::string text(status.message());
    return At(file, GuessPosition(bytes, text), text);
  }
  if (map != nullptr) {
    map->Set([file, text = std::string(bytes)](const std::string& path) {
      const TextPosition p = PositionOf(text, LocateJson(text, path));
      return absl::StrCat(file, ":", p.line, ":", p.column, ": ");
    });
  }
  return absl::OkStatus();
}

absl::Status ParseBinary(absl::string_view bytes, const std::string& file,
                         pb::Message* message, SourceMap* map) {
  pb::io::CodedInputStream stream(
      reinterpret_cast<const uint8_t*>(bytes.data()),
      static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(kMaxDepth);
  if (!message->ParseFromCodedStream(&stream) ||
      !stream.ConsumedEntireMessage()) {
    return ErrnoError(
        EINVAL,
        absl::StrCat(file, ": byte ", stream.CurrentPosition(),
                     ": not a binary ", message->GetDescriptor()->name(),
                     ", or a truncated one"));
  }
  if (map != nullptr) {
    map->Set([file](const std::string& path) {
      return absl::StrCat(file, ": ", path, ": ");
    });
  }
  return absl::OkStatus();
}

}  // namespace

MessageFormat DetectMessageFormat(absl::string_view bytes) {
  constexpr size_t kLook = 4096;
  for (char c : bytes.substr(0, kLook)) {
    const unsigned char u = static_cast<unsigned char>(c);
    if (u < 0x20 && !absl::ascii_isspace(u)) return MessageFormat::kBinary;
  }
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(bytes);
  return !text.empty() && text[0] == '{' ? MessageFormat::kJson
                                         : MessageFormat::kTextproto;
}

absl::Status ParseMessage(absl::string_view bytes, const std::string& file,
                          pb::Message* message, SourceMap* map) {
  if (bytes.size() > std::numeric_limits<int>::max()) {
    return ErrnoError(EFBIG, absl::StrCat(file, ": above 2 GiB"));
  }
  switch (DetectMessageFormat(bytes)) {
    case MessageFormat::kJson:
      return ParseJson(bytes, file, message, map);
    case MessageFormat::kBinary:
      return ParseBinary(bytes, file, message, map);
    case MessageFormat::kTextproto:
      break;
  }
  return ParseTextproto(bytes, file, message, map);
}

absl::StatusOr<std::string> PrintMessage(const pb::Message& message,
                                         MessageFormat format) {
  std::string out;
  switch (format) {
    case MessageFormat::kTextproto: {
      if (!pb::TextFormat::PrintToString(message, &out)) {
        return ErrnoError(EINVAL, "cannot print the message");
      }
      return out;
    }
    case MessageFormat::kJson: {
      pb::util::JsonPrintOptions options;
      options.add_whitespace = true;
      options.preserve_proto_field_names = true;
      const auto status = pb::util::MessageToJsonString(message, &out, options);
      if (!status.ok()) {
        return ErrnoError(EINVAL, std::string(status.message()));
      }
      return out;
    }
    case MessageFormat::kBinary:
      break;
  }
  if (!message.SerializeToString(&out)) {
    return ErrnoError(EFBIG, "the message is above 2 GiB");
  }
  return out;
}

}  // namespace dmdax
