// SPDX-License-Identifier: Apache-2.0
//
// App: what all verbs of `dmdax` share: where the machine comes from, and how
// answers go out.
//
// A machine comes from a state directory (the default), or with --world from
// a file; a file is only asked, never changed, and a verb that would change it
// says so, except dmsetup's, which print what dmsetup prints.  Answers are for
// people by default; data goes to stdout, everything else to stderr.  With
// --json a command prints one object (docs/json.md), also when it fails.
#ifndef DMDAX_TOOLS_APP_H_
#define DMDAX_TOOLS_APP_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/kernel_alias.h"
#include "formats/world_format.h"
#include "nlohmann/json.hpp"
#include "state/part/run_on_part.h"
#include "state/session.h"
#include "state/state_dir.h"
#include "state/state_lock.h"

namespace dmdax {

struct App {
  // --- global options ---
  // --kernel: what people call it.
  void SayKernel(const std::string& said);
  // Which profile answers to that, on standard error, where it is only the
  // nearest.
  void TellKernel() const;
  std::string state_dir;
  std::optional<std::string> world_file;  // --world
  // The name of the profile that answers to --kernel (base/kernel_alias.h), or
  // why none does; "": as the world or state says.
  absl::StatusOr<std::string> kernel = "";
  std::string kernel_said;
  std::optional<KernelAnswer> kernel_answer;  // where one does
  bool json = false;
  std::optional<double> timeout_seconds;  // for the state's lock

  // What main() returns; a verb sets it.
  int exit_code = 0;
  // The state has another machine than before.
  bool changed = false;

  // The machine, for a verb that only asks.
  absl::StatusOr<Session> Ask() const;
  // The same, with no more of it than `run` has looked at, which is run again
  // until all is there (see RunOnPart()).  Later questions may look at that and
  // at nothing else.
  absl::StatusOr<Session> Ask(RunFn run) const;

  // The machine as a World, for a verb that asks several kernels; --kernel is
  // not looked at.  Notes of an import as in ReadWorldFile(); without `notes`
  // it is said too if the World's own kernel, where that is asked, is only the
  // nearest.
  absl::StatusOr<ParsedWorld> AskWorld(
      std::vector<std::string>* notes = nullptr) const;

  // The names of the profiles that shall answer in a verb that asks several:
  // that of --kernel, or all of `--kernel all` with pages of the usual sizes;
  // "" is the World's own.
  absl::StatusOr<std::vector<std::string>> AskKernels() const;
  // The same, and of a release between two profiles both, with `*between` who
  // they are.
  absl::StatusOr<std::vector<std::string>> AskKernels(
      std::optional<KernelAnswer>* between) const;

  // The machine, for a verb that changes it: runs `change` under the state
  // directory's lock and writes the result back if it returns OK.  With
  // --world the change is made to a copy and forgotten, which is said.  With
  // kNeeded `change` may be run again (see RunOnPart()).
  absl::Status Change(RunFn change, LoadScope scope = LoadScope::kWhole);

  // Makes `session` the state's machine, whatever that was, of whatever kernel.
  // EEXIST with kKeepMachine if there is one with anything in it; a
  // UsageError() with --world.
  enum Existing { kKeepMachine, kReplaceMachine };
  absl::Status Load(const Session& session, Existing existing);
  // Puts back the machine that Load() replaced.
  absl::Status Undo();

  // Prints "dmdax: <message>" and sets the exit code to 1, unless OK.  Throws
  // a UsageError() as CLI::ParseError, for main() to print.  With --json it is
  // the answer too, if there was none.
  void Report(const absl::Status& status);

  // The answer in JSON, of a kind that docs/schema/ describes.
  void Answer(absl::string_view kind, nlohmann::ordered_json object);
  // What the kernel said: "dmesg: <line>" for people, or part of the answer.
  void TellLog(const std::vector<std::string>& lines);
  // The last thing with --json: a verb that had nothing to say is done.
  void EndAnswer();
  // A verb that prints its own JSON, bit by bit, has answered.
  bool answered = false;

  // How long to wait for others, by --timeout, and whom to tell.
  StateWait Wait() const;

 private:
  std::vector<std::string> log_;  // told, and not yet answered
  absl::StatusOr<StateDir> OpenState(StateDir::Mode mode) const;
  // What a change came to.
  absl::Status Changed(const StateDir& dir, const absl::Status& status);
};

// --state, --world, --kernel, --timeout and --json.
void AddGlobalOptions(CLI::App& cli, App& app);

// Adds all verbs to the command line, in the order in which --help has them.
// `family_done` is called after each family, which is what one file registers
// and one man page tells.
void RegisterVerbs(
    CLI::App& cli, App& app, absl::FunctionRef<void()> family_done = [] {});

// What --version prints.
std::string VersionText();

// `dmdax` under the name `dmsetup`: prints what dmsetup prints and nothing
// more.  Returns what main() returns.
int RunAsDmsetup(App& app, int argc, char** argv);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_APP_H_
