// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/table_case.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dm/device_mapper.h"
#include "tests/conformance/oracle_guest.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::conformance {
namespace {

// What of a step dmdax does not have (yet), or "".
std::string Missing(const Json& step, const Json& env,
                    const KernelProfile& profile) {
  if (step["dmsetup"][0] == "targets") {
    for (const Json& target : env["env"]["targets"]) {
      const std::string type = target[0];
      if (FindTargetType(type, profile) == nullptr) {
        return absl::StrCat("target ", type);
      }
    }
  }
  std::string tables = step.value("stdin", "");
  for (const Json& word : step["dmsetup"]) {
    if (absl::StartsWith(word.get<std::string>(), "@stats_")) {
      return "message @stats_*";
    }
    absl::StrAppend(&tables, "\n", word.get<std::string>());
  }
  return MissingTarget(tables, env, profile);
}

struct CaseState {
  Session session;
  Json devs = Json::object();
};

void RunDmsetupStep(const std::string& where, const Json& step,
                    const Json& recorded, CaseState& state,
                    Verdict& verdict) {
  const std::vector<std::string> args = step["dmsetup"];
  const DmsetupResult r =
      RunDmsetup(*state.session.ctl, args, step.value("stdin", ""));
  if (r.would_block) {
    // The recording stopped the command after some seconds.
    verdict.Compare(where, "rc", recorded["rc"], nullptr);
  } else {
    verdict.Compare(where, "rc", recorded["rc"], r.rc);
  }
  verdict.Compare(where, "stdout", recorded["stdout"], r.out);
  verdict.Compare(where, "stderr", recorded["stderr"], r.err);
  verdict.Compare(where, "dmesg", recorded["dmesg"],
                  Json(state.session.machine->log().TakeNew()));
  if (!recorded.contains("devs")) return;
  Json devs = DescribeDevs(state.session);
  if (devs == state.devs) {
    verdict.Compare(where, "devs", recorded["devs"], "unchanged");
  } else {
    state.devs = devs;
    verdict.Compare(where, "devs", recorded["devs"], devs);
  }
}

}  // namespace

Verdict RunTableCase(const Json& test, const Json& result, const Json& env,
                     const KernelProfile& profile) {
  Verdict verdict;
  for (const Json& step : test["steps"]) {
    if (!step.contains("dmsetup")) {
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
  CaseState state{*std::move(session)};
  for (size_t i = 0; i < test["steps"].size(); ++i) {
    const Json& step = test["steps"][i];
    const std::string where = absl::StrCat(
        "step ", i, ": ",
        absl::StrJoin(step["dmsetup"].get<std::vector<std::string>>(), " "));
    RunDmsetupStep(where, step, result["steps"][i], state, verdict);
  }
  return verdict;
}

}  // namespace dmdax::conformance
