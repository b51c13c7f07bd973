// SPDX-License-Identifier: Apache-2.0
#include "bench/contenders.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace dmdax::bench {
namespace {

// TranslateBatch() of all queries at once; times are a page's.
void BatchOf(benchmark::State& state, Stack* stack) {
  std::vector<pgoff_t> pages;
  for (uint64_t page : stack->queries()) pages.push_back(pgoff_t(page));
  std::vector<uint64_t> pfns(pages.size());
  const auto n = static_cast<int64_t>(pages.size());
  stack->mapped().TranslateBatch(pages, absl::MakeSpan(pfns));
  while (state.KeepRunningBatch(n)) {
    stack->mapped().TranslateBatch(pages, absl::MakeSpan(pfns));
    benchmark::ClobberMemory();
  }
}

void CopyOf(benchmark::State& state, Stack* stack) {
  const std::vector<uint64_t> pages(stack->queries().begin(),
                                    stack->queries().end());
  std::vector<uint64_t> pfns(pages.size());
  const auto n = static_cast<int64_t>(pages.size());
  while (state.KeepRunningBatch(n)) {
    memcpy(pfns.data(), pages.data(), pages.size() * sizeof(uint64_t));
    benchmark::ClobberMemory();
  }
}

void LinesOf(benchmark::State& state, Stack* stack) {
  constexpr size_t kLine = 8;
  const size_t bytes = stack->mapped().compiled()->MemoryBytes();
  const size_t lines = std::max<size_t>(1, bytes / 64);
  std::vector<uint64_t> memory(lines * kLine, 1);
  const auto n = static_cast<int64_t>(stack->queries().size());
  uint64_t sum = 0;
  while (state.KeepRunningBatch(n)) {
    for (uint64_t page : stack->queries()) {
      const uint64_t mixed = page * 0x9e3779b97f4a7c15;
      sum += memory[((mixed >> 32) * lines >> 32) * kLine];
    }
  }
  benchmark::DoNotOptimize(sum);
}

}  // namespace

void RegisterContenders(const std::string& name, Stack& stack) {
  if (absl::Status s = stack.Check(); !s.ok()) {
    fprintf(stderr, "translate_bench: %s: contenders disagree: %s\n",
            name.c_str(), std::string(s.message()).c_str());
    exit(1);
  }
  RegisterQueries(name, "dmdax", Product{&stack.product()}, stack.queries());
  RegisterQueries(name, "kernel_srcu", Baseline{stack.kernel(ReadSide::kSrcu)},
                  stack.queries());
  RegisterQueries(name, "kernel", Baseline{stack.kernel(ReadSide::kNone)},
                  stack.queries());
}

void RegisterBatch(const std::string& name, Stack& stack) {
  const auto add = [&](const char* who,
                       void (*run)(benchmark::State&, Stack*)) {
    Stack* s = &stack;
    benchmark::RegisterBenchmark(
        (name + "/batch/" + who).c_str(),
        [=](benchmark::State& state) { run(state, s); });
  };
  add("dmdax", BatchOf);
  add("memcpy", CopyOf);
  add("line", LinesOf);
}

}  // namespace dmdax::bench
