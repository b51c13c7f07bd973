// SPDX-License-Identifier: Apache-2.0
//
// Contenders: dmdax and the kernel's algorithm, asked the same questions in
// the same loops.
//
//   RegisterContenders("targets:64", *stack);   // throughput and latency
//   RegisterBatch("targets:64", *stack);        // TranslateBatch() and limits
//
// A stack whose contenders do not agree ends the program.
#ifndef DMDAX_BENCH_CONTENDERS_H_
#define DMDAX_BENCH_CONTENDERS_H_

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "bench/stacks.h"
#include "bench/whole.h"

namespace dmdax::bench {

// `page` in, Whole() out.
struct Product {
  DaxDevice* dev;
  uint64_t operator()(uint64_t page) const {
    const DaxAccess access = DaxDirectAccess(dev, pgoff_t{page}, kAskedPages,
                                             DaxAccessMode::kAccess, nullptr);
    return Whole(access.pfn.value(), access.ret, access.kaddr);
  }
};

struct Baseline {
  BaselineDax* dev;
  uint64_t operator()(uint64_t page) const {
    void* kaddr = nullptr;
    uint64_t pfn = 0;
    const long pages =
        BaselineDirectAccess(dev, page, kAskedPages, &kaddr, &pfn);
    return Whole(pfn, pages, kaddr);
  }
};

// Independent questions.  The untimed pass is because the contender before
// has filled the caches with its own tables.
template <typename Contender>
void Throughput(benchmark::State& state, const Contender& asked,
                absl::Span<const uint64_t> queries) {
  const Contender ask = asked;
  uint64_t sum = 0;
  for (uint64_t page : queries) sum += ask(page);
  const auto n = static_cast<int64_t>(queries.size());
  while (state.KeepRunningBatch(n)) {
    for (uint64_t page : queries) sum += ask(page);
  }
  benchmark::DoNotOptimize(sum);
}

// Every question waits for the answer before it.
template <typename Contender>
void Latency(benchmark::State& state, const Contender& asked,
             absl::Span<const uint64_t> queries) {
  const Contender ask = asked;
  uint64_t answer = 0;
  for (uint64_t page : queries) answer += ask(page);
  const auto n = static_cast<int64_t>(queries.size());
  // Bit 62 of an answer is never set, but only we know: the next page is the
  // one that was to come, and can not be known before the answer.
  answer = 0;
  while (state.KeepRunningBatch(n)) {
    for (uint64_t page : queries) answer = ask(page + (answer >> 62 & 1));
  }
  benchmark::DoNotOptimize(answer);
}

template <typename Contender>
void RegisterQueries(const std::string& stack, const std::string& who,
                     const Contender& ask, absl::Span<const uint64_t> queries) {
  benchmark::RegisterBenchmark(
      (stack + "/throughput/" + who).c_str(),
      [=](benchmark::State& s) { Throughput(s, ask, queries); });
  benchmark::RegisterBenchmark(
      (stack + "/latency/" + who).c_str(),
      [=](benchmark::State& s) { Latency(s, ask, queries); });
}

// dmdax, K (kernel_srcu) and Kn (kernel) on the stack, which must live on.
void RegisterContenders(const std::string& name, Stack& stack);

// TranslateBatch() of the stack's queries, and its limits: memcpy of the same
// bytes, and random cache lines of a memory as large as the index.
void RegisterBatch(const std::string& name, Stack& stack);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_CONTENDERS_H_
