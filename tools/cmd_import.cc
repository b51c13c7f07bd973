// SPDX-License-Identifier: Apache-2.0
//
// dmdax import: what a real machine prints, as a World.
#include <algorithm>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "formats/world_format.h"
#include "import/import.h"
#include "state/world_load.h"
#include "tools/app.h"
#include "tools/print_json.h"
#include "tools/tell.h"

namespace dmdax {
namespace {

struct ImportOptions {
  std::vector<std::string> files;
  std::string as;
  std::string to = "textproto";
  bool load = false;
  bool replace = false;
};

std::string Help() {
  std::string text =
      "What a real machine prints, as a World: files, a sosreport or the tar\n"
      "of tools/collect.sh, a copy of /sys/block.  What could not be used, or\n"
      "had to be chosen, is said on stderr, one line each.\n\n"
      "  dmdax import lsblk.json ndctl.json tables.txt mounts > db1.world\n"
      "  dmdax import sosreport-db1.tar.xz --load\n"
      "  dmdax --world sosreport-db1.tar.xz sweep /srv/db\n\n"
      "Known, by content (--as):\n";
  for (const auto& [name, title] : ImportFormatNames()) {
    absl::StrAppend(&text, absl::StrFormat("  %-12s %s\n", name, title));
  }
  text.pop_back();
  return text;
}

absl::StatusOr<Imported> Read(const ImportOptions& o, const App& app) {
  Importer importer;
  for (const std::string& file : o.files) {
    if (absl::Status s = importer.Add(file, o.as); !s.ok()) return s;
  }
  return importer.Finish(app.kernel_said);
}

absl::Status Import(const ImportOptions& o, App& app) {
  absl::StatusOr<Imported> machine = Read(o, app);
  if (!machine.ok()) return machine.status();
  if (!app.json) TellAll(machine->AllNotes());
  if (o.load) {
    absl::StatusOr<Session> session = LoadWorld(machine->world);
    if (!session.ok()) return session.status();
    absl::Status s = app.Load(
        *session, o.replace ? App::kReplaceMachine : App::kKeepMachine);
    if (s.ok() && app.json)
      app.Answer("world", {{"notes", machine->AllNotes()}});
    return s;
  }
  absl::StatusOr<std::string> text =
      PrintWorld(machine->world, app.json ? kJsonFormat : *FindFormat(o.to));
  if (!text.ok()) return text.status();
  if (app.json) {
    app.Answer("world",
               {{"notes", machine->AllNotes()}, {"world", ParsedJson(*text)}});
    return absl::OkStatus();
  }
  std::cout.write(text->data(), static_cast<std::streamsize>(text->size()));
  return absl::OkStatus();
}

}  // namespace

void RegisterImport(CLI::App& cli, App& app) {
  auto o = std::make_shared<ImportOptions>();
  CLI::App* verb = cli.add_subcommand("import", Help());
  verb->add_option("FILE", o->files,
                   "Inputs, directories or archives of them; - for standard "
                   "input")
      ->required();
  std::set<std::string> kinds;
  for (const auto& [name, title] : ImportFormatNames()) kinds.insert(name);
  verb->add_option("--as", o->as, "All files are of this kind")
      ->check(CLI::IsMember(kinds));
  std::set<std::string> formats;
  for (const Format* format : kFormats) {
    if (format != &kDmsetupFormat) formats.emplace(format->name);
  }
  const CLI::Option* form =
      verb->add_option("--to", o->to, "The form of the output")
          ->check(CLI::IsMember(formats));
  CLI::Option* load =
      verb->add_flag("--load", o->load, "Make it the machine of the state");
  verb->add_flag("--replace", o->replace,
                 "With --load: in place of the machine there is")
      ->needs(load);
  verb->callback([o, form, &app] {
    if (app.json && form->count() > 0 && o->to != kJsonFormat.name) {
      throw CLI::ValidationError("--to", "--json prints JSON alone");
    }
    app.Report(Import(*o, app));
  });
}

}  // namespace dmdax
