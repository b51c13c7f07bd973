// SPDX-License-Identifier: Apache-2.0
//
// What it costs to classify every 2 MiB of a hundred terabytes, next to asking
// the kernel's direct_access() for each.
//
// Names read <stack>/<measure>/<contender>; times are a whole sweep's:
//   hundred_tib:linear   1024 rows of 100 GiB in random order
//   hundred_tib:striped  a stripe of 4 legs, 2 MiB a chunk, over that
//   classify             52 million slots: how many get a 2 MiB entry
//   dmdax                SweepDax(): entries, reasons and levels
//   kernel               the baseline, without a read side: only whether the
//                        512 pages are one aligned run
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"
#include "bench/families.h"
#include "bench/kernel_baseline.h"
#include "dm/dm_ioctl.h"
#include "process/sweep/dax_sweep.h"

namespace dmdax::bench {
namespace {

constexpr uint64_t kRows = 1024;
constexpr uint64_t kRowSectors = 209715200;     // 100 GiB
constexpr uint64_t kStep = kRowSectors + 2048;  // every other one is off
constexpr uint64_t kBase = uint64_t{1} << 40;
constexpr uint64_t kSlot = 512;  // pages
constexpr uint64_t kPages = kRows * kRowSectors / kPageSectors;

// A benchmark on a stack that could not be built says nothing; stop.
template <typename T>
T Must(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  fprintf(stderr, "bench: %s\n", value.status().ToString().c_str());
  exit(1);
}

class HundredTib {
 public:
  explicit HundredTib(bool striped) {
    Must(machine_.AddPmem(
        {.name = "pmem0", .base = kBase, .size = kRows * kStep * kSectorSize}));
    BaselineDax* pmem = kernel_.AddPmem(kBase, kRows * kStep * kSectorSize);
    std::vector<DmTargetSpec> rows;
    std::vector<BaselineRow> kernel_rows;
    for (uint64_t i = 0; i < kRows; ++i) {
      const uint64_t start = i * 7 % kRows * kStep;
      rows.push_back({sector_t{i * kRowSectors}, kRowSectors, "linear",
                      absl::StrCat("/dev/pmem0 ", start)});
      kernel_rows.push_back({i * kRowSectors, kRowSectors, pmem, start});
    }
    disk_ = Create("volume", rows);
    top_ = kernel_.AddMapped(kernel_rows);
    if (striped) Stripe();
    user_ = std::make_unique<UserSpace>(machine_, DefaultKernelProfile().fault);
    MountPoint* mount = Must(user_->Mount(
        {.path = "/mnt", .request = {.type = "xfs", .options = "dax=always"}},
        *disk_));
    Must(mount->AddFile(
        {.name = "f", .extents = {{.length = kPages * kPageSize}}}));
  }

  // How many slots get a 2 MiB entry.
  uint64_t Ours() {
    const DaxSweep sweep = Must(
        SweepDax(*user_, {.file = Must(user_->Open("/mnt/f")),
                          .size = kPages * kPageSize,
                          .order = DefaultKernelProfile().fault.pmd_order()}));
    uint64_t huge = 0;
    for (const SweepTotal& total : sweep.totals) {
      if (total.outcome.order == 9) huge += total.slots;
    }
    return huge;
  }

  bool has_kernel() const { return top_ != nullptr; }
  uint64_t Kernel() {
    uint64_t huge = 0;
    for (uint64_t page = 0; page < kPages; page += kSlot) {
      uint64_t pfn = 0;
      const long pages = BaselineDirectAccess(top_, page, kSlot, nullptr, &pfn);
      huge += pages == kSlot && pfn % kSlot == 0 ? 1 : 0;
    }
    return huge;
  }

 private:
  BlockDevice* Create(const std::string& name,
                      const std::vector<DmTargetSpec>& rows) {
    DmIoctl io{.name = name};
    bool ok = ctl_.DevCreate(io).ok();
    io = DmIoctl{.name = name};
    ok = ok && ctl_.TableLoad(io, rows).ok();
    io = DmIoctl{.name = name};
    ok = ok && ctl_.DevSuspend(io).ok();
    if (!ok) Must<int>(absl::InternalError(name));
    return &ctl_.FindDevice(name)->disk();
  }

  // The baseline has no stripes.
  void Stripe() {
    std::string words = "4 4096";
    for (uint64_t leg = 0; leg < 4; ++leg) {
      absl::StrAppend(&words, " /dev/", disk_->name(), " ",
                      leg * kRows / 4 * kRowSectors);
    }
    disk_ = Create("stripe",
                   {{sector_t{0}, kRows * kRowSectors, "striped", words}});
    QueueLimits limits = disk_->queue().limits();
    limits.max_sectors = 8192;
    disk_->queue().SetLimits(limits);
    top_ = nullptr;
  }

  Machine machine_{DefaultKernelProfile()};
  DmCtl ctl_{machine_};
  KernelBaseline kernel_{ReadSide::kNone};
  BlockDevice* disk_ = nullptr;
  BaselineDax* top_ = nullptr;
  std::unique_ptr<UserSpace> user_;
};

void Register(const std::string& name, bool striped, bool kernel) {
  auto* stack = new HundredTib(striped);  // the benchmarks run later
  benchmark::RegisterBenchmark((name + "/classify/dmdax").c_str(),
                               [=](benchmark::State& state) {
                                 for (auto _ : state) {
                                   benchmark::DoNotOptimize(stack->Ours());
                                 }
                               });
  if (!kernel || !stack->has_kernel()) return;
  benchmark::RegisterBenchmark(
      (name + "/classify/kernel").c_str(), [=](benchmark::State& state) {
        uint64_t huge = 0;
        for (auto _ : state) huge = stack->Kernel();
        if (huge != stack->Ours()) {
          fprintf(stderr, "bench: %s: contenders disagree\n", name.c_str());
          exit(1);
        }
      });
}

}  // namespace

void RegisterClassify(const Options& options) {
  const size_t max_targets = options.max_targets;
  Register("hundred_tib:linear", false, max_targets > kRows);
  Register("hundred_tib:striped", true, false);
}

}  // namespace dmdax::bench
