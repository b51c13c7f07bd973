// SPDX-License-Identifier: Apache-2.0
//
// dmdax check: do files and devices get huge pages, on which kernels, what
// stands in the way, and what to type.
#include <cerrno>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/kernel_alias.h"
#include "nlohmann/json.hpp"
#include "tools/app.h"
#include "tools/check_report.h"
#include "tools/print_json.h"

namespace dmdax {
namespace {

constexpr char kAllKernels[] = "all";

struct CheckOptions {
  std::vector<std::string> names;
  Wish wish = Wish::kPmd;
};

// The names of the profiles that shall answer; "" is the World's own.
absl::StatusOr<std::vector<std::string>> KernelsOf(const App& app) {
  if (app.kernel_said != kAllKernels) {
    if (!app.kernel.ok()) return app.kernel.status();
    return std::vector<std::string>{*app.kernel};
  }
  std::vector<std::string> names;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    // Those of another architecture have pages of other sizes.
    if (profile.fault.format == DefaultKernelProfile().fault.format) {
      names.push_back(profile.name);
    }
  }
  return names;
}

void SayLeftOut(std::vector<std::string> shown) {
  if (shown.empty()) return;
  constexpr size_t kShown = 4;
  const size_t all = shown.size();
  if (all > kShown) {
    shown.resize(kShown);
    shown.push_back("...");
  }
  std::cerr << "dmdax: " << all << (all == 1 ? " device" : " devices")
            << " without any persistent memory below left out: "
            << absl::StrJoin(shown, ", ") << "\n";
}

void Check(App& app, const CheckOptions& o) {
  absl::StatusOr<std::vector<std::string>> kernels = KernelsOf(app);
  if (!kernels.ok()) return app.Report(kernels.status());
  absl::StatusOr<ParsedWorld> world = app.AskWorld();
  if (!world.ok()) return app.Report(world.status());
  absl::StatusOr<MachineCheck> machine =
      CheckMachine({world->world, *kernels, o.names, o.wish, world->source});
  if (!machine.ok()) return app.Report(machine.status());
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
    PrintJson({{"holds", machine->holds}, {"subjects", std::move(all)}});
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
      "  dmdax --world examples/lvm_default.textproto check\n\n"
      "Obstacles hide each other, so each cure is tried on a copy of the\n"
      "machine in memory, and what then is in the way is told too.  Exit\n"
      "status 0: all have what is required; 2: not all; 1: an error.");
  verb->add_option("WHAT", o->names,
                   "Files (/mnt/f), device-dax or block devices (default: all "
                   "that a program can map)");
  verb->add_option("--require", o->wish,
                   "dax, pmd (2 MiB pages, default), pud (1 GiB) or sync "
                   "(MAP_SYNC)")
      ->transform(
          CLI::Transformer(std::map<std::string, Wish>{{"dax", Wish::kDax},
                                                       {"pmd", Wish::kPmd},
                                                       {"pud", Wish::kPud},
                                                       {"sync", Wish::kSync}}))
      ->type_name("PAGES");
  verb->callback([o, &app] { Check(app, *o); });
}

}  // namespace dmdax
