// SPDX-License-Identifier: Apache-2.0
//
// dmdax convert: tables and worlds from one form to another; dmdax export:
// the machine of the state as a World.
#include <cerrno>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/proto_text.h"
#include "formats/table_text.h"
#include "formats/world_load.h"
#include "tools/app.h"

namespace dmdax {
namespace {

struct ConvertOptions {
  std::string file = "-";
  std::string to = "textproto";
  bool world = false;
};

MessageFormat FormatNamed(const std::string& name) {
  if (name == "json") return MessageFormat::kJson;
  if (name == "binary") return MessageFormat::kBinary;
  return MessageFormat::kTextproto;
}

// A table in any form, dmsetup's text included.
absl::StatusOr<proto::Table> ReadTable(const std::string& bytes,
                                       const std::string& where) {
  proto::Table table;
  // dmsetup's lines begin with a number, a comment or nothing at all.
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  const bool is_text = first == bytes.npos || bytes[first] == '#' ||
                       bytes[first] == '-' || bytes[first] == '+' ||
                       (bytes[first] >= '0' && bytes[first] <= '9');
  if (!is_text || DetectMessageFormat(bytes) == MessageFormat::kBinary) {
    absl::Status s = ParseMessage(bytes, where, &table);
    if (!s.ok()) return s;
    return table;
  }
  const TableText text = ParseTableText(bytes, where);
  if (!text.ok()) {
    return ErrnoError(EINVAL,
                      absl::StrCat(where, ":", text.error.line, ":",
                                   text.error.column, ": ", text.error.cause));
  }
  for (const TableRow& row : text.rows) {
    *table.add_target() = TargetFromSpec(row.spec);
  }
  return table;
}

absl::StatusOr<std::string> ConvertTable(const ConvertOptions& o,
                                         const std::string& bytes,
                                         const std::string& where) {
  absl::StatusOr<proto::Table> table = ReadTable(bytes, where);
  if (!table.ok()) return table.status();
  if (o.to != "dmsetup") return PrintMessage(*table, FormatNamed(o.to));
  std::vector<DmTargetSpec> rows;
  for (const proto::Target& target : table->target()) {
    rows.push_back(SpecFromTarget(target));
  }
  return PrintTableText(rows);
}

absl::StatusOr<std::string> ConvertWorld(const ConvertOptions& o,
                                         const std::string& bytes,
                                         const std::string& where) {
  if (o.to == "dmsetup") {
    return ErrnoError(EINVAL,
                      "a World has no form as dmsetup text; convert "
                      "its tables");
  }
  proto::World world;
  absl::Status s = ParseMessage(bytes, where, &world);
  if (!s.ok()) return s;
  return PrintMessage(world, FormatNamed(o.to));
}

absl::StatusOr<std::string> Convert(const ConvertOptions& o) {
  absl::StatusOr<std::string> bytes = ReadInput(o.file);
  if (!bytes.ok()) return bytes.status();
  const std::string where = o.file == "-" ? "<stdin>" : o.file;
  return o.world ? ConvertWorld(o, *bytes, where)
                 : ConvertTable(o, *bytes, where);
}

void Emit(App& app, const absl::StatusOr<std::string>& text) {
  if (!text.ok()) return app.Report(text.status());
  std::cout.write(text->data(), static_cast<std::streamsize>(text->size()));
}

const std::set<std::string> kForms = {"dmsetup", "textproto", "json", "binary"};

}  // namespace

void RegisterConvert(CLI::App& cli, App& app) {
  auto o = std::make_shared<ConvertOptions>();
  CLI::App* convert = cli.add_subcommand(
      "convert",
      "A table (or with --as-world a World) from one form to another; the\n"
      "form of the input is told by its content.\n\n"
      "  dmsetup table home | dmdax convert --to textproto\n"
      "  dmdax convert --as-world --to json examples/oracle.textproto");
  convert->add_option("FILE", o->file, "Input, or - for standard input");
  convert->add_option("--to", o->to, "dmsetup, textproto, json or binary")
      ->check(CLI::IsMember(kForms));
  convert->add_flag("--as-world", o->world, "The input is a World");
  convert->callback([o, &app] { Emit(app, Convert(*o)); });

  auto to = std::make_shared<std::string>("textproto");
  CLI::App* exporter = cli.add_subcommand(
      "export",
      "Print the machine with its mapped devices as a World.\n\n"
      "  dmdax export --to json > world.json");
  exporter->add_option("--to", *to, "textproto, json or binary")
      ->check(CLI::IsMember(kForms));
  exporter->callback([to, &app] {
    absl::StatusOr<Session> session = app.Ask();
    if (!session.ok()) return app.Report(session.status());
    Emit(app, PrintMessage(DescribeWorld(*session), FormatNamed(*to)));
  });
}

}  // namespace dmdax
