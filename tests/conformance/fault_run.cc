// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/fault_run.h"

#include "absl/strings/str_cat.h"
#include "tests/conformance/devdax_case.h"
#include "tests/conformance/fsdax_case.h"
#include "tests/conformance/oracle_guest.h"
#include "tests/conformance/shell_steps.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::conformance {
namespace {

BlockDevice* FindBdev(const Session& session, const std::string& dev) {
  absl::StatusOr<DevT> number = session.machine->LookupBdev(dev);
  return number.ok() ? session.machine->FindBdev(*number) : nullptr;
}

CaseDevices DevicesOf(Session& session) {
  CaseDevices devices;
  devices.dax_device = [&session](const std::string& dev) -> DaxDevice* {
    BlockDevice* bdev = FindBdev(session, dev);
    return bdev != nullptr ? bdev->host_dax_dev() : nullptr;
  };
  devices.dev_t = [&session](const std::string& dev) {
    BlockDevice* bdev = FindBdev(session, dev);
    return bdev != nullptr ? bdev->dev() : DevT{};
  };
  devices.shell = [&session](const std::string& line) {
    return RunShell(session, line);
  };
  return devices;
}

void RunSteps(Session& session, const Json& steps, const Json& results,
              Verdict& verdict) {
  for (size_t i = 0; i < steps.size(); ++i) {
    const std::string why = RunCaseStep(
        session, steps[i], i < results.size() ? results[i] : Json::object());
    if (!why.empty()) verdict.unsupported = why;
  }
}

void CreateDm(Session& session, const Json& test) {
  for (const Json& dm : test.value("dm", Json::array())) {
    RunDmsetup(*session.ctl, {"create", dm["name"].get<std::string>()},
               absl::StrCat(dm["table"].get<std::string>(), "\n"));
  }
}

}  // namespace

Verdict RunFaultCase(const Json& test, const Json& result, const Json& env,
                     const KernelProfile& profile) {
  Verdict verdict;
  const FaultProfile& faults = **FindFaultProfile(profile.name);
  if (!test.contains("fs")) return CompareDevdaxCase(test, result, env, faults);
  if (!result.contains("maps")) {
    verdict.unsupported = "the recording has no mapping";
    return verdict;
  }
  // A btt namespace is a plain disk without an address.
  Json pmem = Json::object();
  for (const auto& [name, p] : result["pmem"].items()) {
    if (p[0].is_string()) pmem[name] = p;
  }
  absl::StatusOr<Session> session = GuestFromCase(env, pmem, profile);
  if (!session.ok()) {
    verdict.unsupported = std::string(session.status().message());
    return verdict;
  }
  const Json none = Json::array();
  RunSteps(*session, test.value("pre", none), result.value("pre", none),
           verdict);
  CreateDm(*session, test);
  for (const char* part : {"after_dm", "mid"}) {
    RunSteps(*session, test.value(part, none), result.value(part, none),
             verdict);
  }
  if (!verdict.unsupported.empty()) return verdict;
  return CompareFsdaxCase(test, result, faults, DevicesOf(*session));
}

}  // namespace dmdax::conformance
