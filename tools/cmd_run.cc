// SPDX-License-Identifier: Apache-2.0
//
// dmdax serve and run: a machine that stays, and programs on it.
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/errno_status.h"
#include "base/fd.h"
#include "run/choose_door.h"
#include "run/run_command.h"
#include "server/ping.h"
#include "tools/app.h"
#include "tools/command_line.h"
#include "tools/resident_machine.h"

namespace dmdax {
namespace {

// Where the machine is to be: --world and no --state mean one of our own.
bool MeansState(const CLI::App& cli, const App& app) {
  const char* const state = getenv("DMDAX_STATE");
  return !app.world_file && (cli.get_option("--state")->count() > 0 ||
                             (state != nullptr && *state != '\0'));
}

absl::Status Serve(App& app) {
  if (app.world_file) {
    return ErrnoError(EINVAL,
                      "serve is about the state: machine load has the World");
  }
  absl::StatusOr<std::unique_ptr<ResidentMachine>> machine =
      ResidentMachine::Make(app, ResidentMachine::kState);
  if (!machine.ok()) return machine.status();
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  const Fd until(signalfd(-1, &signals, SFD_CLOEXEC));
  // Who waits for this line may begin.
  std::cout << (*machine)->socket() << std::endl;
  // Where nobody can be told, nobody would come; main() says why.
  if (!std::cout) {
    app.changed = false;
    return absl::OkStatus();
  }
  return (*machine)->server().Run(until.get());
}

struct RunArgs {
  std::vector<std::string> command;
  bool root = false;
  std::string door = "auto";
  std::string join;
};

Door DoorOf(const RunArgs& o) {
  if (o.door == "auto") return ChooseDoor(o.command[0]);
  return o.door == "notify" ? Door::kNotify : Door::kPreload;
}

// For a program of a machine's command, by the preload library.
absl::StatusOr<int> Join(const RunArgs& o) {
  if (o.command.size() < 2) {
    return ErrnoError(EINVAL, "--join takes a file and its zeroth argument");
  }
  return RunJoined({.command = o.command,
                    .socket = o.join,
                    .ids = o.root ? RunOptions::kRoot : RunOptions::kOwn,
                    .door = Door::kNotify,
                    .state = ""});
}

// It has ended since its socket was looked at.
bool IsServerGone(const absl::Status& status) {
  const int error = ErrnoOf(status);
  return error == ENOENT || error == ECONNREFUSED || error == EPIPE;
}

absl::StatusOr<int> Run(App& app, const RunArgs& o, bool state) {
  if (!o.join.empty()) return Join(o);
  RunOptions options{.command = o.command,
                     .socket = "",
                     .ids = o.root ? RunOptions::kRoot : RunOptions::kOwn,
                     .door = DoorOf(o),
                     .state = state ? app.state_dir : ""};
  while (true) {
    if (state) options.socket = SocketOfState(app.state_dir);
    if (!options.socket.empty()) {
      absl::StatusOr<Fd> server = ReachServer(options.socket, app.Wait());
      if (IsServerGone(server.status())) continue;
      return server.ok() ? RunBeside(options, *std::move(server))
                         : server.status();
    }
    absl::StatusOr<std::unique_ptr<ResidentMachine>> machine =
        ResidentMachine::Make(
            app, state ? ResidentMachine::kState : ResidentMachine::kPrivate);
    // Of commands that begin at once one serves the others.
    if (state && ErrnoOf(machine.status()) == EADDRINUSE) continue;
    if (!machine.ok()) return machine.status();
    options.socket = (*machine)->socket();
    return RunOnServer((*machine)->server(), options);
  }
}

}  // namespace

void RegisterRun(CLI::App& cli, App& app) {
  CLI::App* serve = cli.add_subcommand(
      "serve",
      "Keep the state's machine in memory, for programs to run on.\n\n"
      "Prints the path of its socket when it is ready, and serves until it\n"
      "gets SIGTERM.  Other commands may change the state meanwhile.");
  serve->callback([&app] { app.Report(Serve(app)); });

  auto o = std::make_shared<RunArgs>();
  CLI::App* run = cli.add_subcommand(
      "run",
      "Run a program on the machine, without root.\n\n"
      "  dmdax --world examples/oracle.textproto run -- dmsetup targets\n\n"
      "With --state the machine is the state's, and stays; else it is one of\n"
      "its own, --world's or an empty one, and goes with the program.");
  run->add_option("COMMAND", o->command, "The program and its arguments")
      ->required();
  run->add_flag("--root", o->root, "Tell the program that it is root");
  run->add_option("--door", o->door,
                  "How the program sees the machine: preload, for what is "
                  "linked with libc's shared library; notify, for static and "
                  "Go programs as well, whose system calls are answered; auto, "
                  "what the file of COMMAND needs, and of each that it runs")
      ->check(CLI::IsMember({"auto", "preload", "notify"}));
  // What the preload library says.
  run->add_option("--join", o->join)->group("");
  run->callback([o, &cli, &app] {
    absl::StatusOr<int> status = Run(app, *o, MeansState(cli, app));
    if (!status.ok()) return app.Report(status.status());
    app.exit_code = *status;
    // What there is to say the program has said.
    app.answered = true;
  });
}

}  // namespace dmdax
