// SPDX-License-Identifier: Apache-2.0
//
// dmdax help, and --version.
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"
#include "base/nearest.h"
#include "base/usage_error.h"
#include "tools/app.h"

namespace dmdax {
namespace {

constexpr char kVersion[] = "0.1";

void Help(const CLI::App& cli, App& app,
          const std::vector<std::string>& words) {
  const CLI::App* at = &cli;
  std::string before;  // "dmdax machine"
  for (const std::string& word : words) {
    const CLI::App* found = nullptr;
    std::vector<std::string> verbs;
    for (const CLI::App* verb :
         at->get_subcommands([](const CLI::App*) { return true; })) {
      verbs.push_back(verb->get_name());
      if (verb->get_name() == word) found = verb;
    }
    if (found == nullptr) {
      return app.Report(UsageError(absl::StrCat("no verb '", word.substr(0, 64),
                                                "'", DidYouMean(word, verbs))));
    }
    absl::StrAppend(&before, before.empty() ? "" : " ", at->get_name());
    at = found;
  }
  if (before.empty())
    before = cli.get_name();
  else
    absl::StrAppend(&before, " ", at->get_name());
  // App::help() gives that of the verb which runs, and that is help.
  const std::string text =
      at->get_formatter()->make_help(at, before, CLI::AppFormatMode::Normal);
  if (app.json) return app.Answer("help", {{"text", text}});
  std::cout << text;
}

}  // namespace

std::string VersionText() {
  std::string releases;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    absl::StrAppend(&releases, releases.empty() ? "" : ", ", profile.name);
  }
  return absl::StrCat("dmdax ", kVersion, "\nkernels: ", releases);
}

void RegisterHelp(CLI::App& cli, App& app) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* verb = cli.add_subcommand(
      "help", "The list of the verbs, or what one of them takes");
  verb->add_option("VERB", *words, "A verb, such as machine load");
  verb->callback([words, &cli, &app] { Help(cli, app, *words); });
}

}  // namespace dmdax
