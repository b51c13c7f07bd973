// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/dax_events.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "block/queue_sysfs.h"
#include "tests/conformance/guest_nature.h"
#include "tests/conformance/oracle_guest.h"
#include "tests/conformance/shell_steps.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::conformance {
namespace {

std::string EnterLine(const TraceStep& step, const KernelProfile& profile) {
  std::string line = absl::StrCat(KernelEventName(step), ":");
  // The recording's probes print a target's row only where the function has
  // it at hand.
  if (step.event_has_row) {
    absl::StrAppend(&line, " begin=", step.begin.value(),
                    " len=", step.len.value());
  }
  absl::StrAppend(&line, " pgoff=", step.pgoff.value(), " nr=", step.nr_pages);
  // enum dax_access_mode came with 5.19.
  if (step.target.empty() && profile.fs_dax_checks_partition) {
    absl::StrAppend(&line, " mode=", step.mode);
  }
  return line;
}

bool IsDaxEvent(absl::string_view event) {
  const absl::string_view name = event.substr(0, event.find(':'));
  return absl::EndsWith(name, "_da") || absl::EndsWith(name, "_da_ret");
}

// The number after `key`= in an event line.
int64_t Number(absl::string_view event, absl::string_view key) {
  const size_t at = event.find(absl::StrCat(key, "="));
  int64_t value = -1;
  if (at == event.npos) return value;
  absl::string_view rest = event.substr(at + key.size() + 1);
  rest = rest.substr(0, rest.find(' '));
  return absl::SimpleAtoi(rest, &value) ? value : -1;
}

// The recorded events cut into queries: each begins with the function of the
// device that the file system asked.
std::vector<std::vector<std::string>> Queries(
    const std::vector<std::string>& events, const std::string& first) {
  std::vector<std::vector<std::string>> queries;
  int depth = 0;
  for (const std::string& event : events) {
    if (!IsDaxEvent(event)) {
      depth = 0;
      continue;
    }
    if (depth == 0 && absl::StartsWith(event, first + ":")) {
      queries.emplace_back();
    }
    if (queries.empty()) continue;
    depth +=
        absl::StrContains(event.substr(0, event.find(':')), "_ret") ? -1 : 1;
    queries.back().push_back(event);
  }
  return queries;
}

// The kernel has a fixed number of return probes and skips returns when a
// function nests deeper: what it lacks is taken out of ours, from the inside.
std::vector<std::string> WithoutMissedReturns(
    std::vector<std::string> ours, const std::vector<std::string>& kernel) {
  std::vector<std::string> kept;
  size_t k = 0;
  for (const std::string& line : ours) {
    if (k < kernel.size() && line == kernel[k]) {
      ++k;
    } else if (absl::StrContains(line, "_da_ret:")) {
      continue;
    }
    kept.push_back(line);
  }
  return kept;
}

class DaxEventsCase {
 public:
  DaxEventsCase(Session session, const KernelProfile& profile, Verdict& verdict)
      : session_(std::move(session)), profile_(profile), verdict_(verdict) {}

  void CreateDm(const Json& test, const Json& result) {
    if (!test.contains("dm")) return;
    for (size_t i = 0; i < test["dm"].size(); ++i) {
      const Json& dm = test["dm"][i];
      const Json& recorded = result["dm"][i];
      const std::string name = dm["name"];
      const DmsetupResult r =
          RunDmsetup(*session_.ctl, {"create", name},
                     absl::StrCat(dm["table"].get<std::string>(), "\n"));
      const std::string where = absl::StrCat("dm ", name);
      verdict_.Compare(where, "rc", recorded["rc"], r.rc);
      verdict_.Compare(where, "stderr", recorded["stderr"], r.err);
      verdict_.Compare(where, "dmesg",
                       WithoutGuestLines(where, recorded["dmesg"], &verdict_),
                       Json(session_.machine->log().TakeNew()));
    }
  }

  // Steps around the mount: dmsetup, sysfs writes; the rest changes nothing
  // below the file system.
  void RunSteps(const Json& steps, const Json& results) {
    for (size_t i = 0; i < steps.size(); ++i) {
      const std::string why = RunCaseStep(
          session_, steps[i], i < results.size() ? results[i] : Json::object());
      if (!why.empty()) verdict_.unsupported = why;
    }
  }

  void HoldMounted(const std::string& dev, const Json& result) {
    if (!result.contains("mount") || !result["mount"]["errno"].is_null())
      return;
    absl::StatusOr<DevT> number = session_.machine->LookupBdev(dev);
    if (!number.ok()) return;
    mounted_ = session_.machine->FindBdev(*number);
    if (mounted_ != nullptr) conformance::HoldMounted(*mounted_);
  }

  // There is no file system here: what its freeze came to is what the guest
  // says of the line.
  std::string RunRecordedShell(const std::string& line, const Json& recorded) {
    if (mounted_ != nullptr) {
      const int err = recorded.value("rc", 0) == 0 ? 0 : EIO;
      mounted_->set_freeze([err] { return err; });
    }
    return RunShell(session_, line);
  }

  void RunMap(const std::string& where, const std::string& dev, const Json& map,
              const Json& recorded) {
    // The recorded steps: the mmap, then one for each touch.
    const Json& steps = recorded["steps"];
    size_t touch = 0;
    for (const Json& step : steps) {
      if (step["op"] == "mmap") continue;
      const std::string op =
          touch < map["touch"].size() ? map["touch"][touch] : "";
      ++touch;
      if (step["op"] == "sh") {
        const std::string why =
            RunRecordedShell(op.substr(op.find(':') + 1), step);
        if (!why.empty()) verdict_.unsupported = why;
      }
      if (!step.contains("events")) continue;
      CompareEvents(absl::StrCat(where, " ", op), dev, step["events"]);
    }
  }

 private:
  void CompareEvents(const std::string& where, const std::string& dev,
                     const std::vector<std::string>& events) {
    absl::StatusOr<DevT> number = session_.machine->LookupBdev(dev);
    if (!number.ok()) return;
    BlockDevice* bdev = session_.machine->FindBdev(*number);
    const bool is_dm = number->major_nr == session_.ctl->major();
    for (const std::vector<std::string>& kernel :
         Queries(events, is_dm ? "dm_da" : "pmem_da")) {
      Trace trace;
      DaxDirectAccess(
          bdev->host_dax_dev(),
          pgoff_t(static_cast<uint64_t>(Number(kernel[0], "pgoff"))),
          Number(kernel[0], "nr"), DaxAccessMode::kAccess, &trace);
      const std::vector<std::string> ours =
          WithoutMissedReturns(RenderDaxEvents(trace, profile_), kernel);
      verdict_.Compare(where, "events", kernel, ours);
    }
  }

  Session session_;
  BlockDevice* mounted_ = nullptr;
  const KernelProfile& profile_;
  Verdict& verdict_;
};

}  // namespace

std::vector<std::string> RenderDaxEvents(const Trace& trace,
                                         const KernelProfile& profile) {
  std::vector<std::string> lines;
  std::vector<const TraceStep*> open;
  auto close_down_to = [&](size_t depth) {
    while (open.size() > depth) {
      lines.push_back(absl::StrCat(KernelEventName(*open.back()),
                                   "_ret: ret=", open.back()->ret));
      open.pop_back();
    }
  };
  for (const TraceStep& step : trace.steps()) {
    close_down_to(static_cast<size_t>(step.depth));
    lines.push_back(EnterLine(step, profile));
    open.push_back(&step);
  }
  close_down_to(0);
  return lines;
}

Verdict RunDaxEventsCase(const Json& test, const Json& result, const Json& env,
                         const KernelProfile& profile) {
  Verdict verdict;
  if (!result.contains("maps")) {
    verdict.unsupported = "the recording has no mapping";
    return verdict;
  }
  absl::StatusOr<Session> session = GuestFromCase(env, result["pmem"], profile);
  if (!session.ok()) {
    verdict.unsupported = std::string(session.status().message());
    return verdict;
  }
  for (const Json& dm : test.value("dm", Json::array())) {
    verdict.unsupported = MissingTarget(dm["table"], env, profile);
    if (!verdict.unsupported.empty()) return verdict;
  }
  DaxEventsCase run(*std::move(session), profile, verdict);
  const Json none = Json::array();
  run.RunSteps(test.value("pre", none), result.value("pre", none));
  run.CreateDm(test, result);
  run.RunSteps(test.value("after_dm", none), result.value("after_dm", none));
  run.RunSteps(test.value("mid", none), result.value("mid", none));
  const std::string dev = test["dev"];
  run.HoldMounted(dev, result);
  for (size_t i = 0; i < result["maps"].size(); ++i) {
    run.RunMap(absl::StrCat("map ", i), dev, test["maps"][i],
               result["maps"][i]);
  }
  return verdict;
}

}  // namespace dmdax::conformance
