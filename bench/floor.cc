// SPDX-License-Identifier: Apache-2.0
#include "bench/floor.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "base/simd.h"
#include "bench/contenders.h"
#include "bench/floor_loop.h"
#include "dax/dax_fast_path.h"
#include "dm/mapped_device.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace dmdax::bench {

namespace {

// More extents than this behind a slot, and a search takes too long.
constexpr size_t kCrowd = 16;
constexpr size_t kAhead = 32;  // pages whose index is fetched ahead

// Runs and their slots, as many of them as an ExtentTable has.
template <typename Slot>
struct Index {
  std::vector<FloorRun> runs;  // and one that begins at the end, and padding
  std::vector<Slot> slots;
  uint32_t shift = 0;
};

inline const FloorRun* RunOf(const FloorRun* run, uint64_t page) {
  while (run[1].start <= page) ++run;
  return run;
}

template <typename Slot>
void PlainBatch(const Index<Slot>& index, absl::Span<const uint64_t> pages,
                uint64_t* pfns) {
  const FloorRun* const runs = index.runs.data();
  const Slot* const slots = index.slots.data();
  const uint32_t shift = index.shift;
  const size_t n = pages.size();
  if constexpr (sizeof(Slot) == sizeof(uint16_t)) {
    for (size_t i = 0; i < n; ++i) {
      const FloorRun* const run =
          RunOf(runs + slots[pages[i] >> shift], pages[i]);
      pfns[i] = run->value + (pages[i] - run->start);
    }
    return;
  }
  const FloorRun* begin[kAhead];
  for (size_t first = 0; first < n; first += kAhead) {
    const size_t next = std::min(first + kAhead, n);
    for (size_t i = next; i < std::min(next + kAhead, n); ++i) {
      __builtin_prefetch(&slots[pages[i] >> shift]);
    }
    for (size_t i = first; i < next; ++i) {
      begin[i - first] = runs + slots[pages[i] >> shift];
      __builtin_prefetch(begin[i - first] + 1);
    }
    for (size_t i = first; i < next; ++i) {
      const FloorRun* const run = RunOf(begin[i - first], pages[i]);
      pfns[i] = run->value + (pages[i] - run->start);
    }
  }
}

#ifdef __x86_64__
// Eight starts at a time; see dm/map/run_search.cc.
template <typename Slot>
[[gnu::target("avx512f,avx512vl,popcnt")]] void Batch512(
    const Index<Slot>& index, absl::Span<const uint64_t> pages,
    uint64_t* pfns) {
  const FloorRun* const runs = index.runs.data();
  const Slot* const slots = index.slots.data();
  const uint32_t shift = index.shift;
  const size_t n = pages.size();
  for (size_t first = 0; first < n; first += kAhead) {
    const size_t next = std::min(first + kAhead, n);
    if constexpr (sizeof(Slot) > sizeof(uint16_t)) {
      for (size_t i = next; i < std::min(next + kAhead, n); ++i) {
        __builtin_prefetch(&slots[pages[i] >> shift]);
      }
      for (size_t i = first; i < next; ++i) {
        __builtin_prefetch(runs + slots[pages[i] >> shift] + 1);
      }
    }
    for (size_t i = first; i < next; ++i) {
      const uint64_t page = pages[i];
      const FloorRun* run = runs + slots[page >> shift];
      const __m512i wanted = _mm512_set1_epi32(static_cast<int>(page));
      for (;;) {
        const int passed = __builtin_popcount(_mm512_mask_cmple_epu32_mask(
            0x5555, _mm512_loadu_si512(run + 1), wanted));
        run += passed;
        if (passed < 8) [[likely]]
          break;
      }
      pfns[i] = run->value + (page - run->start);
    }
  }
}
#endif

[[noreturn]] void Disagree(const std::string& name) {
  fprintf(stderr, "translate_bench: %s: the floor disagrees\n", name.c_str());
  exit(1);
}

template <typename Ask>
void RegisterChecked(const std::string& name, const char* who, Stack& stack,
                     const Ask& ask) {
  const Product product{&stack.product()};
  for (uint64_t page : stack.queries()) {
    if (ask(page) != product(page)) Disagree(name);
  }
  RegisterQueries(name, who, ask, stack.queries());
}

template <typename Slot>
void RegisterBatchFloor(const std::string& name, const char* who, Stack& stack,
                        const Index<Slot>* index,
                        void (*batch)(const Index<Slot>&,
                                      absl::Span<const uint64_t>, uint64_t*)) {
  Stack* const s = &stack;
  std::vector<uint64_t> pfns(s->queries().size());
  batch(*index, s->queries(), pfns.data());
  for (size_t i = 0; i < pfns.size(); ++i) {
    const DaxAccess access =
        DaxDirectAccess(&s->product(), pgoff_t(s->queries()[i]), 1,
                        DaxAccessMode::kAccess, nullptr);
    if (access.pfn.value() != pfns[i]) Disagree(name);
  }
  benchmark::RegisterBenchmark(
      (name + "/batch/" + who).c_str(), [=](benchmark::State& state) {
        std::vector<uint64_t> out(s->queries().size());
        const auto n = static_cast<int64_t>(out.size());
        batch(*index, s->queries(), out.data());
        while (state.KeepRunningBatch(n)) {
          batch(*index, s->queries(), out.data());
          benchmark::ClobberMemory();
        }
      });
}

// All runs of the device; none if something else is in it.
std::vector<FloorRun> RunsOf(Stack& stack, uint64_t pages) {
  std::vector<FloorRun> runs;
  std::vector<DaxExtent> some(4096);
  for (uint64_t page = 0; page < pages;) {
    uint64_t start = page;
    const size_t n = stack.mapped().Extents(&page, pages, absl::MakeSpan(some));
    for (size_t i = 0; i < n; ++i) {
      if (some[i].pfn < 0 || start + some[i].pages > pages ||
          static_cast<uint64_t>(some[i].pfn) + some[i].pages >
              DaxRuns::kSpecial) {
        return {};
      }
      runs.push_back(
          {static_cast<uint32_t>(start), static_cast<uint32_t>(some[i].pfn)});
      start += some[i].pages;
    }
  }
  return runs;
}

template <typename Slot>
void RegisterRuns(const std::string& name, Stack& stack,
                  std::vector<FloorRun> runs, uint64_t pages,
                  uint64_t most_slots) {
  const auto index = std::make_shared<Index<Slot>>();
  index->runs = std::move(runs);
  const size_t n = index->runs.size();
  index->runs.resize(n + 9, {~uint32_t{0}, 0});
  index->runs[n].start = static_cast<uint32_t>(pages);
  while (((pages - 1) >> index->shift) + 1 > most_slots) ++index->shift;
  size_t run = 0, crowd = 0;
  for (uint64_t page = 0; page < pages; page += uint64_t{1} << index->shift) {
    const size_t before = run;
    while (index->runs[run + 1].start <= page) ++run;
    crowd = std::max(crowd, run - before);
    index->slots.push_back(static_cast<Slot>(run));
  }
  if (crowd > kCrowd) return;
  // Registered benchmarks use them to the program's end.
  static auto* kept = new std::vector<std::shared_ptr<const void>>;
  const auto live =
      std::make_shared<std::atomic<const FloorRun*>>(index->runs.data());
  const auto leaf = std::make_shared<DaxLeaf>();
  const auto whole = std::make_shared<FloorIndex<Slot>>(
      FloorIndex<Slot>{pages, index->slots.data(), index->runs.data(),
                       index->shift, leaf.get()});
  const auto live_whole =
      std::make_shared<std::atomic<const FloorIndex<Slot>*>>(whole.get());
  kept->insert(kept->end(), {index, live, leaf, whole, live_whole});
  RegisterChecked(name, "floor", stack,
                  FloorOfRuns<Slot>{live.get(), index->slots.data(),
                                    index->shift, leaf.get()});
  RegisterChecked(name, "floor_whole", stack,
                  FloorWholeOfRuns<Slot>{live_whole.get()});
  RegisterBatchFloor(name, "floor", stack, index.get(), PlainBatch<Slot>);
#ifdef __x86_64__
  if (BestSimd() >= SimdLevel::kAvx512) {
    RegisterBatchFloor(name, "floor512", stack, index.get(), Batch512<Slot>);
  }
#endif
}

}  // namespace

void RegisterFloor(const std::string& name, Stack& stack) {
  const uint64_t pages = stack.mapped().disk().nr_sectors() / kPageSectors;
  if (pages > std::numeric_limits<uint32_t>::max()) return;
  std::vector<FloorRun> runs = RunsOf(stack, pages);
  const uint64_t n = runs.size();
  if (n < 2) return;
  // See ExtentTable::MakeFine() and MakeDirectory().
  if (n <= size_t{1} << 16) {
    const uint64_t slots =
        std::max(n * 5 / 2, std::min<uint64_t>(8192, n * 16));
    RegisterRuns<uint16_t>(name, stack, std::move(runs), pages, slots + 1);
  } else {
    RegisterRuns<uint32_t>(name, stack, std::move(runs), pages, n + n / 4 + 1);
  }
}

void RegisterStripeFloor(const std::string& name, Stack& stack, uint64_t chunk,
                         size_t legs) {
  static auto* kept = new std::vector<std::shared_ptr<const void>>;
  const auto shape = std::make_shared<FloorStripeShape>();
  shape->pages = stack.mapped().disk().nr_sectors() / kPageSectors;
  shape->chunk = chunk;
  shape->period = chunk * legs;
  shape->rows = ~uint64_t{0} / shape->period + 1;
  shape->chunks = ~uint64_t{0} / chunk + 1;
  shape->chunk_log2 = std::countr_zero(chunk);
  shape->period_log2 = std::countr_zero(shape->period);
  for (size_t i = 0; i < legs; ++i) {
    shape->base.push_back(DaxDirectAccess(&stack.product(), pgoff_t(i * chunk),
                                          1, DaxAccessMode::kAccess, nullptr)
                              .pfn.value());
  }
  const auto live =
      std::make_shared<std::atomic<const FloorStripeShape*>>(shape.get());
  const auto leaf = std::make_shared<DaxLeaf>();
  kept->insert(kept->end(), {shape, live, leaf});
  const auto add = [&]<bool kShifts>(std::bool_constant<kShifts>) {
    RegisterChecked(name, "floor", stack,
                    FloorOfStripe<kShifts>{live.get(), leaf.get()});
    RegisterChecked(name, "floor_whole", stack,
                    FloorOfStripe<kShifts, true>{live.get(), leaf.get()});
  };
  if (std::has_single_bit(chunk) && std::has_single_bit(legs)) {
    add(std::true_type());
  } else {
    add(std::false_type());
  }
}

}  // namespace dmdax::bench
