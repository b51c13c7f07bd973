// SPDX-License-Identifier: Apache-2.0
//
// What it costs to sweep what is in pieces, next to a real fault in each slot.
//
// Names read <world>/<slots>/<contender>; times are a slot's:
//   slots_rows:N       a file over a table of N linear rows in random order
//   slots_extents:N    a file of N extents in random order, over one row
//   petabyte:row       a file over one row of a petabyte
//   petabyte:striped   over a stripe of 1024 legs, 2 MiB a chunk
//   2m, 1g             slots of 2 MiB, of 1 GiB
//   dmdax              SweepDax(): entries, reasons and levels
//   probe              SweepProbe: a fault in a new address space
//   memcpy             the limit: what is answered, copied
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"
#include "bench/families.h"
#include "dm/dm_ioctl.h"
#include "process/sweep/dax_sweep.h"
#include "process/sweep/sweep_probe.h"

namespace dmdax::bench {
namespace {

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kPetabyte = uint64_t{1} << 50;
constexpr size_t kProbes = 512;  // slots of a sweep that are also probed

// A benchmark on a world that could not be built says nothing; stop.
template <typename T>
T Must(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  fprintf(stderr, "bench: %s\n", value.status().ToString().c_str());
  exit(1);
}

// A mapped device, and a file on it that is to be swept.
class SlotsWorld {
 public:
  // Pieces of 1 to 1024 pages, log-uniform, in random order.
  static std::unique_ptr<SlotsWorld> Rows(size_t n) {
    std::unique_ptr<SlotsWorld> world(new SlotsWorld);
    const Pieces pieces(n);
    world->AddPmem("pmem0", (pieces.pages * kPageSize / kMiB + 2) * kMiB);
    std::vector<DmTargetSpec> rows;
    uint64_t page = 0;
    for (size_t i = 0; i < n; ++i) {
      rows.push_back(
          {sector_t{page * kPageSectors}, pieces.length[i] * kPageSectors,
           "linear", absl::StrCat("/dev/pmem0 ", pieces.at[i] * kPageSectors)});
      page += pieces.length[i];
    }
    world->AddFile(rows, {{.length = page * kPageSize}});
    return world;
  }

  static std::unique_ptr<SlotsWorld> Extents(size_t n) {
    std::unique_ptr<SlotsWorld> world(new SlotsWorld);
    const Pieces pieces(n);
    const uint64_t size = (pieces.pages * kPageSize / kMiB + 2) * kMiB;
    world->AddPmem("pmem0", size);
    std::vector<FileExtent> extents;
    uint64_t page = 0;
    for (size_t i = 0; i < n; ++i) {
      extents.push_back({.logical = page * kPageSize,
                         .physical = pieces.at[i] * kPageSize,
                         .length = pieces.length[i] * kPageSize});
      page += pieces.length[i];
    }
    world->AddFile(
        {{sector_t{0}, size / kSectorSize, "linear", "/dev/pmem0 0"}},
        std::move(extents));
    return world;
  }

  static std::unique_ptr<SlotsWorld> Petabyte(size_t legs) {
    std::unique_ptr<SlotsWorld> world(new SlotsWorld);
    std::string words = absl::StrCat(legs, " 4096");
    for (size_t i = 0; i < legs; ++i) {
      const std::string name = absl::StrCat("pmem", i);
      world->AddPmem(name, kPetabyte / legs);
      absl::StrAppend(&words, " /dev/", name, " 0");
    }
    const bool row = legs == 1;
    world->AddFile({{sector_t{0}, kPetabyte / kSectorSize,
                     row ? "linear" : "striped", row ? "/dev/pmem0 0" : words}},
                   {{.length = kPetabyte}});
    return world;
  }

  DaxSweep Sweep(int order) {
    return Must(
        SweepDax(*user_, {.file = file_, .size = size_, .order = order}));
  }
  int Probe(uint64_t page) { return probe_->Ask(page).order; }

 private:
  struct Pieces {
    explicit Pieces(size_t n) : length(n), at(n) {
      std::mt19937_64 rng(n);
      std::uniform_real_distribution<double> exponent(0, 10);
      for (uint64_t& pages : length) {
        pages = static_cast<uint64_t>(std::exp2(exponent(rng)));
      }
      std::vector<size_t> order(n);
      std::iota(order.begin(), order.end(), size_t{0});
      std::shuffle(order.begin(), order.end(), rng);
      for (size_t i : order) {
        at[i] = pages;
        pages += length[i];
      }
    }
    std::vector<uint64_t> length, at;
    uint64_t pages = 0;
  };

  void AddPmem(const std::string& name, uint64_t bytes) {
    Must(machine_.AddPmem({.name = name, .base = base_, .size = bytes}));
    base_ += bytes;
  }

  void AddFile(const std::vector<DmTargetSpec>& rows,
               std::vector<FileExtent> extents) {
    DmIoctl io{.name = "d"};
    bool ok = ctl_.DevCreate(io).ok();
    io = DmIoctl{.name = "d"};
    ok = ok && ctl_.TableLoad(io, rows).ok();
    io = DmIoctl{.name = "d"};
    ok = ok && ctl_.DevSuspend(io).ok();
    if (!ok) Must<int>(absl::InternalError("the table does not load"));
    BlockDevice& disk = ctl_.FindDevice("d")->disk();
    // So that it does not cut the chunks.
    QueueLimits limits = disk.queue().limits();
    limits.max_sectors = 8192;
    disk.queue().SetLimits(limits);
    user_ = std::make_unique<UserSpace>(machine_, DefaultKernelProfile().fault);
    MountPoint* mount = Must(user_->Mount(
        {.path = "/mnt", .request = {.type = "xfs", .options = "dax=always"}},
        disk));
    size_ = extents.back().end();
    if (!mount->RestoreFile({.name = "f", .extents = std::move(extents)})
             .ok()) {
      Must<int>(absl::InternalError("the file is refused"));
    }
    file_ = Must(user_->Open("/mnt/f"));
    probe_ = std::make_unique<SweepProbe>(file_, user_->faults(), user_->mem(),
                                          SweepAccess{});
  }

  Machine machine_{DefaultKernelProfile()};
  DmCtl ctl_{machine_};
  uint64_t base_ = uint64_t{1} << 51;
  uint64_t size_ = 0;
  std::unique_ptr<UserSpace> user_;
  std::shared_ptr<File> file_;
  std::unique_ptr<SweepProbe> probe_;
};

// The slots that are probed, and what the sweep says of them.
struct Sample {
  std::vector<uint64_t> pages;
  std::vector<int> orders;
};

Sample SampleOf(const DaxSweep& sweep) {
  std::mt19937_64 rng(sweep.slots);
  std::vector<uint64_t> slots(std::min<uint64_t>(kProbes, sweep.slots));
  for (uint64_t& slot : slots) slot = rng() % sweep.slots;
  std::sort(slots.begin(), slots.end());
  Sample sample;
  size_t next = 0;
  sweep.ForEachRange([&](const SweepRange& range) {
    for (; next < slots.size() && slots[next] < range.first + range.slots;
         ++next) {
      sample.pages.push_back(slots[next] * (sweep.slot_bytes / kPageSize));
      sample.orders.push_back(sweep.totals[range.outcome].outcome.order);
    }
    return next < slots.size();
  });
  std::vector<size_t> order(sample.pages.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), rng);
  Sample shuffled;
  for (size_t i : order) {
    shuffled.pages.push_back(sample.pages[i]);
    shuffled.orders.push_back(sample.orders[i]);
  }
  return shuffled;
}

// One benchmark; `run` is `n` slots.
template <typename Run>
void Add(const std::string& name, uint64_t n, const Run& run) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
    while (state.KeepRunningBatch(static_cast<int64_t>(n))) {
      run();
      benchmark::ClobberMemory();
    }
  });
}

void AddSweep(const std::string& name, SlotsWorld* world, int order) {
  const DaxSweep sweep = world->Sweep(order);
  const Sample sample = SampleOf(sweep);
  for (size_t i = 0; i < sample.pages.size(); ++i) {
    if (world->Probe(sample.pages[i]) == sample.orders[i]) continue;
    fprintf(stderr, "bench: %s: the probe disagrees at page %lu\n",
            name.c_str(), sample.pages[i]);
    exit(1);
  }
  const uint64_t slots = sweep.slots;
  Add(name + "/dmdax", slots,
      [=] { benchmark::DoNotOptimize(world->Sweep(order)); });
  Add(name + "/probe", sample.pages.size(), [=] {
    for (uint64_t page : sample.pages) {
      benchmark::DoNotOptimize(world->Probe(page));
    }
  });
  const size_t bytes = sweep.totals.size() * sizeof(SweepTotal) +
                       sweep.ranges.size() * sizeof(SweepRange);
  auto* memory = new std::vector<char>(2 * bytes, 1);  // as long as the program
  Add(name + "/memcpy", slots,
      [=] { memcpy(memory->data(), memory->data() + bytes, bytes); });
}

}  // namespace

void RegisterSlots(const Options& options) {
  const FaultProfile& faults = DefaultKernelProfile().fault;
  // Worlds live as long as the program: the benchmarks run later.
  for (size_t n : {size_t{1024}, options.max_targets}) {
    SlotsWorld* rows = SlotsWorld::Rows(n).release();
    AddSweep(absl::StrCat("slots_rows:", n, "/2m"), rows, faults.pmd_order());
    AddSweep(absl::StrCat("slots_rows:", n, "/1g"), rows, faults.pud_order());
    SlotsWorld* extents = SlotsWorld::Extents(n).release();
    AddSweep(absl::StrCat("slots_extents:", n, "/2m"), extents,
             faults.pmd_order());
    AddSweep(absl::StrCat("slots_extents:", n, "/1g"), extents,
             faults.pud_order());
    if (n == options.max_targets) break;
  }
  AddSweep("petabyte:row/1g", SlotsWorld::Petabyte(1).release(),
           faults.pud_order());
  AddSweep("petabyte:striped/1g", SlotsWorld::Petabyte(1024).release(),
           faults.pud_order());
}

}  // namespace dmdax::bench
