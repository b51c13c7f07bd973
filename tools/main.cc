// SPDX-License-Identifier: Apache-2.0
//
// dmdax: the Linux device-mapper with DAX, in user space.
#include <fcntl.h>
#include <signal.h>

#include <cerrno>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/synchronization/mutex.h"
#include "base/errno_status.h"
#include "tools/app.h"
#include "tools/command_line.h"

namespace {

constexpr char kDescription[] =
    "The Linux device-mapper with DAX, in user space, exact to the kernel.\n"
    "\n"
    "  dmdax machine load examples/oracle.textproto\n"
    "  echo '0 524288 linear /dev/pmem0 4096' | dmdax create home\n"
    "  dmdax translate home 0 511\n"
    "  dmdax explain home 0\n";

// A command line that is no sentence: "dmdax VERB: what; dmdax VERB --help",
// exit status 2.
int UsageError(const CLI::App& cli, const CLI::ParseError& e) {
  // What is no option and no verb of dmdax itself was left over.
  const std::vector<std::string> words = cli.remaining();
  const std::vector<CLI::App*> verbs = cli.get_subcommands();
  if (!words.empty() && words[0].size() > 1 && words[0][0] == '-') {
    std::cerr << "dmdax: no option '" << words[0] << "'; dmdax --help\n";
  } else if (!verbs.empty()) {
    std::string verb = verbs[0]->get_name();
    // "machine load" is two words.
    for (const CLI::App* part : verbs[0]->get_subcommands()) {
      verb += " " + part->get_name();
    }
    std::cerr << "dmdax " << verb << ": " << e.what() << "; dmdax " << verb
              << " --help\n";
  } else if (!words.empty()) {
    std::cerr << "dmdax: no verb '" << words[0] << "'; dmdax --help\n";
  } else if (e.get_name() != "RequiredError") {
    std::cerr << "dmdax: " << e.what() << "; dmdax --help\n";
  } else {
    std::cerr << cli.help();
  }
  return 2;
}

int Run(int argc, char** argv) {
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
  dmdax::AddGlobalOptions(cli, app);
  dmdax::RegisterVerbs(cli, app);
  // Before any verb begins, also one that asks no kernel; check and advise take
  // "all".
  cli.parse_complete_callback([&] {
    dmdax::CheckCommandLine(cli);
    if (app.kernel.ok() || cli.got_subcommand("check") ||
        cli.got_subcommand("advise")) {
      return;
    }
    app.Report(app.kernel.status());
    throw CLI::RuntimeError(app.exit_code);
  });
  cli.set_version_flag("--version", "dmdax 0.1");
  try {
    cli.parse(argc, argv);
  } catch (const CLI::Success& e) {
    app.exit_code = cli.exit(e);  // --help
  } catch (const CLI::RuntimeError& e) {
    return e.get_exit_code();  // it has been told
  } catch (const CLI::ParseError& e) {
    return UsageError(cli, e);
  }
  // A write that failed before is tried again, for its errno.
  errno = 0;
  std::cout.flush();
  if (!std::cout) {
    const int err = errno;
    std::cerr << "dmdax: cannot write to standard output"
              << (err != 0 ? ": " + dmdax::ErrnoText(err) : "")
              << (app.changed ? "; the change is made" : "") << "\n";
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

}  // namespace

int main(int argc, char** argv) {
  HoldStandardDescriptors();
  // Debian's Abseil searches for deadlocks, with tables whose size is fixed: by
  // far the most time of 100,000 devices, each with its locks.  Tests search.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // A file that reaches its size limit shall be an error, not the end of the
  // program.
  signal(SIGXFSZ, SIG_IGN);
  // Libraries of others (CLI11, JSON, the allocator) throw; we do not.
  try {
    return Run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "dmdax: " << e.what() << "\n";
    return 1;
  }
}
