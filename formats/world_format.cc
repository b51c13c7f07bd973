// SPDX-License-Identifier: Apache-2.0
#include "formats/world_format.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "formats/proto_utf8.h"
#include "formats/read_message.h"
#include "formats/table_text.h"
#include "state/packed_table.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";

bool IsControl(char c) {
  const unsigned char u = static_cast<unsigned char>(c);
  return (u < 0x20 && !absl::ascii_isspace(u)) || u == 0x7f;
}

// The text from its first character that is no blank and in no '#' line.
absl::string_view Significant(absl::string_view text) {
  absl::ConsumePrefix(&text, kByteOrderMark);
  while (true) {
    text = absl::StripLeadingAsciiWhitespace(text);
    if (!absl::StartsWith(text, "#")) return text;
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
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

// `otherwise` is for text that looks like nothing.
Format Detect(absl::string_view bytes, const pb::Message& message,
              Format otherwise) {
  if (bytes.empty()) return otherwise;
  const bool controls = std::any_of(bytes.begin(), bytes.end(), IsControl);
  if (controls && LooksBinary(bytes, message)) return Format::kBinary;
  const absl::string_view text = Significant(bytes);
  if (text.empty()) return otherwise;
  const char first = text[0];
  if (first == '{' || first == '[') return Format::kJson;
  if (BeginsField(text, *message.GetDescriptor())) return Format::kTextproto;
  const bool row = absl::ascii_isdigit(static_cast<unsigned char>(first)) ||
                   first == '-' || first == '+';
  if (row && otherwise == Format::kDmsetup) return Format::kDmsetup;
  // A kernel of nine letters makes a binary World without control characters.
  if (LooksBinary(bytes, message)) return Format::kBinary;
  if (row) return Format::kDmsetup;
  if (IsControl(first) || static_cast<unsigned char>(first) >= 0x80 ||
      controls) {
    return Format::kBinary;
  }
  return otherwise;
}

absl::Status ReadMessage(std::string bytes, const std::string& file,
                         Format format, pb::Message* message, SourceMap* map) {
  if (bytes.size() > kMaxInputBytes) {
    return ErrnoError(EFBIG, absl::StrCat(file, ": ", bytes.size(),
                                          " bytes; at most ", kMaxInputBytes));
  }
  if (format == Format::kBinary) return ReadBinary(bytes, file, message, map);
  if (absl::StartsWith(bytes, kByteOrderMark)) {
    bytes.erase(0, kByteOrderMark.size());
  }
  auto text = std::make_shared<const std::string>(std::move(bytes));
  return format == Format::kJson ? ReadJson(text, file, message, map)
                                 : ReadTextproto(text, file, message, map);
}

// The line and column of a row, for a path "target[N]...".
std::string LocateRow(absl::string_view text, const std::string& file,
                      absl::string_view path) {
  const TableText table = ParseTableText(text, file);
  size_t index = 0;
  if (!absl::ConsumePrefix(&path, "target[") ||
      !absl::SimpleAtoi(path.substr(0, path.find(']')), &index) ||
      index >= table.rows.size()) {
    return absl::StrCat(file, ": ");
  }
  const TableRow& row = table.rows[index];
  return absl::StrCat(file, ":", row.line, ":", row.column, ": ");
}

absl::StatusOr<ParsedTable> FromText(std::string bytes,
                                     const std::string& file) {
  TableText text = ParseTableText(bytes, file);
  const auto refuse = [&](size_t line, size_t column, const std::string& why) {
    return ErrnoError(EINVAL,
                      absl::StrCat(file, ":", line, ":", column, ": ", why));
  };
  if (!text.ok()) {
    return refuse(text.error.line, text.error.column, text.error.cause);
  }
  ParsedTable parsed{{}, Format::kDmsetup, {}};
  parsed.table.mutable_target()->Reserve(static_cast<int>(text.rows.size()));
  for (const TableRow& row : text.rows) {
    if (!IsUtf8(row.spec.target_type) || !IsUtf8(row.spec.params)) {
      return refuse(row.line, row.column,
                    "the row is not UTF-8, which a message can not carry");
    }
    *parsed.table.add_target() = TargetFromSpec(row.spec);
  }
  auto shared = std::make_shared<const std::string>(std::move(bytes));
  parsed.source.Set([shared, file](const std::string& path) {
    return LocateRow(*shared, file, path);
  });
  return parsed;
}

absl::StatusOr<std::string> Print(const pb::Message& message, Format format) {
  std::string out;
  if (format == Format::kTextproto) {
    if (!pb::TextFormat::PrintToString(message, &out)) {
      return ErrnoError(EFBIG, "the message is too large to print");
    }
    return out;
  }
  if (const std::string path = FindNonUtf8(message); !path.empty()) {
    return ErrnoError(EINVAL,
                      absl::StrCat(path, " is not UTF-8: ", FormatName(format),
                                   " can not say it"));
  }
  if (format == Format::kJson) {
    pb::util::JsonPrintOptions options;
    options.add_whitespace = true;
    options.preserve_proto_field_names = true;
    const auto status = pb::util::MessageToJsonString(message, &out, options);
    if (!status.ok()) return ErrnoError(EINVAL, status.ToString());
    return out;
  }
  if (!message.SerializeToString(&out)) {
    return ErrnoError(EFBIG, "the message is above 2 GiB");
  }
  return out;
}

}  // namespace

absl::string_view FormatName(Format format) {
  switch (format) {
    case Format::kDmsetup:
      return "dmsetup";
    case Format::kTextproto:
      return "textproto";
    case Format::kJson:
      return "json";
    case Format::kBinary:
      break;
  }
  return "binary";
}

Format DetectTableFormat(absl::string_view bytes) {
  return Detect(bytes, proto::Table::default_instance(), Format::kDmsetup);
}

Format DetectWorldFormat(absl::string_view bytes) {
  return Detect(bytes, proto::World::default_instance(), Format::kTextproto);
}

absl::StatusOr<ParsedTable> ParseTable(std::string bytes,
                                       const std::string& file) {
  const Format format = DetectTableFormat(bytes);
  if (format == Format::kDmsetup) return FromText(std::move(bytes), file);
  ParsedTable parsed{{}, format, {}};
  absl::Status s = ReadMessage(std::move(bytes), file, format, &parsed.table,
                               &parsed.source);
  if (!s.ok()) return s;
  return parsed;
}

absl::StatusOr<ParsedWorld> ParseWorld(std::string bytes,
                                       const std::string& file) {
  const Format format = DetectWorldFormat(bytes);
  if (format == Format::kDmsetup) {
    return ErrnoError(EINVAL,
                      absl::StrCat(file,
                                   ": this is a table as dmsetup has "
                                   "it; a World is needed, in textproto, "
                                   "JSON or binary"));
  }
  ParsedWorld parsed{{}, format, {}};
  absl::Status s = ReadMessage(std::move(bytes), file, format, &parsed.world,
                               &parsed.source);
  if (!s.ok()) return s;
  return parsed;
}

absl::StatusOr<std::string> PrintTable(const proto::Table& table,
                                       Format format) {
  if (format != Format::kDmsetup) return Print(table, format);
  if (table.readonly()) {
    return ErrnoError(EINVAL,
                      "dmsetup's text has no way to say that a table is "
                      "read-only: that is dmsetup's option -r");
  }
  if (table.has_packed()) {
    proto::Table readable = table;
    if (absl::Status s = UnpackTable(&readable); !s.ok()) return s;
    return PrintTable(readable, format);
  }
  std::vector<DmTargetSpec> rows;
  rows.reserve(static_cast<size_t>(table.target_size()));
  for (const proto::Target& target : table.target()) {
    rows.push_back(SpecFromTarget(target));
  }
  return PrintTableText(rows);
}

absl::StatusOr<std::string> PrintWorld(const proto::World& world,
                                       Format format) {
  if (format != Format::kDmsetup) return Print(world, format);
  return ErrnoError(EINVAL,
                    "dmsetup's text has tables only; convert those of the "
                    "World one by one");
}

}  // namespace dmdax
