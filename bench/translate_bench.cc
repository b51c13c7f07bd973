// SPDX-License-Identifier: Apache-2.0
//
// translate_bench: what one translation costs, next to the kernel's algorithm.
//
//   translate_bench [--max_targets=N] [--queries=N] [--benchmark_...]
//
//   --max_targets  largest table of the "targets" family (default 1048576)
//   --queries      distinct random pages asked (a power of two, 131072)
//
// Names read <stack>/<measure>/<contender>:
//   targets:1024  one table of that many linear rows
//   depth:16      that many tables of one row on top of each other
//   throughput    independent queries
//   latency       each query waits for the answer before it
//   batch         TranslateBatch(), and the limits memcpy (the same bytes)
//                 and line (random cache lines of an index-sized memory)
//   dmdax         DaxDirectAccess() on the mapped device
//   kernel_srcu   the baseline with its read side
//   kernel        the baseline without
// Mirrors the method of bench/README.md: run it through bench/run.sh.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "bench/stacks.h"

namespace dmdax::bench {
namespace {

struct Options {
  size_t max_targets = 1 << 20;
  size_t queries = 1 << 17;
};

// What a contender answers: something that depends on the whole translation.
// `page` in, first page frame out.
struct Product {
  DaxDevice* dev;
  uint64_t operator()(uint64_t page) const {
    const DaxAccess access = DaxDirectAccess(dev, pgoff_t{page}, kAskedPages,
                                             DaxAccessMode::kAccess, nullptr);
    return access.pfn.value() + static_cast<uint64_t>(access.ret);
  }
};

struct Baseline {
  BaselineDax* dev;
  uint64_t operator()(uint64_t page) const {
    void* kaddr;
    uint64_t pfn = 0;
    const long pages =
        BaselineDirectAccess(dev, page, kAskedPages, &kaddr, &pfn);
    return pfn + static_cast<uint64_t>(pages);
  }
};

// The contender before this one has filled the caches with its own tables.
template <typename Contender>
void Warm(const Contender& ask, absl::Span<const uint64_t> queries) {
  for (uint64_t page : queries) benchmark::DoNotOptimize(ask(page));
}

template <typename Contender>
void Throughput(benchmark::State& state, const Contender& ask,
                absl::Span<const uint64_t> queries) {
  Warm(ask, queries);
  const size_t mask = queries.size() - 1;
  size_t i = 0;
  uint64_t sum = 0;
  for (auto _ : state) sum += ask(queries[i++ & mask]);
  benchmark::DoNotOptimize(sum);
}

template <typename Contender>
void Latency(benchmark::State& state, const Contender& ask,
             absl::Span<const uint64_t> queries) {
  Warm(ask, queries);
  const size_t mask = queries.size() - 1;
  size_t i = 0;
  uint64_t answer = 0;
  // Bit 63 of an answer is never set, but only we know: the next page is the
  // one that was to come, and can not be known before the answer.
  for (auto _ : state) answer = ask(queries[i++ & mask] + (answer >> 63));
  benchmark::DoNotOptimize(answer);
}

// TranslateBatch() of all queries at once; times are a page's.
void BatchOf(benchmark::State& state, Stack* stack) {
  std::vector<pgoff_t> pages;
  for (uint64_t page : stack->queries()) pages.push_back(pgoff_t(page));
  std::vector<uint64_t> pfns(pages.size());
  const auto n = static_cast<int64_t>(pages.size());
  while (state.KeepRunningBatch(n)) {
    stack->mapped().TranslateBatch(pages, absl::MakeSpan(pfns));
    benchmark::ClobberMemory();
  }
}

// The limit of a batch that only computes: the same bytes, copied.
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

// The limit of one that searches: independent random cache lines of memory as
// large as the index.
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

template <typename Contender>
void Register(const std::string& stack, absl::string_view who,
              const Contender& ask, absl::Span<const uint64_t> queries) {
  benchmark::RegisterBenchmark(
      absl::StrCat(stack, "/throughput/", who).c_str(),
      [=](benchmark::State& s) { Throughput(s, ask, queries); });
  benchmark::RegisterBenchmark(
      absl::StrCat(stack, "/latency/", who).c_str(),
      [=](benchmark::State& s) { Latency(s, ask, queries); });
}

// Registers the three contenders on a stack whose answers agree.
void RegisterStack(const std::string& name, Stack& stack) {
  if (absl::Status s = stack.Check(); !s.ok()) {
    fprintf(stderr, "translate_bench: %s: contenders disagree: %s\n",
            name.c_str(), std::string(s.message()).c_str());
    exit(1);
  }
  Register(name, "dmdax", Product{&stack.product()}, stack.queries());
  Register(name, "kernel_srcu", Baseline{stack.kernel(ReadSide::kSrcu)},
           stack.queries());
  Register(name, "kernel", Baseline{stack.kernel(ReadSide::kNone)},
           stack.queries());
  const auto limit = [&](const char* who,
                         void (*run)(benchmark::State&, Stack*)) {
    Stack* s = &stack;
    benchmark::RegisterBenchmark(absl::StrCat(name, "/batch/", who).c_str(),
                                 [=](benchmark::State& st) { run(st, s); });
  };
  limit("dmdax", BatchOf);
  limit("memcpy", CopyOf);
  limit("line", LinesOf);
}

// Takes our flags out of argv; Google Benchmark looks at the rest.
Options TakeOptions(int* argc, char** argv) {
  Options options;
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    absl::string_view arg = argv[i];
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
  const Options options = TakeOptions(&argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  std::vector<std::unique_ptr<Stack>> stacks;
  for (size_t targets : {1, 8, 64, 1024, 32768, 1048576}) {
    if (targets > options.max_targets) continue;
    stacks.push_back(Stack::Wide(targets, options.queries));
    RegisterStack(absl::StrCat("targets:", targets), *stacks.back());
  }
  for (int depth : {1, 2, 4, 8, 16}) {
    stacks.push_back(Stack::Deep(depth, options.queries));
    RegisterStack(absl::StrCat("depth:", depth), *stacks.back());
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace dmdax::bench

int main(int argc, char** argv) { return dmdax::bench::Main(argc, argv); }
