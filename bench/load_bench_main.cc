// SPDX-License-Identifier: Apache-2.0
//
// load_bench [--max_targets=N] [--benchmark_...]: see load_bench.h.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <cstring>

#include "bench/load_bench.h"

int main(int argc, char** argv) {
  constexpr char kMax[] = "--max_targets=";
  size_t max_targets = 1 << 20;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], kMax, strlen(kMax)) == 0) {
      max_targets = strtoul(argv[i] + strlen(kMax), nullptr, 10);
    } else {
      argv[kept++] = argv[i];
    }
  }
  argc = kept;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  dmdax::bench::RegisterLoad(max_targets);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
