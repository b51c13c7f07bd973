// SPDX-License-Identifier: Apache-2.0
//
// CostInChild: what a piece of work costs a process of its own.
//
//   const Cost cost = CostInChild([] { Load(world); });
//   cost.cpu_seconds;  // user and system
//
// A child begins with the same memory each time, so that no run profits from
// what the one before has left to malloc().  Memory that the parent has filled
// counts in `peak_bytes` too; compare runs with one that does nothing.
// Threading: single-threaded programs only, because it forks.
#ifndef DMDAX_BENCH_CHILD_COST_H_
#define DMDAX_BENCH_CHILD_COST_H_

#include <cstdint>

#include "absl/functional/function_ref.h"

namespace dmdax::bench {

struct Cost {
  double cpu_seconds = 0;
  uint64_t peak_bytes = 0;
};

// The work must not fail: it ends the program with abort() if it does.
Cost CostInChild(absl::FunctionRef<void()> work);

// The least of `runs`, in time and in memory: what else the machine does only
// adds.
Cost LeastCost(int runs, absl::FunctionRef<void()> work);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_CHILD_COST_H_
