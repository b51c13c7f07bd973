// SPDX-License-Identifier: Apache-2.0
//
// The text that dmsetup reads and prints, as a Table.
#include <google/protobuf/descriptor.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/utf8.h"
#include "formats/format.h"
#include "formats/table_text.h"
#include "state/packed_table.h"
#include "state/target_spec.h"
#include "state/world.pb.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

// A row begins with a number.
Likeness Detect(const FormatProbe& probe) {
  const bool table = &probe.type == proto::Table::descriptor();
  const bool row =
      !probe.text.empty() &&
      (absl::ascii_isdigit(static_cast<unsigned char>(probe.text[0])) ||
       probe.text[0] == '-' || probe.text[0] == '+');
  if (row) return table ? Likeness::kBegins : Likeness::kOther;
  return table ? Likeness::kByDefault : Likeness::kNot;
}

// "textproto, JSON or binary"
std::string OtherFormats() {
  std::string names;
  for (const Format* format : kFormats) {
    if (format == &kDmsetupFormat) continue;
    const bool last = format == *std::prev(std::end(kFormats));
    absl::StrAppend(&names,
                    names.empty() ? ""
                    : last        ? " or "
                                  : ", ",
                    format->title);
  }
  return names;
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

absl::Status Read(std::string bytes, const std::string& file,
                  pb::Message* message, SourceMap* map) {
  if (message->GetDescriptor() != proto::Table::descriptor()) {
    return ErrnoError(
        EINVAL, absl::StrCat(file, ": this is a table as dmsetup has it; a ",
                             message->GetDescriptor()->name(),
                             " is needed, in ", OtherFormats()));
  }
  proto::Table& table = static_cast<proto::Table&>(*message);
  TableText text = ParseTableText(bytes, file);
  const auto refuse = [&](size_t line, size_t column, const std::string& why) {
    return ErrnoError(EINVAL,
                      absl::StrCat(file, ":", line, ":", column, ": ", why));
  };
  if (!text.ok()) {
    return refuse(text.error.line, text.error.column, text.error.cause);
  }
  table.mutable_target()->Reserve(static_cast<int>(text.rows.size()));
  for (const TableRow& row : text.rows) {
    if (!IsUtf8(row.spec.target_type) || !IsUtf8(row.spec.params)) {
      return refuse(row.line, row.column,
                    "the row is not UTF-8, which a message can not carry");
    }
    *table.add_target() = TargetFromSpec(row.spec);
  }
  auto shared = std::make_shared<const std::string>(std::move(bytes));
  map->Set([shared, file](const std::string& path) {
    return LocateRow(*shared, file, path);
  });
  return absl::OkStatus();
}

absl::StatusOr<std::string> Print(const pb::Message& message) {
  if (message.GetDescriptor() != proto::Table::descriptor()) {
    return ErrnoError(EINVAL,
                      "dmsetup's text has tables only; convert those of the "
                      "World one by one");
  }
  const proto::Table& table = static_cast<const proto::Table&>(message);
  if (table.readonly()) {
    return ErrnoError(EINVAL,
                      "dmsetup's text has no way to say that a table is "
                      "read-only: that is dmsetup's option -r");
  }
  if (table.has_packed()) {
    proto::Table readable = table;
    if (absl::Status s = UnpackTable(&readable); !s.ok()) return s;
    return Print(readable);
  }
  std::vector<DmTargetSpec> rows;
  rows.reserve(static_cast<size_t>(table.target_size()));
  for (const proto::Target& target : table.target()) {
    rows.push_back(SpecFromTarget(target));
  }
  return PrintTableText(rows);
}

}  // namespace

extern const Format kDmsetupFormat = {"dmsetup", "dmsetup's text", Detect, Read,
                                      Print};

}  // namespace dmdax
