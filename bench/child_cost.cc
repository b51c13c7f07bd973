// SPDX-License-Identifier: Apache-2.0
#include "bench/child_cost.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace dmdax::bench {

Cost CostInChild(absl::FunctionRef<void()> work) {
  fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  rusage used{};
  if (pid < 0 || wait4(pid, &status, 0, &used) != pid || status != 0) {
    fprintf(stderr, "a measured process has failed (status %d)\n", status);
    exit(1);
  }
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) +
           1e-6 * static_cast<double>(t.tv_usec);
  };
  return {seconds(used.ru_utime) + seconds(used.ru_stime),
          static_cast<uint64_t>(used.ru_maxrss) * 1024};
}

Cost LeastCost(int runs, absl::FunctionRef<void()> work) {
  Cost least = CostInChild(work);
  for (int run = 1; run < runs; ++run) {
    const Cost cost = CostInChild(work);
    least.cpu_seconds = std::min(least.cpu_seconds, cost.cpu_seconds);
    least.peak_bytes = std::min(least.peak_bytes, cost.peak_bytes);
  }
  return least;
}

}  // namespace dmdax::bench
