// SPDX-License-Identifier: Apache-2.0
//
// translate_bench: what one translation costs, next to the kernel's algorithm.
//
//   translate_bench [--max_targets=N] [--queries=N] [--benchmark_...]
//
//   --max_targets  largest table of the "targets" family (default 1048576)
//   --queries      distinct random pages asked (a power of two, 131072)
//
//   --family       tables, depth, striped, copies, read, load,
//                  proto, flatten, sweep, fault or stream; default all of
//                  these; or growth, state or memory, which are reports
//                  (see families.h)
//
// Names read <stack>/<measure>/<contender>; families.h lists the stacks.
//   throughput    independent queries
//   latency       each query waits for the answer before it
//   batch         TranslateBatch(), and the limits memcpy (the same bytes)
//                 and line (random cache lines of an index-sized memory)
//   dmdax         DaxDirectAccess() on the mapped device
//   kernel_srcu   the baseline with its read side
//   kernel        the baseline without
// sweep_bench.cc, classify_bench.cc and stream_bench.cc have families of their
// own.
// Mirrors the method of bench/README.md: run it through bench/run.sh.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "bench/families.h"
#include "dm/mapped_device.h"

namespace dmdax::bench {
namespace {

constexpr struct {
  absl::string_view name;
  void (*add)(const Options&);
} kFamilies[] = {
    {"tables", RegisterTables},   {"depth", RegisterDepth},
    {"striped", RegisterStriped}, {"copies", RegisterCopies},
    {"read", RegisterReadSide},   {"load", RegisterLoad},
    {"proto", RegisterMessages},  {"flatten", RegisterFlatten},
    {"sweep", RegisterSweep},     {"fault", RegisterFaults},
    {"restore", RegisterRestore}, {"stream", RegisterStreams},
};

constexpr struct {
  absl::string_view name;
  int (*report)(const Options&);
} kReports[] = {
    {"growth", ReportGrowth}, {"state", ReportState}, {"memory", ReportMemory}};

// Takes our flags out of argv; Google Benchmark looks at the rest.
Options TakeOptions(int* argc, char** argv) {
  Options options;
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    absl::string_view arg = argv[i];
    if (absl::ConsumePrefix(&arg, "--family=")) {
      options.family = arg;
      continue;
    }
    size_t* value = absl::ConsumePrefix(&arg, "--max_targets=")
                        ? &options.max_targets
                    : absl::ConsumePrefix(&arg, "--queries=") ? &options.queries
                                                              : nullptr;
    if (value == nullptr) {
      argv[kept++] = argv[i];
      continue;
    }
    if (!absl::SimpleAtoi(arg, value) || *value == 0) {
      fprintf(stderr, "translate_bench: %s: not a number above 0\n", argv[i]);
      exit(2);
    }
  }
  *argc = kept;
  if ((options.queries & (options.queries - 1)) != 0) {
    fprintf(stderr, "translate_bench: --queries: not a power of two\n");
    exit(2);
  }
  return options;
}

int Main(int argc, char** argv) {
  MappedDevice::UseCompiledMaps(true);
  // As the command does: Abseil's search for deadlocks has tables whose size is
  // fixed.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const Options options = TakeOptions(&argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  for (const auto& report : kReports) {
    if (options.family != report.name) continue;
    return report.report(options);
  }
  bool found = false;
  for (const auto& family : kFamilies) {
    if (!options.family.empty() && options.family != family.name) continue;
    family.add(options);
    found = true;
  }
  if (!found) {
    fprintf(stderr, "translate_bench: --family=%s: there is no such family\n",
            std::string(options.family).c_str());
    return 2;
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace dmdax::bench

int main(int argc, char** argv) { return dmdax::bench::Main(argc, argv); }
