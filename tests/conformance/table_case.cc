// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/table_case.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "dm/device_mapper.h"
#include "tests/conformance/child_output.h"
#include "tests/conformance/disk_step.h"
#include "tests/conformance/guest_nature.h"
#include "tests/conformance/guest_progress.h"
#include "tests/conformance/ioctl_step.h"
#include "tests/conformance/oracle_guest.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::conformance {
namespace {

// A target type that the recorded kernel lists and dmdax has not, or "".
std::string MissingAny(const Json& env, const KernelProfile& profile) {
  for (const Json& target : env["env"]["targets"]) {
    const std::string type = target[0];
    if (FindTargetType(type, profile) == nullptr) {
      return absl::StrCat("target ", type);
    }
  }
  return "";
}

// `dmsetup targets`, whatever options it has.
bool AsksForTargets(const std::vector<std::string>& args) {
  return std::find(args.begin(), args.end(), "targets") != args.end();
}

// What of a step dmdax does not have (yet), or "".
std::string Missing(const Json& step, const Json& env,
                    const KernelProfile& profile) {
  if (step.contains("ioctl")) {
    for (const Json& row : step.value("targets", Json::array())) {
      const std::string line =
          absl::StrCat("0 1 ", row.value("type", ""), " x");
      std::string missing = MissingTarget(line, env, profile);
      if (!missing.empty()) return missing;
    }
    return step["ioctl"] == "LIST_VERSIONS" ? MissingAny(env, profile) : "";
  }
  if (AsksForTargets(step["dmsetup"])) return MissingAny(env, profile);
  std::string tables = step.value("stdin", "");
  for (const Json& word : step["dmsetup"]) {
    absl::StrAppend(&tables, "\n", word.get<std::string>());
  }
  return MissingTarget(tables, env, profile);
}

struct CaseState {
  CaseState(Session s, const Json& recorded)
      : session(std::move(s)),
        disk{.session = session, .recorded = recorded},
        file(*session.ctl) {}

  Session session;
  DiskState disk;
  DmFile file;  // the control node, open all the time
  Json devs = Json::object();
  bool saw_half_removed = false;
  std::optional<int> first_vdo;
};

// Lines as /dev/kmsg shows them: what is not printable ASCII, and the
// backslash, as \xNN.
Json AsRead(const std::vector<std::string>& lines) {
  Json read = Json::array();
  for (const std::string& line : lines) {
    std::string text;
    for (char c : line) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < ' ' || byte >= 127 || byte == '\\') {
        absl::StrAppendFormat(&text, "\\x%02x", byte);
      } else {
        text.push_back(c);
      }
    }
    read.push_back(std::move(text));
  }
  return read;
}

// As the recording program decodes output that is not UTF-8.
Json Text(const std::string& bytes) {
  return Json::parse(
      Json(bytes).dump(-1, ' ', false, Json::error_handler_t::replace));
}

// What every step is compared on.
void CompareAftermath(const std::string& where, const Json& recorded,
                      CaseState& state, Verdict& verdict) {
  const Json ours = WithoutGuestLines(
      where, AsRead(state.session.machine->log().TakeNew()), nullptr);
  const Json kernel = WithOurVdoNumbers(
      where, WithoutGuestLines(where, recorded["dmesg"], &verdict), ours,
      &state.first_vdo, verdict);
  verdict.Compare(where, "dmesg", kernel,
                  WithoutSuppressed(where, kernel, ours, verdict));
  if (!recorded.contains("devs")) return;
  Json devs = DescribeDevs(state.session);
  Json their_devs = recorded["devs"];
  state.saw_half_removed |= DropHalfRemoved(where, &their_devs, verdict);
  if (devs == state.devs) {
    // That they are gone in the end is no change here.
    if (state.saw_half_removed && their_devs == devs) return;
    verdict.Compare(where, "devs", their_devs, "unchanged");
  } else {
    state.devs = devs;
    verdict.Compare(where, "devs", their_devs, devs);
  }
}

// The lines of `dmsetup targets` or of a LIST_VERSIONS reply.
std::vector<std::string> VersionLines(const Json& targets) {
  if (targets.is_string()) {
    return absl::StrSplit(targets.get<std::string>(), '\n', absl::SkipEmpty());
  }
  std::vector<std::string> lines;
  for (const Json& target : targets) {
    lines.push_back(absl::StrCat(target[0].get<std::string>(), " ",
                                 target[1].get<std::string>()));
  }
  return lines;
}

void CompareVersions(const std::string& where, absl::string_view field,
                     const Json& kernel, const Json& ours, const Json& env,
                     const KernelProfile& profile, Verdict& verdict) {
  std::vector<std::string> kernel_lines = VersionLines(kernel);
  std::vector<std::string> our_lines = VersionLines(ours);
  if (WithoutLoadOrder(where, env, profile, &kernel_lines, &our_lines,
                       verdict)) {
    verdict.Compare(where, std::string(field), kernel_lines, our_lines);
  } else {
    verdict.Compare(where, std::string(field), kernel, ours);
  }
}

void RunIoctl(const std::string& where, const Json& step, const Json& recorded,
              const Json& env, CaseState& state, Verdict& verdict) {
  const Json ours = RunIoctlStep(*state.session.ctl, state.file, step);
  for (const auto& [field, value] : ours.items()) {
    if (step["ioctl"] == "LIST_VERSIONS" && field == "targets" &&
        recorded.contains(field)) {
      CompareVersions(where, field, recorded[field], value, env,
                      state.session.machine->profile(), verdict);
      continue;
    }
    verdict.Compare(where, field, recorded.value(field, Json()), value);
  }
  CompareAftermath(where, recorded, state, verdict);
}

void RunDisk(const std::string& where, const Json& step, const Json& recorded,
             CaseState& state, Verdict& verdict) {
  Json aftermath = recorded;
  if (!RunDiskStep(where, step, recorded, state.disk, verdict)) {
    state.session.machine->log().TakeNew();
    aftermath["dmesg"] = Json::array();
  }
  CompareAftermath(where, aftermath, state, verdict);
}

// A crash of dmsetup, which ours survives: what it had printed by then, and
// what the kernel logs of it, are not about the device-mapper.
bool HasCrashed(const std::string& where, const Json& recorded,
                CaseState& state, Verdict& verdict) {
  if (!recorded["rc"].is_number() || recorded["rc"].get<int>() >= 0) {
    return false;
  }
  verdict.GuestNature(where, "dmsetup has crashed, with signal",
                      absl::StrCat(-recorded["rc"].get<int>()));
  state.session.machine->log().TakeNew();
  return true;
}

// False: what comes after can not be judged.
bool RunDmsetupStep(const std::string& where, const Json& step,
                    const Json& recorded, const Json& env, CaseState& state,
                    Verdict& verdict) {
  const std::vector<std::string> args = step["dmsetup"];
  ChildOutput children;
  DmsetupResult r =
      RunDmsetup(*state.session.ctl, args, step.value("stdin", ""));
  // dmsetup prints when it ends.
  r.out = children.Take() + r.out;
  if (HasCrashed(where, recorded, state, verdict)) return true;
  if (!r.would_block && !r.endless && WasStoppedAtWork(recorded)) {
    verdict.GuestNature(absl::StrCat(where, " and after"),
                        "it was too slow for the command, which was stopped",
                        absl::StrCat(recorded["timeout_s"].get<int>(), " s"));
    return false;
  }
  Json kernel_out = recorded["stdout"];
  Json kernel_err = recorded["stderr"];
  Json our_out = Text(r.out);
  if (r.would_block || r.endless) {
    // The recording stopped the command after some seconds.
    verdict.Compare(where, "rc", recorded["rc"], nullptr);
  } else if (WasAboutToEnd(recorded)) {
    verdict.GuestNature(where, "it was slow to end",
                        absl::StrCat(recorded["timeout_s"].get<int>(), " s"));
  } else {
    verdict.Compare(where, "rc", recorded["rc"], r.rc);
  }
  if (r.endless) {
    kernel_out = WithoutRepeats(where, kernel_out, our_out, verdict);
    kernel_err = WithoutRepeats(where, kernel_err, r.err, verdict);
  }
  if (!args.empty() && args[0] == "status") {
    kernel_out = WithoutProgress(where, kernel_out, &verdict);
    our_out = WithoutProgress(where, our_out, nullptr);
    kernel_out = WithOurEraBlocks(where, kernel_out, our_out, verdict);
  }
  if (!args.empty() && args[0] == "info" && kernel_out.is_string()) {
    kernel_out = WithOurEvents(
        where, kernel_out, our_out,
        [&](const std::string& name) {
          const std::string table =
              RunDmsetup(*state.session.ctl, {"table", name}, "").out;
          // The end of a resync is an event of md's thread.
          return absl::StrContains(table, " mirror ") ||
                 absl::StrContains(table, " striped ") ||
                 absl::StrContains(table, " raid ");
        },
        verdict);
  }
  if (args.size() > 3 && absl::StartsWith(args[3], "@stats_print")) {
    kernel_out = WithoutTimes(where, kernel_out, &verdict);
    our_out = WithoutTimes(where, our_out, nullptr);
  }
  if (AsksForTargets(args)) {
    CompareVersions(where, "stdout", kernel_out, our_out, env,
                    state.session.machine->profile(), verdict);
  } else {
    verdict.Compare(where, "stdout", kernel_out, our_out);
  }
  verdict.Compare(where, "stderr", kernel_err, Text(r.err));
  CompareAftermath(where, recorded, state, verdict);
  return true;
}

}  // namespace

Verdict RunTableCase(const Json& test, const Json& result, const Json& env,
                     const KernelProfile& profile) {
  Verdict verdict;
  for (const Json& step : test["steps"]) {
    if (IsDiskStep(step)) continue;
    if (!step.contains("dmsetup") && !step.contains("ioctl")) {
      verdict.unsupported = absl::StrCat("step ", step.begin().key());
      return verdict;
    }
    verdict.unsupported = Missing(step, env, profile);
    if (!verdict.unsupported.empty()) return verdict;
  }
  absl::StatusOr<Session> session = GuestFromEnv(env, profile);
  if (!session.ok()) {
    verdict.unsupported = std::string(session.status().message());
    return verdict;
  }
  CaseState state(*std::move(session), result["steps"]);
  // What a limit left out depends on the cases before; that is named.
  state.session.machine->log().SetRatelimit(KernelLog::Ratelimit::kOff);
  for (size_t i = 0; i < test["steps"].size(); ++i) {
    const Json& step = test["steps"][i];
    const Json& recorded = result["steps"][i];
    state.disk.at = i;
    WriteBackClosed(state.disk);
    if (std::string type = MissingType(recorded, profile); !type.empty()) {
      verdict.GuestNature(absl::StrCat("step ", i, " and after"),
                          "this guest has no module of the target", type);
      break;
    }
    if (std::string hash = MissingHash(step, recorded); !hash.empty()) {
      verdict.GuestNature(absl::StrCat("step ", i, " and after"),
                          "this guest has no module of the hash", hash);
      break;
    }
    if (IsDiskStep(step)) {
      RunDisk(absl::StrCat("step ", i, ": ", step.dump().substr(0, 60)), step,
              recorded, state, verdict);
      continue;
    }
    if (step.contains("ioctl")) {
      RunIoctl(absl::StrCat("step ", i, ": ioctl ", step["ioctl"].dump()), step,
               recorded, env, state, verdict);
      continue;
    }
    const std::vector<std::string> args = step["dmsetup"];
    if (!RunDmsetupStep(
            absl::StrCat("step ", i, ": ", absl::StrJoin(args, " ")), step,
            recorded, env, state, verdict)) {
      break;
    }
  }
  return verdict;
}

}  // namespace dmdax::conformance
