// SPDX-License-Identifier: Apache-2.0
//
// What a command about one device costs beside many others: time, memory and
// bytes written, each over that of the same command beside ten.
//
//   devices 100000 beside ten: table x1.1 memory x1.0, create x1.2 ...
//
// `whole` is the same question with all of the machine loaded, as it costs
// where a verb asks for a list; `resident` is a change of a machine that is
// loaded and stays so.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>

#include "bench/big_worlds.h"
#include "bench/child_cost.h"
#include "bench/families.h"
#include "bench/resident_change.h"
#include "bench/scratch_state.h"
#include "state/world_load.h"

namespace dmdax::bench {
namespace {

constexpr int kRuns = 3;

struct Kind {
  const char* name;
  size_t sizes[3];  // the first is the baseline
  proto::World (*world)(size_t n);
};

constexpr Kind kKinds[] = {
    {"devices", {10, 1000, 100000}, ManyDevices},
    {"rows", {10, 10000, size_t{1} << 20}, ManyRows},
    {"files", {10, 1000, 100000}, ManyFiles},
    {"touches", {10, 10000, 1000000}, ManyTouches},
};

struct StateCosts {
  Cost question, whole, change;
  uint64_t written = 0;
  double resident = 0;  // CPU seconds
};

StateCosts Measure(const Kind& kind, size_t n) {
  ScratchState state;
  // The machine is made in a child, so that its memory is not ours.
  CostInChild([&] {
    absl::StatusOr<Session> session = LoadWorld(kind.world(n));
    if (!session.ok()) Die(session.status());
    state.Write(*session);
  });
  const auto run = [&](const std::vector<std::string>& words, LoadScope scope) {
    const DmsetupResult result = state.Run(words, scope);
    if (result.rc != 0) Die(absl::InternalError(result.err));
  };
  StateCosts costs;
  costs.question = LeastCost(kRuns, [&] {
    run({"table", "d0"}, LoadScope::kNeeded);
  });
  costs.whole = LeastCost(kRuns, [&] {
    run({"table", "d0"}, LoadScope::kWhole);
  });
  int created = 0;
  for (int i = 0; i < kRuns; ++i) {
    state.EmptyLog();
    const std::string name = "new" + std::to_string(created++);
    const Cost cost = CostInChild([&] {
      run({"create", name, "--table", "0 8 linear /dev/pmem0 0"},
          LoadScope::kNeeded);
    });
    if (i == 0 || cost.cpu_seconds < costs.change.cpu_seconds) {
      costs.change = cost;
    }
    costs.written = std::max(costs.written, state.log_bytes());
  }
  costs.resident = ResidentChangeSeconds(kind.world(n));
  return costs;
}

double Ratio(double a, double b) { return b > 0 ? a / b : 0; }

void Print(const Kind& kind, size_t n, const StateCosts& c,
           const StateCosts& base) {
  const auto pair = [](const Cost& a, const Cost& b) {
    return std::pair(Ratio(a.cpu_seconds, b.cpu_seconds),
                     Ratio(static_cast<double>(a.peak_bytes),
                           static_cast<double>(b.peak_bytes)));
  };
  const auto [ask_time, ask_memory] = pair(c.question, base.question);
  const auto [change_time, change_memory] = pair(c.change, base.change);
  const auto [whole_time, whole_memory] = pair(c.whole, base.question);
  printf(
      "%-8s %8zu  %6.2f %6.2f  %6.2f %6.2f %6.2f  %8.2f %6.2f  %8.2f\n",
      kind.name, n, ask_time, ask_memory, change_time, change_memory,
      Ratio(static_cast<double>(c.written), static_cast<double>(base.written)),
      whole_time, whole_memory, Ratio(c.resident, base.resident));
}

}  // namespace

int ReportState(const Options& options) {
  printf("%-8s %8s  %-13s  %-20s  %-15s  %s\n", "", "", "question", "change",
         "whole/question", "resident");
  printf("%-8s %8s  %6s %6s  %6s %6s %6s  %8s %6s  %8s\n", "beside", "", "time",
         "memory", "time", "memory", "bytes", "time", "memory", "time");
  for (const Kind& kind : kKinds) {
    StateCosts base;
    for (size_t i = 0; i < std::size(kind.sizes); ++i) {
      const size_t n = std::min(kind.sizes[i], options.max_targets);
      const StateCosts costs = Measure(kind, n);
      if (i == 0) base = costs;
      Print(kind, n, costs, base);
    }
  }
  return 0;
}

}  // namespace dmdax::bench
