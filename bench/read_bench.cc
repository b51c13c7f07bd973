// SPDX-License-Identifier: Apache-2.0
//
// Read sections next to what a section must cost at least (a plain load) and
// to what others cost; and answers that are errors next to a hit.
#include <atomic>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/srcu.h"
#include "bench/contenders.h"
#include "bench/families.h"
#include "bench/floor_loop.h"

namespace dmdax::bench {
namespace {

// What readers follow.
struct Table {
  uint64_t field[3] = {1, 2, 3};
};
Table table;
std::atomic<const Table*> live{&table};
Srcu srcu;
std::shared_mutex table_mutex;

uint64_t Use() {
  const Table* t = live.load(std::memory_order_acquire);
  return t->field[0] + t->field[1] + t->field[2];
}

constexpr int64_t kLoops = 1000;

template <typename Section>
void Sections(benchmark::State& state) {
  uint64_t sum = 0;
  while (state.KeepRunningBatch(kLoops)) {
    for (int64_t i = 0; i < kLoops; ++i) {
      Section section;
      uint64_t used = Use();
      benchmark::DoNotOptimize(used);
      sum += used;
    }
  }
  benchmark::DoNotOptimize(sum);
}

struct NoSection {
  NoSection() {}
};
struct Lock : SrcuReadLock {
  Lock() : SrcuReadLock(srcu) {}
};
struct Fast : SrcuFastReadLock {
  Fast() : SrcuFastReadLock(srcu) {}
};
// The kernel's: a counter of its own and a full barrier, twice.
struct Counted {
  Counted() { Count(); }
  ~Counted() { Count(); }
  static void Count() {
    static thread_local std::atomic<uint64_t> count;
    count.store(count.load(std::memory_order_relaxed) + 1,
                std::memory_order_relaxed);
#ifndef __SANITIZE_THREAD__
    std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  }
};
struct Shared : std::shared_lock<std::shared_mutex> {
  Shared() : std::shared_lock<std::shared_mutex>(table_mutex) {}
};

template <typename Section>
void RegisterSection(int threads, const char* who) {
  benchmark::RegisterBenchmark(
      absl::StrCat("read:", threads, "/section/", who).c_str(),
      Sections<Section>)
      ->Threads(threads);
}

}  // namespace

void RegisterReadSide(const Options& options) {
  for (int threads : {1, 2}) {
    RegisterSection<NoSection>(threads, "load");
    RegisterSection<Fast>(threads, "dmdax");
    RegisterSection<FloorSection>(threads, "floor");
    RegisterSection<FloorNestedSection>(threads, "floor_nested");
    RegisterSection<Lock>(threads, "dmdax_nested");
    RegisterSection<Counted>(threads, "srcu");
    RegisterSection<Shared>(threads, "shared_mutex");
  }
  // One table, asked within it and beyond its end.
  static auto* stack =
      new std::unique_ptr<Stack>(Stack::Wide(64, options.queries));
  static auto* beyond = new std::vector<uint64_t>;
  for (uint64_t page : (*stack)->queries()) {
    beyond->push_back((*stack)->mapped().disk().nr_sectors() / kPageSectors +
                      page);
  }
  const Product ask{&(*stack)->product()};
  RegisterQueries("error:64", "hit", ask, (*stack)->queries());
  RegisterQueries("error:64", "beyond", ask, *beyond);
}

}  // namespace dmdax::bench
