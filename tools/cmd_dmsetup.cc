// SPDX-License-Identifier: Apache-2.0
//
// The verbs of dmsetup: each takes dmsetup's own words and options and gives
// its bytes; in addition the kernel's reason for a refusal, which the real
// one leaves in dmesg, goes to stderr.
#include <unistd.h>

#include <array>
#include <clocale>
#include <iostream>

#include "base/read_input.h"
#include "nlohmann/json.hpp"
#include "tools/app.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/dmsetup.h"
#include "tools/print_json.h"

namespace dmdax {
namespace {

// Verbs that leave the machine as it is: no lock, no write.
constexpr std::array<absl::string_view, 13> kAsking = {
    "status",    "table",          "info",     "deps",    "ls",
    "targets",   "version",        "help",     "measure", "wait",
    "splitname", "target-version", "udevflags"};

bool OnlyAsks(absl::string_view verb) {
  return std::find(kAsking.begin(), kAsking.end(), verb) != kAsking.end();
}

struct Answer {
  DmsetupResult result;
  std::vector<std::string> log;
};

void PrintOwnWords(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    std::cerr << "dmdax: " << line << "\n";
  }
}

void Print(const App& app, const Answer& answer) {
  const DmsetupResult& r = answer.result;
  if (app.json) {
    nlohmann::ordered_json json = {{"rc", r.rc},
                                   {"stdout", r.out},
                                   {"stderr", r.err},
                                   {"hints", r.hints},
                                   {"dmesg", answer.log}};
    if (!r.not_modelled.empty()) json["not_modelled"] = r.not_modelled;
    PrintJson(json);
    return;
  }
  std::cout << r.out << std::flush;
  std::cerr << r.err;
  PrintOwnWords(r.hints);
  PrintOwnWords(r.not_modelled);
  for (const std::string& line : answer.log) {
    std::cerr << "dmesg: " << line << "\n";
  }
}

absl::Status RunOnce(App& app, const std::vector<std::string>& words,
                     const std::string& input, const std::string& program,
                     Answer* answer) {
  auto run = [&](Session& session) {
    answer->result = RunDmsetup(*session.ctl, words, input, program,
                                answer->result.would_block);
    answer->log = session.machine->log().TakeNew();
    return absl::OkStatus();
  };
  if (words.empty() || !OnlyAsks(words[0])) return app.Change(run);
  absl::StatusOr<Session> session = app.Ask();
  if (!session.ok()) return session.status();
  return run(*session);
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
  // `wait` looks again until another command has caused an event.
  while (s.ok() && answer->result.would_block) {
    usleep(50 * 1000);
    s = RunOnce(app, words, input, program, answer);
  }
  if (s.ok()) app.exit_code = answer->result.rc;
  return s;
}

void RunVerb(App& app, const std::vector<std::string>& words) {
  Answer answer;
  absl::Status s = RunToEnd(app, words, "dmdax", &answer);
  if (!s.ok()) return app.Report(s);
  Print(app, answer);
}

struct VerbHelp {
  const char* verb;
  const char* help;
};

constexpr VerbHelp kVerbHelp[] = {
    {"create",
     "Create a device, load its table and resume it.\n\n"
     "  echo '0 2048 linear /dev/pmem0 0' | dmdax create home\n"
     "  dmdax create home --table '0 2048 linear /dev/pmem0 0'\n"
     "  dmdax create home table.textproto    (or JSON, or binary)"},
    {"load",
     "Load a table into the inactive slot.\n\n"
     "  dmdax load home --table '0 4096 linear /dev/pmem0 0'"},
    {"reload", "The same as load."},
    {"suspend", "Suspend a device."},
    {"resume", "Resume a device; an inactive table becomes live."},
    {"remove", "Remove devices.\n\n  dmdax remove home"},
    {"remove_all", "Remove all devices that are not open."},
    {"rename",
     "Rename a device, or give it a uuid.\n\n"
     "  dmdax rename home root\n"
     "  dmdax rename home --setuuid LVM-0123"},
    {"clear", "Drop the inactive table."},
    {"wipe_table", "Replace the table by one that fails all I/O."},
    {"table", "Print tables.\n\n  dmdax table home"},
    {"status", "Print the status of each target."},
    {"info",
     "Print what is known of devices.\n\n"
     "  dmdax info home\n  dmdax info -c -o name,open"},
    {"deps", "Print the devices that a device stands on."},
    {"ls", "List devices.\n\n  dmdax ls --tree"},
    {"targets", "List the target types of the kernel."},
    {"version", "Print the versions of library and driver."},
    {"message",
     "Send a message to a target.\n\n"
     "  dmdax message home 0 @cancel_deferred_remove"},
    {"wait", "Wait for an event."},
    {"setgeometry", "Set the geometry of a device."},
    {"measure", "Print what IMA would measure."},
    {"mangle", "Rename devices so that their names are mangled rightly."},
    {"mknodes", "Make the nodes in /dev/mapper what the devices are."},
    {"splitname",
     "Split a name into the parts LVM gave it.\n\n"
     "  dmdax splitname vg-lv--x-tpool"},
    {"target-version", "Print the version of a target type."},
    {"stats", "Statistics; there is no I/O to count."},
    {"udevcreatecookie", "Make a cookie; nobody waits for one."},
    {"udevreleasecookie", "Wait for a cookie; it is done at once."},
    {"udevflags", "Print the flags of a cookie."},
    {"udevcomplete", "Say that udev is done with a cookie."},
    {"udevcomplete_all", "Destroy all cookies; there are none."},
    {"udevcookies", "List the cookies; there are none."},
};

}  // namespace

int RunAsDmsetup(App& app, int argc, char** argv) {
  setlocale(LC_ALL, "");
  Answer answer;
  absl::Status s = RunToEnd(app, {argv + 1, argv + argc}, argv[0], &answer);
  if (!s.ok()) {
    app.Report(s);
    return app.exit_code;
  }
  std::cout << answer.result.out << std::flush;
  std::cerr << answer.result.err;
  PrintOwnWords(answer.result.not_modelled);
  return app.exit_code;
}

void RegisterDmsetupVerbs(CLI::App& cli, App& app) {
  for (const VerbHelp& v : kVerbHelp) {
    CLI::App* verb = cli.add_subcommand(v.verb, v.help);
    verb->group("dmsetup's verbs, with dmsetup's options");
    // What follows is dmsetup's to read, not ours; its -h included.
    verb->fallthrough(false);
    verb->allow_extras();
    AddGlobalOptions(*verb, app);
    verb->set_help_flag("--help", "Print this help");
    verb->callback([verb, &app] {
      std::vector<std::string> words = {verb->get_name()};
      for (const std::string& word : verb->remaining()) words.push_back(word);
      RunVerb(app, words);
    });
  }
}

}  // namespace dmdax
