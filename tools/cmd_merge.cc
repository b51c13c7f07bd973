// SPDX-License-Identifier: Apache-2.0
//
// dmdax merge: the reports of parts of many machines as one.
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/read_input.h"
#include "tools/app.h"
#include "tools/fleet_report.h"

namespace dmdax {
namespace {

void Merge(App& app, const std::vector<std::string>& files) {
  std::vector<std::pair<std::string, std::string>> texts;
  for (const std::string& file : files) {
    absl::StatusOr<std::string> text = ReadInput(file);
    if (!text.ok()) return app.Report(text.status());
    texts.emplace_back(InputName(file), *std::move(text));
  }
  absl::StatusOr<FleetReport> report = MergeReports(texts);
  if (!report.ok()) return app.Report(report.status());
  if (app.json) {
    app.Answer("machines", report->ToJson());
  } else {
    report->PrintRows(std::cout);
    report->PrintTotals(std::cout);
  }
  app.exit_code = report->exit_code();
  if (report->has_nothing()) app.Report(NothingToCheck());
}

}  // namespace

void RegisterMerge(CLI::App& cli, App& app) {
  auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* verb = cli.add_subcommand(
      "merge",
      "What `dmdax --json check --shard` said of parts, as one: the rows and\n"
      "totals that one run over all machines gives.\n\n"
      "  dmdax --json check reports --shard 1/2 > a.json\n"
      "  dmdax --json check reports --shard 2/2 > b.json\n"
      "  dmdax merge a.json b.json\n\n"
      "Exit status as check's.");
  verb->add_option("FILE", *files,
                   "Reports, any number in a file; - is standard input")
      ->required();
  verb->callback([files, &app] { Merge(app, *files); });
}

}  // namespace dmdax
