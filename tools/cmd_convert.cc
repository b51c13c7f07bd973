// SPDX-License-Identifier: Apache-2.0
//
// dmdax convert: tables and worlds from one form to another; dmdax export:
// the machine of the state as a World.
#include <cerrno>
#include <iostream>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/read_input.h"
#include "formats/format.h"
#include "formats/world_format.h"
#include "state/packed_table.h"
#include "state/world_load.h"
#include "tools/app.h"
#include "tools/print_json.h"
#include "tools/tell.h"
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

void Emit(App& app, const char* kind, const absl::StatusOr<std::string>& text,
          const std::vector<std::string>& notes = {}) {
  if (!text.ok()) return app.Report(text.status());
  if (app.json) {
    nlohmann::ordered_json json;
    if (!notes.empty()) json["notes"] = notes;
    json[kind] = ParsedJson(*text);
    return app.Answer(kind, std::move(json));
  }
  TellAll(notes);
  std::cout.write(text->data(), static_cast<std::streamsize>(text->size()));
}

// What --to takes: the names of the formats.
CLI::Option* AddTo(CLI::App& verb, std::string& to) {
  std::set<std::string> names;
  for (const Format* format : kFormats) names.emplace(format->name);
  return verb.add_option("--to", to, "The form of the output")
      ->check(CLI::IsMember(names));
}

// With --json the output is part of the answer.
void TakeJson(const App& app, const CLI::Option& form, std::string& to) {
  if (!app.json) return;
  const std::string json(kJsonFormat.name);
  if (form.count() > 0 && to != json) {
    throw CLI::ValidationError("--to", "--json prints JSON alone");
  }
  to = json;
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
  const CLI::Option* form = AddTo(*convert, o->to);
  convert->add_flag("--as-world", o->world, "The input is a World");
  convert->add_flag("--packed", o->packed,
                    "Write tables of linear rows as columns");
  convert->callback([o, form, &app] {
    TakeJson(app, *form, o->to);
    Emit(app, o->world ? "world" : "table", Convert(*o));
  });

  auto to = std::make_shared<std::string>("textproto");
  CLI::App* exporter = cli.add_subcommand(
      "export",
      "Print the machine with its mapped devices as a World.\n\n"
      "  dmdax export --to json > world.json");
  form = AddTo(*exporter, *to);
  exporter->callback([to, form, &app] {
    absl::StatusOr<Session> session = app.Ask();
    if (!session.ok()) return app.Report(session.status());
    TakeJson(app, *form, *to);
    const proto::World world = DescribeWorld(*session);
    Emit(app, "world", PrintWorld(world, *FindFormat(*to)),
         WorldLosses(*session, world));
  });
}

}  // namespace dmdax
