// SPDX-License-Identifier: Apache-2.0
//
// What it costs to go through a whole device, next to the kernel's way: asking
// direct_access() again behind every run.
//
// Names read <stack>/<measure>/<contender>; times are an extent's, those of
// `pfns` a page's:
//   sweep:1024       one table of that many linear rows
//   sweep_tall:16    that many tables of 1024 rows in random order
//   extents        into an array of 16-byte extents
//   pfns           into an array with the frame of every page
//   dmdax          MappedDevice::Extents()
//   for_each       MappedDevice::ForEachExtent() with an inlined sum
//   kernel_srcu    the baseline in a loop, with its read side
//   kernel         the baseline without
//   memcpy         the limit: the result, copied
//   memset         the limit of pfns
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/families.h"
#include "bench/stacks.h"

namespace dmdax::bench {
namespace {

// A stack and room for everything it can answer.
struct Sweep {
  std::unique_ptr<Stack> stack;
  uint64_t pages = 0;
  std::vector<DaxExtent> extents;  // the judge's
  std::vector<DaxExtent> result;   // what is written
  std::vector<uint64_t> pfns;      // of every page
};

size_t KernelExtents(Sweep& sweep, ReadSide read_side) {
  BaselineDax* dev = sweep.stack->kernel(read_side);
  size_t n = 0;
  for (uint64_t page = 0; page < sweep.pages;) {
    uint64_t pfn = 0;
    const long pages = BaselineDirectAccess(
        dev, page, static_cast<long>(sweep.pages - page), nullptr, &pfn);
    sweep.result[n++] = {static_cast<int64_t>(pfn),
                         static_cast<uint64_t>(pages)};
    page += static_cast<uint64_t>(pages);
  }
  return n;
}

size_t OurExtents(Sweep& sweep) {
  uint64_t page = 0;
  return sweep.stack->mapped().Extents(&page, sweep.pages,
                                       absl::MakeSpan(sweep.result));
}

void KernelPfns(Sweep& sweep, ReadSide read_side) {
  BaselineDax* dev = sweep.stack->kernel(read_side);
  for (uint64_t page = 0; page < sweep.pages; ++page) {
    BaselineDirectAccess(dev, page, 1, nullptr, &sweep.pfns[page]);
  }
}

void OurPfns(Sweep& sweep) {
  uint64_t* to = sweep.pfns.data();
  sweep.stack->mapped().ForEachExtent(
      pgoff_t{0}, sweep.pages, [&](pgoff_t, const DaxExtent& extent) {
        const auto pfn = static_cast<uint64_t>(extent.pfn);
        for (uint64_t i = 0; i < extent.pages; ++i) to[i] = pfn + i;
        to += extent.pages;
        return true;
      });
}

// All ways to fill the arrays must fill them alike.
void Check(const std::string& name, Sweep& sweep) {
  const auto must = [&](bool same, const char* who) {
    if (same) return;
    fprintf(stderr, "bench: %s: %s disagrees\n", name.c_str(), who);
    exit(1);
  };
  sweep.extents.resize(sweep.pages);
  uint64_t page = 0;
  size_t n = 0;
  while (page < sweep.pages) {
    Trace trace;
    const DaxAccess chain =
        DaxDirectAccess(&sweep.stack->product(), pgoff_t(page),
                        static_cast<int64_t>(sweep.pages - page),
                        DaxAccessMode::kAccess, &trace);
    sweep.extents[n] = DaxExtent::Of({chain.ret, chain.pfn.value()});
    page += sweep.extents[n++].pages;
  }
  sweep.extents.resize(n);
  const auto same = [&](size_t count) {
    return count == n && std::equal(sweep.extents.begin(), sweep.extents.end(),
                                    sweep.result.begin());
  };
  sweep.result.resize(n);
  must(same(OurExtents(sweep)), "dmdax");
  must(same(KernelExtents(sweep, ReadSide::kSrcu)), "kernel_srcu");
  must(same(KernelExtents(sweep, ReadSide::kNone)), "kernel");
  sweep.pfns.resize(sweep.pages);
  KernelPfns(sweep, ReadSide::kNone);
  const std::vector<uint64_t> pfns = sweep.pfns;
  OurPfns(sweep);
  must(pfns == sweep.pfns, "pfns");
}

// One benchmark; `run` goes through everything once, which is `n` items.
template <typename Run>
void Register(const std::string& name, size_t n, const Run& run) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    run();
    while (state.KeepRunningBatch(static_cast<int64_t>(n))) {
      run();
      benchmark::ClobberMemory();
    }
  });
}

void RegisterStack(const std::string& name, std::unique_ptr<Stack> stack) {
  // Lives as long as the program: the benchmarks run later.
  auto* sweep = new Sweep{.stack = std::move(stack)};
  sweep->pages = sweep->stack->mapped().disk().nr_sectors() / kPageSectors;
  Check(name, *sweep);
  const size_t n = sweep->extents.size();
  const std::string extents = absl::StrCat(name, "/extents/");
  Register(extents + "dmdax", n, [=] { OurExtents(*sweep); });
  Register(extents + "for_each", n, [=] {
    uint64_t sum = 0;
    sweep->stack->mapped().ForEachExtent(
        pgoff_t{0}, sweep->pages, [&](pgoff_t page, const DaxExtent& extent) {
          sum += page.value() ^ static_cast<uint64_t>(extent.pfn);
          return true;
        });
    benchmark::DoNotOptimize(sum);
  });
  Register(extents + "kernel_srcu", n,
           [=] { KernelExtents(*sweep, ReadSide::kSrcu); });
  Register(extents + "kernel", n,
           [=] { KernelExtents(*sweep, ReadSide::kNone); });
  Register(extents + "memcpy", n, [=] {
    memcpy(sweep->result.data(), sweep->extents.data(), n * sizeof(DaxExtent));
  });
  const std::string pfns = absl::StrCat(name, "/pfns/");
  Register(pfns + "dmdax", sweep->pages, [=] { OurPfns(*sweep); });
  Register(pfns + "kernel", sweep->pages,
           [=] { KernelPfns(*sweep, ReadSide::kNone); });
  Register(pfns + "memset", sweep->pages, [=] {
    memset(sweep->pfns.data(), 1, sweep->pages * sizeof(uint64_t));
  });
}

}  // namespace

void RegisterSweep(const Options& options) {
  const size_t max_targets = options.max_targets;
  for (size_t targets : {1024, 32768, 1048576}) {
    if (targets > max_targets) continue;
    RegisterStack(absl::StrCat("sweep:", targets), Stack::Wide(targets, 1024));
  }
  for (int depth : {4, 16}) {
    RegisterStack(absl::StrCat("sweep_tall:", depth),
                  Stack::Tall(depth, 1024, 1024));
  }
  RegisterClassify(options);
  RegisterSlots(options);
}

}  // namespace dmdax::bench
