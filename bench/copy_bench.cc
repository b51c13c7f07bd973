// SPDX-License-Identifier: Apache-2.0
//
// Batches over maps so small that translating is arithmetic: the limit is a
// copy of the same bytes, in the second-level cache, around the third, and
// in memory.
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/contenders.h"
#include "bench/families.h"

namespace dmdax::bench {
namespace {

constexpr size_t kPages[] = {size_t{1} << 16, size_t{1} << 20, size_t{1} << 24};

// Buffers that all contenders of a size share, so that none has better ones.
struct Buffers {
  std::vector<pgoff_t> pages;
  std::vector<uint64_t> pfns;
};

void Translate(benchmark::State& state, Stack* stack, Buffers* buffers,
               size_t n) {
  const absl::Span<const uint64_t> queries = stack->queries();
  for (size_t i = 0; i < n; ++i) {
    buffers->pages[i] = pgoff_t(queries[i % queries.size()]);
  }
  const auto pages = absl::MakeConstSpan(buffers->pages).first(n);
  const auto pfns = absl::MakeSpan(buffers->pfns).first(n);
  stack->mapped().TranslateBatch(pages, pfns);
  while (state.KeepRunningBatch(static_cast<int64_t>(n))) {
    stack->mapped().TranslateBatch(pages, pfns);
    benchmark::ClobberMemory();
  }
}

void Copy(benchmark::State& state, Buffers* buffers, size_t n) {
  static_assert(sizeof(pgoff_t) == sizeof(uint64_t));
  while (state.KeepRunningBatch(static_cast<int64_t>(n))) {
    memcpy(buffers->pfns.data(), buffers->pages.data(), n * sizeof(uint64_t));
    benchmark::ClobberMemory();
  }
}

}  // namespace

void RegisterCopies(const Options& options) {
  auto* buffers = new Buffers;
  static auto* stacks = new std::vector<std::unique_ptr<Stack>>;
  const auto add = [&](size_t n, const char* who, Stack* stack) {
    benchmark::RegisterBenchmark(
        absl::StrCat("copy:", n, "/batch/", who).c_str(),
        [=](benchmark::State& s) { Translate(s, stack, buffers, n); });
  };
  stacks->push_back(Stack::Wide(1, options.queries));
  stacks->push_back(Stack::Wide(8, options.queries));
  stacks->push_back(Stack::Striped(1, 24, 3, options.queries));
  for (size_t n : kPages) {
    if (n > options.queries * 128) continue;
    buffers->pages.resize(n);
    buffers->pfns.resize(n);
    add(n, "one", (*stacks)[0].get());
    add(n, "eight", (*stacks)[1].get());
    add(n, "striped", (*stacks)[2].get());
    benchmark::RegisterBenchmark(
        absl::StrCat("copy:", n, "/batch/memcpy").c_str(),
        [=](benchmark::State& s) { Copy(s, buffers, n); });
  }
}

}  // namespace dmdax::bench
