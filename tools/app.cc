// SPDX-License-Identifier: Apache-2.0
#include "tools/app.h"

#include <cerrno>
#include <cstdint>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/errno_status.h"
#include "base/kernel_alias.h"
#include "base/one_line.h"
#include "base/usage_error.h"
#include "state/dir/pmem_bytes.h"
#include "state/on_kernel.h"
#include "state/world_load.h"
#include "tools/byte_count.h"
#include "tools/print_json.h"
#include "tools/seen_labels.h"
#include "tools/show_server.h"
#include "tools/tell.h"
#include "tools/world_file.h"

namespace dmdax {
namespace {

enum class Purpose { kAsk, kChange };

// What was made under one kernel, made anew under another: a table that the
// one accepted says nothing about the other.
absl::StatusOr<Session> UnderOtherKernel(const proto::StateSnapshot& snapshot,
                                         const StateDir& dir,
                                         const std::string& kernel) {
  absl::StatusOr<Session> session =
      SessionFromState(snapshot, dir.disk_files());
  if (!session.ok()) return session.status();
  absl::StatusOr<Session> other =
      LoadWorld(OnKernel(DescribeWorld(*session), kernel));
  if (other.ok()) return other;
  return ErrnoError(
      ErrnoOf(other.status()),
      absl::StrCat("under ", kernel,
                   " there is no such machine: ", other.status().message()));
}

absl::StatusOr<Session> FromSnapshot(proto::StateSnapshot& snapshot,
                                     const StateDir& dir, const App& app,
                                     Purpose purpose) {
  proto::World& world = *snapshot.mutable_world();
  if (!app.kernel->empty()) {
    const bool in_use = world.mapped_device_size() > 0 ||
                        world.mount_size() > 0 || world.dax_size() > 0 ||
                        world.process_size() > 0;
    if (in_use && !world.kernel().empty() && *app.kernel != world.kernel()) {
      if (purpose == Purpose::kAsk) {
        return UnderOtherKernel(snapshot, dir, *app.kernel);
      }
      return ErrnoError(
          EBUSY,
          absl::StrCat("the state runs kernel ", world.kernel(),
                       " and has mapped devices or mounts; --kernel ",
                       app.kernel_said,
                       " answers questions about it, but changes need an "
                       "empty state"));
    }
    if (*app.kernel != world.kernel()) world.clear_release();
    world.set_kernel(*app.kernel);
  }
  return SessionFromState(snapshot, dir.disk_files());
}

// "2 devices, 1 mount"; "": nothing that somebody could miss.
std::string ContentsOf(const proto::World& world) {
  const struct {
    int count;
    absl::string_view one, many;
  } contents[] = {
      {world.pmem_size() + world.block_size() + world.mapped_device_size(),
       "device", "devices"},
      {world.dax_size(), "device-dax", "device-dax"},
      {world.mount_size(), "mount", "mounts"},
      {world.process_size(), "process", "processes"},
      {world.key_size(), "key", "keys"},
  };
  std::string text;
  for (const auto& [count, one, many] : contents) {
    if (count == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", count, " ",
                    count == 1 ? one : many);
  }
  return text;
}

// Another kernel is asked of the whole.
LoadScope ScopeOf(const App& app, LoadScope scope) {
  return app.kernel->empty() ? scope : LoadScope::kWhole;
}

// Makes `session` the state's machine, and has what it wrote to the files of
// its pmems written there.
absl::Status Keep(StateDir& dir, const Session& session, uint64_t generation,
                  StateDir::Before before = StateDir::kForget) {
  absl::StatusOr<proto::StateSnapshot> snapshot = SnapshotToKeep(
      session, generation, dir.disk_files(), DiskBytes::KeepHow::kSynced);
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<PmemBytes> bytes = PmemBytes::Of(*session.machine);
  if (!bytes.ok()) return bytes.status();
  absl::Status s = dir.Write(*std::move(snapshot), before);
  if (!s.ok()) return s;
  absl::Status kept = bytes->Write();
  // What took effect is not called failed.
  if (!kept.ok()) {
    Tell(absl::StrCat("the change is made, but not all bytes are kept: ",
                      kept.message()));
  }
  return absl::OkStatus();
}

// The end of a change: without the state's lock, a server that runs sees it.
absl::Status Shown(absl::StatusOr<StateDir>& dir, const std::string& state,
                   absl::Status s) {
  dir = absl::UnavailableError("it was let go");
  if (s.ok()) ShowServer(state);
  return s;
}

absl::Status NoState() {
  return UsageError("it is about the state, and --world has none");
}

}  // namespace

void AddGlobalOptions(CLI::App& cli, App& app) {
  cli.add_option("--state", app.state_dir,
                 "Directory that keeps the machine ($DMDAX_STATE)")
      ->type_name("DIR");
  cli.add_option("--world", app.world_file,
                 "Answer from this World file, without any state")
      ->type_name("FILE");
  cli.add_option_function<std::string>(
         "--kernel", [&app](const std::string& said) { app.SayKernel(said); },
         "Which kernel answers: one of `dmdax kernels`, 6.18, rhel9 ...")
      ->type_name("KERNEL");
  cli.add_option("--timeout", app.timeout_seconds,
                 "Most seconds to wait while another command changes the "
                 "state, or for a machine that does not answer")
      ->check(Seconds());
  cli.add_flag("--json", app.json, "Answer in JSON");
}

void App::SayKernel(const std::string& said) {
  if (said.empty()) return;  // CheckCommandLine() refuses it
  kernel_said = said;
  absl::StatusOr<KernelAnswer> answer = AnswerForKernel(said);
  if (!answer.ok()) {
    kernel = answer.status();
    return;
  }
  kernel = answer->profile->name;
  kernel_answer = *std::move(answer);
}

void App::TellKernel() const {
  if (kernel_answer && !kernel_answer->note.empty()) Tell(kernel_answer->note);
}

absl::StatusOr<Session> App::Ask() const {
  if (!kernel.ok()) return kernel.status();
  if (world_file) return SessionFromWorldFile(*world_file, *kernel);
  absl::StatusOr<StateDir> dir = OpenState(StateDir::kRead);
  if (!dir.ok()) return dir.status();
  absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
  if (!snapshot.ok()) return snapshot.status();
  return FromSnapshot(*snapshot, *dir, *this, Purpose::kAsk);
}

absl::StatusOr<ParsedWorld> App::AskWorld(
    std::vector<std::string>* notes) const {
  if (world_file) {
    absl::StatusOr<ParsedWorld> world = ReadWorldFile(*world_file, "", notes);
    if (!world.ok() || notes != nullptr || !kernel_said.empty()) return world;
    const std::string note = KernelOf(world->world).note;
    if (!note.empty()) Tell(note);
    return world;
  }
  absl::StatusOr<StateDir> dir = OpenState(StateDir::kRead);
  if (!dir.ok()) return dir.status();
  absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<Session> session =
      SessionFromState(*snapshot, dir->disk_files());
  if (!session.ok()) return session.status();
  ParsedWorld described{DescribeWorld(*session)};
  AddSeenLabels(*session, &described.world);
  return described;
}

absl::StatusOr<std::vector<std::string>> App::AskKernels() const {
  if (kernel_said != "all") {
    if (!kernel.ok()) return kernel.status();
    return std::vector<std::string>{*kernel};
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

absl::StatusOr<std::vector<std::string>> App::AskKernels(
    std::optional<KernelAnswer>* between) const {
  absl::StatusOr<std::vector<std::string>> names = AskKernels();
  if (names.ok() && kernel_answer && kernel_answer->above != nullptr) {
    names->push_back(kernel_answer->above->name);
    *between = kernel_answer;
  }
  return names;
}

absl::StatusOr<Session> App::Ask(RunFn run) const {
  if (!kernel.ok()) return kernel.status();
  if (world_file) {
    absl::StatusOr<Session> session =
        SessionFromWorldFile(*world_file, *kernel);
    if (!session.ok()) return session.status();
    absl::Status s = run(*session);
    return s.ok() ? std::move(session) : absl::StatusOr<Session>(s);
  }
  absl::StatusOr<StateDir> opened = OpenState(StateDir::kRead);
  if (!opened.ok()) return opened.status();
  auto dir = std::make_shared<StateDir>(*std::move(opened));
  PartSession ran;
  absl::Status s = RunOnPart(
      *dir, ScopeOf(*this, LoadScope::kNeeded),
      [&](proto::StateSnapshot& snapshot) {
        return FromSnapshot(snapshot, *dir, *this, Purpose::kAsk);
      },
      &ran, run);
  if (!s.ok()) return s;
  // The part goes before the directory that it reads.
  using Source = std::pair<std::shared_ptr<StateDir>, std::shared_ptr<void>>;
  ran.session.source =
      std::make_shared<Source>(dir, std::move(ran.session.source));
  return std::move(ran.session);
}

StateWait App::Wait() const {
  StateWait wait;
  if (timeout_seconds) wait.timeout = absl::Seconds(*timeout_seconds);
  wait.say = [](const std::string& text) { Tell(text); };
  return wait;
}

absl::StatusOr<StateDir> App::OpenState(StateDir::Mode mode) const {
  return StateDir::Open(state_dir, mode, Wait());
}

absl::Status App::Change(RunFn change, LoadScope scope) {
  if (!kernel.ok()) return kernel.status();
  if (world_file) {
    absl::Status s = Ask(change).status();
    if (s.ok()) Tell("not kept: --world is only asked");
    return s;
  }
  absl::StatusOr<StateDir> dir = OpenState(StateDir::kWrite);
  if (!dir.ok()) return dir.status();
  PartSession ran;
  absl::Status s = RunOnPart(
      *dir, ScopeOf(*this, scope),
      [&](proto::StateSnapshot& snapshot) {
        return FromSnapshot(snapshot, *dir, *this, Purpose::kChange);
      },
      &ran, change);
  if (!s.ok()) return s;
  s = Changed(*dir, Keep(*dir, ran.session, ran.generation));
  return Shown(dir, state_dir, std::move(s));
}

absl::Status App::Load(const Session& session, Existing existing) {
  if (world_file) return NoState();
  absl::StatusOr<StateDir> dir = OpenState(StateDir::kWrite);
  if (!dir.ok()) return dir.status();
  absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
  if (!snapshot.ok()) return snapshot.status();
  const std::string there = ContentsOf(snapshot->world());
  if (!there.empty() && existing == kKeepMachine) {
    return ErrnoError(EEXIST, absl::StrCat("there is a machine with ", there,
                                           "; --replace puts this one in its "
                                           "place"));
  }
  // One without anything is not worth what undo would bring back.
  absl::Status s = Changed(
      *dir, Keep(*dir, session, snapshot->generation(),
                 there.empty() ? StateDir::kForget : StateDir::kKeepForUndo));
  return Shown(dir, state_dir, std::move(s));
}

absl::Status App::Undo() {
  if (world_file) return NoState();
  absl::StatusOr<StateDir> dir = OpenState(StateDir::kWrite);
  if (!dir.ok()) return dir.status();
  absl::Status s = Changed(*dir, dir->Undo());
  return Shown(dir, state_dir, std::move(s));
}

absl::Status App::Changed(const StateDir& dir, const absl::Status& status) {
  // What took effect is not called failed, but it may be lost.
  if (!dir.doubt().empty()) Tell(dir.doubt());
  changed = changed || status.ok();
  return status;
}

void App::Report(const absl::Status& status) {
  if (status.ok()) return;
  if (IsUsageError(status)) {
    throw CLI::ParseError(std::string(status.message()), 2);
  }
  const absl::string_view message = status.message();
  Tell(message);
  exit_code = 1;
  if (!json || answered) return;
  Answer("error", {{"error",
                    {{"message", std::string(message.substr(0, kMaxTold))},
                     {"errno", ErrnoName(ErrnoOf(status))},
                     {"rc", exit_code}}}});
}

void App::Answer(absl::string_view kind, nlohmann::ordered_json object) {
  if (!log_.empty()) object["dmesg"] = std::exchange(log_, {});
  PrintJson(std::cout, kind, std::move(object));
  answered = true;
}

void App::TellLog(const std::vector<std::string>& lines) {
  if (json) {
    log_.insert(log_.end(), lines.begin(), lines.end());
    return;
  }
  for (const std::string& line : lines) {
    std::cerr << "dmesg: " << OneLine(line) << "\n";
  }
}

void App::EndAnswer() {
  if (json && !answered) Answer("done", nlohmann::ordered_json::object());
}

}  // namespace dmdax
