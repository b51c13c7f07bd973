// SPDX-License-Identifier: Apache-2.0
//
// dmdax check: do files and devices get huge pages, on which kernels, what
// stands in the way, and what to type.
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/kernel_alias.h"
#include "base/one_line.h"
#include "nlohmann/json.hpp"
#include "state/world_load.h"
#include "tools/apart.h"
#include "tools/app.h"
#include "tools/check/machine_list.h"
#include "tools/check_report.h"
#include "tools/command_line.h"
#include "tools/fleet_report.h"
#include "tools/page_word.h"
#include "tools/tell.h"
#include "tools/world_file.h"

namespace dmdax {
namespace {

struct CheckOptions {
  std::vector<std::string> names;
  Wish wish = Wish::kPmd;
  std::string shard;
};

void SayLeftOut(std::vector<std::string> shown) {
  if (shown.empty()) return;
  constexpr size_t kShown = 4;
  const size_t all = shown.size();
  if (all > kShown) {
    shown.resize(kShown);
    shown.push_back("...");
  }
  Tell(absl::StrCat(all, all == 1 ? " device" : " devices",
                    " without any persistent memory below left out: ",
                    absl::StrJoin(shown, ", ")));
}

bool IsOnHost(const std::string& path) {
  struct stat st;
  return stat(path.c_str(), &st) == 0 &&
         (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode));
}

// Whether a name can only be a path of this host.
bool IsPathOnly(absl::string_view name) {
  return name == "-" ||
         (!absl::StartsWith(name, "/") && absl::StrContains(name, "/"));
}

// Whether the names are machines, each a path of this host, and not files and
// devices of one machine.
bool AsksForMachines(const App& app, const CheckOptions& o) {
  if (!o.shard.empty()) return true;
  if (app.world_file || o.names.empty()) return false;
  bool on_host = false;
  for (const std::string& name : o.names) {
    if (IsPathOnly(name)) return true;
    on_host |= IsOnHost(name);
  }
  if (!on_host) return false;
  // What the machine has comes first.
  absl::StatusOr<ParsedWorld> world = app.AskWorld();
  if (!world.ok()) return true;
  absl::StatusOr<Session> session = LoadWorld(world->world, world->source);
  if (!session.ok()) return true;
  for (const std::string& name : o.names) {
    absl::StatusOr<Subject> subject = OpenSubject(*session, name);
    if (!subject.ok()) continue;
    CloseSubject(*session, *subject);
    return false;
  }
  return true;
}

// Which kernels a command line asks, as MachineRequest has them.
struct AskedKernels {
  std::vector<std::string> names;
  std::optional<KernelAnswer> between;

  absl::StatusOr<MachineCheck> Check(
      const ParsedWorld& world, const CheckOptions& o,
      const std::vector<std::string>& subjects) const {
    return CheckMachine({.world = world.world,
                         .kernels = names,
                         .names = subjects,
                         .wish = o.wish,
                         .map = world.source,
                         .between = between});
  }
  // Who answers for the World's own kernel, if that is asked.
  KernelAnswer OwnKernel(const proto::World& world) const {
    const bool own = names == std::vector<std::string>{""};
    return own ? KernelOf(world) : KernelAnswer{};
  }
};

// Where two are asked the answer itself has them (BetweenToJson()).
void AddKernelNote(const KernelAnswer& own, std::vector<std::string>* notes) {
  if (own.above == nullptr && !own.note.empty()) {
    notes->insert(notes->begin(), own.note);
  }
}

nlohmann::ordered_json RowOf(const std::string& path, const CheckOptions& o,
                             const AskedKernels& asked,
                             const MachineList& all) {
  std::vector<std::string> notes;
  if (all.no_files.contains(path)) {
    return MachineRow(path,
                      ErrnoError(EINVAL, absl::StrCat("cannot read '", path,
                                                      "': no regular file")),
                      notes, o.wish);
  }
  absl::StatusOr<ParsedWorld> world = ReadWorldFile(path, "", &notes);
  if (!world.ok()) return MachineRow(path, world.status(), notes, o.wish);
  AddKernelNote(asked.OwnKernel(world->world), &notes);
  absl::StatusOr<MachineCheck> machine = asked.Check(*world, o, {});
  if (machine.ok()) {
    notes.insert(notes.end(), machine->notes.begin(), machine->notes.end());
  }
  return MachineRow(path, machine, notes, o.wish);
}

// The row of one machine, whatever becomes of the process that makes it.
nlohmann::ordered_json RowApart(const std::string& path, const CheckOptions& o,
                                const AskedKernels& asked,
                                const MachineList& all) {
  using Json = nlohmann::ordered_json;
  const absl::StatusOr<std::string> row = RunApart([&] {
    const std::vector<uint8_t> bytes =
        Json::to_cbor(RowOf(path, o, asked, all));
    return std::string(bytes.begin(), bytes.end());
  });
  if (!row.ok()) return MachineRow(path, row.status(), {}, o.wish);
  return Json::from_cbor(*row);
}

void CheckMachines(App& app, const CheckOptions& o, const AskedKernels& asked) {
  if (o.names.empty()) throw CLI::RequiredError("WHAT (with --shard)");
  absl::StatusOr<Shard> shard = Shard{};
  if (!o.shard.empty()) shard = ParseShard(o.shard);
  if (!shard.ok()) return app.Report(shard.status());
  absl::StatusOr<MachineList> all = ListMachines(o.names);
  if (!all.ok()) return app.Report(all.status());
  for (const std::string& path : all->left_out) {
    Tell(
        absl::StrCat(OneLine(path),
                     " is left out: neither a World nor what can be imported"));
  }
  const std::vector<std::string> machines = TakeShard(*shard, all->machines);
  FleetReport report(o.wish);
  report.set_shard(*shard);
  const size_t width = NameWidth(machines);
  if (!app.json) report.PrintHead(std::cout, width);
  for (const std::string& path : machines) {
    nlohmann::ordered_json row = RowApart(path, o, asked, *all);
    if (!app.json) {
      report.PrintRow(std::cout, row, width);
      std::cout << std::flush;
    }
    report.Add(std::move(row));
  }
  if (app.json) {
    app.Answer("machines", report.ToJson());
  } else {
    report.PrintTotals(std::cout);
  }
  app.exit_code = report.exit_code();
  // A part of them may well have nothing.
  if (report.has_nothing() && o.shard.empty()) {
    app.Report(NothingToCheck());
  }
}

void Check(App& app, const CheckOptions& o) {
  AskedKernels asked;
  absl::StatusOr<std::vector<std::string>> kernels =
      app.AskKernels(&asked.between);
  if (!kernels.ok()) return app.Report(kernels.status());
  asked.names = *std::move(kernels);
  if (asked.between) {
    Tell(asked.between->BothNote());
  } else {
    app.TellKernel();
  }
  if (AsksForMachines(app, o)) return CheckMachines(app, o, asked);
  std::vector<std::string> notes;
  absl::StatusOr<ParsedWorld> world = app.AskWorld(&notes);
  if (!world.ok()) return app.Report(world.status());
  const KernelAnswer own = asked.OwnKernel(world->world);
  AddKernelNote(own, &notes);
  if (!app.json) {
    if (own.above != nullptr) Tell(own.BothNote());
    TellAll(notes);
  }
  absl::StatusOr<MachineCheck> machine = asked.Check(*world, o, o.names);
  if (!machine.ok()) return app.Report(machine.status());
  if (!app.json) TellAll(machine->notes);
  notes.insert(notes.end(), machine->notes.begin(), machine->notes.end());
  SayLeftOut(machine->without_pmem);
  if (machine->subjects.empty()) {
    return app.Report(
        ErrnoError(ENOENT,
                   "nothing to check: no file, device-dax or device with "
                   "persistent memory below it"));
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (size_t i = 0; i < machine->subjects.size(); ++i) {
    if (app.json) {
      all.push_back(SubjectToJson(machine->subjects[i], o.wish));
    } else {
      if (i > 0) std::cout << "\n";
      PrintSubject(std::cout, machine->subjects[i], o.wish);
    }
  }
  if (app.json) {
    nlohmann::ordered_json answer = {{"holds", machine->holds},
                                     {"subjects", std::move(all)}};
    if (machine->between) answer["between"] = BetweenToJson(*machine->between);
    if (!notes.empty()) answer["notes"] = notes;
    app.Answer("check", std::move(answer));
  }
  if (!machine->holds) app.exit_code = 2;
}

}  // namespace

void RegisterCheck(CLI::App& cli, App& app) {
  auto o = std::make_shared<CheckOptions>();
  CLI::App* verb = cli.add_subcommand(
      "check",
      "Do files and devices get huge pages: on which kernel, which share of\n"
      "them, everything that stands in the way, and what to type against "
      "it.\n\n"
      "  dmdax check                          (all that can be mapped)\n"
      "  dmdax check /mnt/db --require pmd --kernel all\n"
      "  dmdax --world examples/lvm_default.textproto check\n"
      "  dmdax check sosreports/              (many machines, a row each)\n\n"
      "Obstacles hide each other, so each cure is tried on a copy of the\n"
      "machine in memory, and what then is in the way is told too.  A kernel\n"
      "between two of `dmdax kernels` (RHEL 8's 4.18) is asked on both: what\n"
      "they say differently nobody knows.  Exit status 0: all have what is\n"
      "required; 2: not all, or nobody knows; 1: an error.");
  verb->add_option("WHAT", o->names,
                   "Files (/mnt/f), device-dax or block devices (default: all "
                   "that a program can map); or machines: Worlds, what import "
                   "takes, directories of them, - for a list of their paths");
  verb->add_option_function<std::string>(
          "--require",
          [o](const std::string& word) { o->wish = *WishOfName(word); },
          "dax, pmd (2 MiB pages, default), pud (1 GiB) or sync (MAP_SYNC)")
      ->transform(OneOfWords(
          {{"dax"}, {"pmd", PageSize::k2M}, {"pud", PageSize::k1G}, {"sync"}}))
      ->type_name("PAGES");
  verb->add_option("--shard", o->shard,
                   "Of the sorted machines every N-th from the I-th on; dmdax "
                   "merge makes one report of all")
      ->check(Accepted(
          [](const std::string& text) { return ParseShard(text).status(); }))
      ->type_name("I/N");
  verb->callback([o, &app] { Check(app, *o); });
}

}  // namespace dmdax
