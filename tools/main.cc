// SPDX-License-Identifier: Apache-2.0
//
// dmdax: the Linux device-mapper with DAX, in user space.
#include <fcntl.h>
#include <signal.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "base/errno_status.h"
#include "base/nearest.h"
#include "base/one_line.h"
#include "tools/app.h"
#include "tools/command_line.h"
#include "tools/own_stack.h"
#include "tools/print_json.h"
#include "tools/stdout_buffer.h"
#include "tools/tell.h"

namespace {

// A little less than the usual: of that some is taken before main() begins.
constexpr size_t kStack = dmdax::kUsualStack - (size_t{1} << 20);

constexpr char kDescription[] =
    "The Linux device-mapper with DAX, in user space, exact to the kernel.\n"
    "\n"
    "  dmdax machine load examples/oracle.textproto\n"
    "  echo '0 524288 linear /dev/pmem0 4096' | dmdax create home\n"
    "  dmdax translate home 0 511\n"
    "  dmdax explain home 0\n";

// The long options that a verb takes, those of dmdax itself included.
std::vector<std::string> OptionsOf(const CLI::App& cli, const CLI::App& verb) {
  std::vector<std::string> options;
  for (const CLI::App* app : {&cli, &verb}) {
    for (const CLI::Option* option : app->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        options.push_back("--" + name);
      }
    }
  }
  return options;
}

std::vector<std::string> VerbsOf(const CLI::App& app) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb :
       app.get_subcommands([](const CLI::App*) { return true; })) {
    verbs.push_back(verb->get_name());
  }
  return verbs;
}

// Whether the answer shall be JSON, which a command line that is no sentence
// may not have come to.
bool AsksForJson(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") return false;
    if (word == "--json") return true;
  }
  return false;
}

// What was left out, or stands in its place.
std::string WhyNoVerb(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--") break;
    if (word.empty()) return "a verb is empty";
    // It has taken the next word, the verb, for its value.
    if (word.starts_with("--") && word.ends_with('=')) {
      return word.substr(0, word.size() - 1) + " is empty";
    }
  }
  return "a verb is missing";
}

// CLI11's "--world: 1 required FILE missing" in our words.
std::string NeededValue(const std::string& what) {
  constexpr char kNeeds[] = ": 1 required ", kMissing[] = " missing";
  const size_t at = what.find(kNeeds);
  if (at == std::string::npos || !what.ends_with(kMissing)) return what;
  const size_t begin = at + strlen(kNeeds);
  std::string value =
      what.substr(begin, what.size() - strlen(kMissing) - begin);
  // "PAGES:{dax,pmd}".
  const size_t brace = value.find(":{");
  if (brace != std::string::npos && value.ends_with('}')) {
    value.pop_back();
    value = value.substr(0, brace) + ", one of " + value.substr(brace + 2);
  }
  return what.substr(0, at) + " needs " + value;
}

// A command line that is no sentence: "dmdax VERB: what; dmdax VERB --help",
// exit status 2.
int UsageError(const CLI::App& cli, const CLI::ParseError& e, dmdax::App& app,
               int argc, char** argv) {
  const CLI::App* verb = &cli;
  std::string name = "dmdax";
  // "machine load" is two words.
  while (!verb->get_subcommands().empty()) {
    verb = verb->get_subcommands()[0];
    name += " " + verb->get_name();
  }
  // What is no option and no verb was left over; of a verb of dmsetup's, all
  // is.
  std::vector<std::string> words =
      cli.remaining(/*recurse=*/!verb->get_allow_extras());
  std::erase(words, "--");  // the end of the options is none
  const std::string word = words.empty() ? "" : words[0];
  std::string what = e.what();
  if (word.size() > 1 && word[0] == '-') {
    what = "no option '" + word + "'" +
           dmdax::DidYouMean(word.substr(0, word.find('=')),
                             OptionsOf(cli, *verb));
  } else if (const std::vector<std::string> verbs = VerbsOf(*verb);
             !word.empty() && !verbs.empty()) {
    what = "no verb '" + word + "'" + dmdax::DidYouMean(word, verbs);
  } else if (!word.empty() &&
             e.get_exit_code() ==
                 static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    what = "'" + word + "' is one argument too many";
    for (const char* option : {"--file", "--device"}) {
      if (verb->get_option_no_throw(option) == nullptr) continue;
      what += std::string("; ") + option + " " + word + "?";
      break;
    }
  } else if (e.get_name() == "RequiredError" &&
             verb->get_require_subcommand_min() > 0) {
    // Who types nothing wants to know what there is to type.
    if (argc <= 1) {
      std::cerr << cli.help();
      return 2;
    }
    what = WhyNoVerb(argc, argv);
  } else {
    what = NeededValue(what);
  }
  what = name + ": " + what + "; " + name + " --help";
  std::cerr << dmdax::OneLine(what) << "\n";
  if (app.json && !app.answered) {
    app.Answer(
        "error",
        {{"error", {{"message", what}, {"errno", "EINVAL"}, {"rc", 2}}}});
  }
  return 2;
}

int Run(int argc, char** argv, const dmdax::StdoutBuffer& out) {
  dmdax::App app;
  app.state_dir = dmdax::DefaultStateDir();
  const std::string path = argc > 0 ? argv[0] : "dmdax";
  const std::string program = path.substr(path.rfind('/') + 1);
  if (program == "dmsetup" || program == "dmstats") {
    return dmdax::RunAsDmsetup(app, argc, argv);
  }
  CLI::App cli(kDescription, "dmdax");
  cli.require_subcommand(1);
  cli.fallthrough();
  cli.formatter(dmdax::HelpFormatter());  // that of the verbs as well
  dmdax::AddGlobalOptions(cli, app);
  dmdax::RegisterVerbs(cli, app);
  for (CLI::App* verb : cli.get_subcommands([](CLI::App*) { return true; })) {
    // dmsetup's verbs list them.
    if (!verb->get_footer().empty()) continue;
    verb->footer(
        "Options of every verb, dmdax --help: --state DIR, --world FILE,\n"
        "--kernel KERNEL, --timeout SECONDS, --json");
  }
  // Before any verb begins, also one that asks no kernel; check and advise take
  // "all".
  cli.parse_complete_callback([&] {
    dmdax::CheckCommandLine(cli);
    // These say what becomes of it.
    if (!cli.got_subcommand("check") && !cli.got_subcommand("import") &&
        !cli.got_subcommand("advise")) {
      app.TellKernel();
    }
    if (app.kernel.ok() || cli.got_subcommand("check") ||
        cli.got_subcommand("advise")) {
      return;
    }
    app.Report(app.kernel.status());
    throw CLI::RuntimeError(app.exit_code);
  });
  cli.set_version_flag("--version", dmdax::VersionText());
  const std::vector<char*> words =
      dmdax::VerbFirst(cli, dmdax::SplitEmptyValues(cli, argc, argv));
  try {
    cli.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::Success& e) {
    std::ostringstream text;  // --help, --version
    app.exit_code = cli.exit(e, text, text);
    app.json = app.json || AsksForJson(argc, argv);
    if (app.json) {
      app.Answer("help", {{"text", text.str()}});
    } else {
      std::cout << text.str();
      app.answered = true;
    }
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();  // it has been told
  } catch (const CLI::ParseError& e) {
    app.json = app.json || AsksForJson(argc, argv);
    return UsageError(cli, e, app, argc, argv);
  }
  app.EndAnswer();
  std::cout.flush();
  if (out.error() != 0) {
    dmdax::Tell(
        "cannot write to standard output: " + dmdax::ErrnoText(out.error()) +
        (app.changed ? "; the change is made" : ""));
    return 1;
  }
  return app.exit_code;
}

// If a standard descriptor is closed, the next file we open gets its number,
// and we would read or write that file.  A descriptor that fails with EBADF, as
// the closed one does, takes its place.
void HoldStandardDescriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
      // The lowest free number is this one.
      open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    }
  }
}

// The beginning of what was typed.
std::string CommandLine(int argc, char** argv) {
  constexpr size_t kMostBytes = 200;
  std::string line = "dmdax";
  for (int i = 1; i < argc; ++i) {
    if (line.size() >= kMostBytes) return line + " ...";
    absl::StrAppend(&line, " ",
                    absl::string_view(argv[i]).substr(0, kMostBytes));
  }
  return dmdax::OneLine(line);
}

int TellThrown(const std::string& what, int argc, char** argv) {
  dmdax::Tell(what);
  if (AsksForJson(argc, argv)) {
    dmdax::PrintJson(std::cout, "error",
                     {{"error", {{"message", what}, {"rc", 1}}}});
  }
  return 1;
}

// Libraries of others (CLI11, JSON, the allocator) throw; we do not.
int RunAndCatch(int argc, char** argv) {
  dmdax::StdoutBuffer out;
  try {
    return Run(argc, argv, out);
  } catch (const std::bad_alloc&) {
    // What was too much for it has been given back on the way here.
    return TellThrown(absl::StrCat("not enough memory (ulimit -v, or the "
                                   "machine's) for: ",
                                   CommandLine(argc, argv)),
                      argc, argv);
  } catch (const std::exception& e) {
    return TellThrown(e.what(), argc, argv);
  }
}

}  // namespace

int main(int argc, char** argv) {
  HoldStandardDescriptors();
  // Debian's Abseil searches for deadlocks, with tables whose size is fixed: by
  // far the most time of 100,000 devices, each with its locks.  Tests search.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // A file that reaches its size limit shall be an error, not the end of the
  // program.
  signal(SIGXFSZ, SIG_IGN);
  // The answer does not depend on `ulimit -s`.
  dmdax::MakeThreadsWithStackOf(dmdax::kUsualStack);
  int status = 1;
  dmdax::WithStackOf(kStack, [&] { status = RunAndCatch(argc, argv); });
  return status;
}
