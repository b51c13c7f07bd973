// SPDX-License-Identifier: Apache-2.0
//
// The verbs of dmsetup: each takes dmsetup's own words and options and gives
// its bytes; in addition the kernel's reason for a refusal, which the real
// one leaves in dmesg, goes to stderr.
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <iostream>

#include "absl/strings/match.h"
#include "base/errno_status.h"
#include "base/read_input.h"
#include "nlohmann/json.hpp"
#include "tools/app.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/dmsetup.h"
#include "tools/dmsetup/usage.h"
#include "tools/facts_json.h"
#include "tools/tell.h"

namespace dmdax {
namespace {

struct Answer {
  DmsetupResult result;
  DmsetupFacts facts;
  std::vector<std::string> log;
};

// What dmsetup's text says, and the text.
void AnswerJson(App& app, const std::string& verb, const Answer& answer) {
  const DmsetupResult& r = answer.result;
  nlohmann::ordered_json json = {{"verb", verb}, {"rc", r.rc}};
  json.update(FactsToJson(answer.facts));
  json["stdout"] = r.out;
  json["stderr"] = r.err;
  json["hints"] = r.hints;
  if (!r.not_modelled.empty()) json["not_modelled"] = r.not_modelled;
  if (r.rc != 0) {
    nlohmann::ordered_json error = {
        {"message", r.err.substr(0, r.err.find('\n'))}};
    if (r.ioctl_errno != 0) error["errno"] = ErrnoName(r.ioctl_errno);
    error["rc"] = r.rc;
    json["error"] = std::move(error);
  }
  app.TellLog(answer.log);
  app.Answer("dmsetup", std::move(json));
}

void Print(App& app, const std::string& verb, const Answer& answer) {
  if (app.json) return AnswerJson(app, verb, answer);
  const DmsetupResult& r = answer.result;
  std::cout << r.out << std::flush;
  std::cerr << r.err;
  TellAll(r.hints);
  TellAll(r.not_modelled);
  app.TellLog(answer.log);
}

absl::Status RunOnce(App& app, const std::vector<std::string>& words,
                     const std::string& input, const std::string& program,
                     Answer* answer) {
  const bool waited = answer->result.would_block;
  DmsetupFiles files;
  // It may be called more than once (see RunOnPart()).
  auto run = [&](Session& session) {
    answer->result = RunDmsetup(*session.ctl, words, input, program, waited,
                                &files, app.json ? &answer->facts : nullptr);
    answer->log = session.machine->log().TakeNew();
    return absl::OkStatus();
  };
  const bool asks = !words.empty() && DmsetupOnlyAsks(words[0]);
  // What a change of a World would answer is a question.
  if (asks || app.world_file) return app.Ask(run).status();
  return app.Change(run, LoadScope::kNeeded);
}

// Runs the command line to its end and prints the answer.
absl::Status RunToEnd(App& app, const std::vector<std::string>& words,
                      const std::string& program, Answer* answer) {
  std::string input;
  if (DmsetupReadsInput(words)) {
    absl::StatusOr<std::string> read = ReadInput("-");
    if (!read.ok()) return read.status();
    input = *std::move(read);
  }
  absl::Status s = RunOnce(app, words, input, program, answer);
  if (s.ok() && answer->result.would_block && app.world_file) {
    return ErrnoError(EDEADLK, "nothing happens in a World that is asked");
  }
  // `wait` looks again until another command has caused an event.
  while (s.ok() && answer->result.would_block) {
    usleep(50 * 1000);
    s = RunOnce(app, words, input, program, answer);
  }
  if (s.ok()) app.exit_code = answer->result.rc;
  return s;
}

void RunVerb(App& app, const std::vector<std::string>& words) {
  if (words[0] == "stats") throw CLI::ParseError(kNoStats, 2);
  Answer answer;
  absl::Status s = RunToEnd(app, words, "dmdax", &answer);
  if (!s.ok()) return app.Report(s);
  Print(app, words[0], answer);
}

CLI::Validator NoWord() {
  return CLI::Validator([](std::string&) { return std::string("not taken"); },
                        "");
}

}  // namespace

int RunAsDmsetup(App& app, int argc, char** argv) {
  setlocale(LC_ALL, "");
  if (absl::EndsWith(argv[0], "dmstats")) {
    Tell(kNoStats);
    return 2;
  }
  Answer answer;
  absl::Status s = RunToEnd(app, {argv + 1, argv + argc}, argv[0], &answer);
  if (!s.ok()) {
    app.Report(s);
    return app.exit_code;
  }
  std::cout << answer.result.out << std::flush;
  std::cerr << answer.result.err;
  TellAll(answer.result.not_modelled);
  return app.exit_code;
}

void RegisterDmsetupVerbs(CLI::App& cli, App& app) {
  for (const DmsetupCommand* command : DmsetupCommands()) {
    if (command->help == nullptr) continue;
    CLI::App* verb =
        cli.add_subcommand(std::string(command->name), command->help);
    verb->group("dmsetup's verbs, with dmsetup's options");
    // dmsetup's own parser reads what follows, -h included.
    verb->fallthrough(false);
    verb->allow_extras();
    // CLI11 reads on behind a "--" only if the verb still expects arguments.
    // This one accepts no word, so it is always expected, and all words are
    // left over in their order.
    verb->add_option("WORDS", "As dmsetup has them")->check(NoWord());
    verb->validate_positionals();
    AddGlobalOptions(*verb, app);
    verb->set_help_flag("--help", "Print this help");
    verb->footer([command] { return DmsetupVerbUsage(*command); });
    verb->callback([verb, &app] {
      std::vector<std::string> words = {verb->get_name()};
      for (const std::string& word : verb->remaining()) words.push_back(word);
      RunVerb(app, words);
    });
  }
}

}  // namespace dmdax
