// SPDX-License-Identifier: Apache-2.0
//
// dmdax convert: tables and worlds from one form to another; dmdax export:
// the machine of the state as a World.
#include <cerrno>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/one_line.h"
#include "base/read_input.h"
#include "formats/format.h"
#include "formats/world_format.h"
#include "state/packed_table.h"
#include "state/world_load.h"
#include "tools/app.h"
#include "tools/world_losses.h"

namespace dmdax {
namespace {

struct ConvertOptions {
  std::string file = "-";
  std::string to = "textproto";
  bool world = false;
  bool packed = false;
};

absl::StatusOr<std::string> Convert(const ConvertOptions& o) {
  absl::StatusOr<std::string> bytes = ReadInput(o.file);
  if (!bytes.ok()) return bytes.status();
  const std::string where = InputName(o.file);
  // As ReadWorldFile(): the writer of a pipe may have failed.
  if (SignificantText(*bytes).empty()) {
    return ErrnoError(ENODATA, absl::StrCat("'", where, "' is empty, not a ",
                                            o.world ? "World" : "table"));
  }
  if (o.world) {
    absl::StatusOr<ParsedWorld> world = ParseWorld(*std::move(bytes), where);
    if (!world.ok()) return world.status();
    if (absl::Status s = UnpackWorld(&world->world); !s.ok()) return s;
    if (o.packed) PackWorld(&world->world);
    return PrintWorld(world->world, *FindFormat(o.to));
  }
  absl::StatusOr<ParsedTable> table = ParseTable(*std::move(bytes), where);
  if (!table.ok()) return table.status();
  if (absl::Status s = UnpackTable(&table->table); !s.ok()) return s;
  if (o.packed) PackTable(&table->table);
  return PrintTable(table->table, *FindFormat(o.to));
}

void Emit(App& app, const absl::StatusOr<std::string>& text) {
  if (!text.ok()) return app.Report(text.status());
  std::cout.write(text->data(), static_cast<std::streamsize>(text->size()));
}

// What --to takes: the names of the formats.
void AddTo(CLI::App& verb, std::string& to) {
  std::set<std::string> names;
  for (const Format* format : kFormats) names.emplace(format->name);
  verb.add_option("--to", to, "The form of the output")
      ->check(CLI::IsMember(names));
}

}  // namespace

void RegisterConvert(CLI::App& cli, App& app) {
  auto o = std::make_shared<ConvertOptions>();
  CLI::App* convert = cli.add_subcommand(
      "convert",
      "A table (or with --as-world a World) from one form to another; the\n"
      "form of the input is told by its content.\n\n"
      "  dmsetup table home | dmdax convert --to textproto\n"
      "  dmdax convert --as-world --to json examples/oracle.textproto\n"
      "  dmdax convert --packed --to binary huge.table > huge.pb");
  convert->add_option("FILE", o->file, "Input, or - for standard input");
  AddTo(*convert, o->to);
  convert->add_flag("--as-world", o->world, "The input is a World");
  convert->add_flag("--packed", o->packed,
                    "Write tables of linear rows as columns");
  convert->callback([o, &app] { Emit(app, Convert(*o)); });

  auto to = std::make_shared<std::string>("textproto");
  CLI::App* exporter = cli.add_subcommand(
      "export",
      "Print the machine with its mapped devices as a World.\n\n"
      "  dmdax export --to json > world.json");
  AddTo(*exporter, *to);
  exporter->callback([to, &app] {
    absl::StatusOr<Session> session = app.Ask();
    if (!session.ok()) return app.Report(session.status());
    const proto::World world = DescribeWorld(*session);
    for (const std::string& loss : WorldLosses(*session, world)) {
      std::cerr << "dmdax: " << OneLine(loss) << "\n";
    }
    Emit(app, PrintWorld(world, *FindFormat(*to)));
  });
}

}  // namespace dmdax
