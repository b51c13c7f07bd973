// SPDX-License-Identifier: Apache-2.0
//
// What a first touch costs, next to the kernel's way of it.
//
// Names read <file>:<stack>/<access>/<contender>; a time is that of a touch.
//   ext4_pmd xfs_pmd      a file that is mapped by 2 MiB
//   ext4_pte xfs_pte      the same after MADV_NOHUGEPAGE
//   dax_pte dax_pmd dax_pud  device-dax of that alignment
//   row stripe rows levels   bench/fault_world.h
//   read write            of mapped extents
//   hole                  a read of a hole: the zero page
//   unwritten             a write to an unwritten extent, which is converted
//   outcome               MmStruct::Touch() that is asked for no reason
//   reason                with reason and level
//   events                Task::Touch(): all events and calls
//   kernel                bench/fault_baseline.h
//   would                 WouldFault::Ask(), batch its AskBatch(); batch2 the
//                         same in two threads at once, each asked for all
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/families.h"
#include "bench/fault_world.h"
#include "process/sweep/would_fault.h"

namespace dmdax::bench {
namespace {

// Pages to touch: the first of every slot, or eight of each of an eighth of
// them; in random order.
std::vector<uint64_t> PagesOf(uint64_t step, uint64_t all) {
  std::vector<uint64_t> pages;
  for (uint64_t page = 0; page < all; page += step) pages.push_back(page);
  std::shuffle(pages.begin(), pages.end(), std::mt19937_64(step));
  pages.resize(std::min<size_t>(pages.size(), kFaultSlots));
  return pages;
}

struct Asked {
  FaultSubject* subject;
  std::vector<uint64_t> pages;
  bool write;
};

template <typename Touch>
void FirstTouches(benchmark::State& state, const Asked& asked,
                  const Touch& touch) {
  const auto n = static_cast<int64_t>(asked.pages.size());
  uint64_t sum = 0;
  while (state.KeepRunningBatch(n)) {
    state.PauseTiming();
    asked.subject->Restart();
    state.ResumeTiming();
    for (uint64_t page : asked.pages) sum += touch(*asked.subject, page);
  }
  benchmark::DoNotOptimize(sum);
}

uint64_t TouchOurs(FaultSubject& subject, uint64_t page, bool write) {
  MmStruct& mm = subject.task().mm();
  mm.set_recorder(nullptr);
  return mm.Touch(subject.address(page), write).pfn.value();
}

// A benchmark whose contenders do not agree ends the program.
void Check(const std::string& name, const Asked& asked) {
  asked.subject->Restart();
  for (uint64_t page : asked.pages) {
    const uint64_t ours = TouchOurs(*asked.subject, page, asked.write);
    const uint64_t kernel = asked.subject->kernel().Touch(
        asked.subject->address(page), asked.write);
    if (ours == kernel && ours != 0) continue;
    fprintf(stderr, "bench: %s: page %lu: frame %lu, the kernel's %lu\n",
            name.c_str(), page, ours, kernel);
    exit(1);
  }
}

const Asked* Register(const std::string& name, FaultSubject* subject,
                      uint64_t step, bool write) {
  const auto* asked = new Asked{
      subject, PagesOf(step, std::min(subject->pages(), kFaultSlots * step)),
      write};
  Check(name, *asked);
  const auto add = [&](const char* who, FaultReasons reasons, auto touch) {
    benchmark::RegisterBenchmark(
        absl::StrCat(name, "/", who).c_str(), [=](benchmark::State& state) {
          FirstTouches(state, *asked, [&](FaultSubject& s, uint64_t page) {
            s.task().mm().reasons = reasons;
            return touch(s, page);
          });
        });
  };
  const auto ours = [=](FaultSubject& s, uint64_t page) {
    return TouchOurs(s, page, write);
  };
  add("outcome", FaultReasons::kNone, ours);
  add("reason", FaultReasons::kAll, ours);
  add("events", FaultReasons::kAll, [=](FaultSubject& s, uint64_t page) {
    s.task().mm().set_recorder(&s.task().recorder());
    const TouchReport report = s.task().Touch(
        s.address(page), write ? AccessKind::kWrite : AccessKind::kRead);
    return report.outcome.pfn.value() + report.record.events().size();
  });
  add("kernel", FaultReasons::kAll, [=](FaultSubject& s, uint64_t page) {
    return s.kernel().Touch(s.address(page), write);
  });
  return asked;
}

// The same questions without a process.
void RegisterWould(const std::string& name, const Asked* asked) {
  FaultSubject& subject = *asked->subject;
  subject.Restart();
  auto* would =
      WouldFault::Make(subject.user(), subject.mapping()).value().release();
  auto* offsets = new std::vector<uint64_t>;
  for (uint64_t page : asked->pages) offsets->push_back(page * kPageSize);
  const AccessKind access =
      asked->write ? AccessKind::kWrite : AccessKind::kRead;
  const auto n = static_cast<int64_t>(offsets->size());
  for (size_t i = 0; i < offsets->size(); ++i) {
    const uint64_t pfn = would->Ask((*offsets)[i], access).pfn.value();
    if (pfn == TouchOurs(subject, asked->pages[i], asked->write)) continue;
    fprintf(stderr, "bench: %s: WouldFault differs at page %lu\n", name.c_str(),
            asked->pages[i]);
    exit(1);
  }
  benchmark::RegisterBenchmark(
      (name + "/would").c_str(), [=](benchmark::State& state) {
        uint64_t sum = 0;
        while (state.KeepRunningBatch(n)) {
          for (uint64_t offset : *offsets) {
            sum += would->Ask(offset, access).pfn.value();
          }
        }
        benchmark::DoNotOptimize(sum);
      });
  const auto batch = [=](benchmark::State& state) {
    std::vector<WouldFaultVerdict> verdicts(offsets->size());
    would->AskBatch(*offsets, access, absl::MakeSpan(verdicts));
    while (state.KeepRunningBatch(n)) {
      would->AskBatch(*offsets, access, absl::MakeSpan(verdicts));
      benchmark::ClobberMemory();
    }
  };
  benchmark::RegisterBenchmark((name + "/batch").c_str(), batch);
  benchmark::RegisterBenchmark((name + "/batch2").c_str(), batch)->Threads(2);
}

void RegisterFile(FaultWorld& world, const std::string& fs, bool huge,
                  const std::string& stack, FaultFile kind,
                  const std::string& access, bool write) {
  FaultSubject* subject =
      world.File(fs, kind, huge ? VmaHuge::kDefault : VmaHuge::kNohugepage)
          .release();  // the benchmarks run later
  const std::string name =
      absl::StrCat(fs, huge ? "_pmd:" : "_pte:", stack, "/", access);
  const Asked* asked = Register(name, subject, huge ? 512 : 64, write);
  // What a touch converts or allocates is asked of a real fault.
  if (kind != FaultFile::kUnwritten) RegisterWould(name, asked);
}

}  // namespace

void RegisterFaults(const Options&) {
  const struct {
    const char* name;
    FaultStack stack;
  } stacks[] = {{"row", FaultStack::kRow},
                {"stripe", FaultStack::kStripe},
                {"rows", FaultStack::kRows},
                {"levels", FaultStack::kLevels}};
  for (const auto& [name, stack] : stacks) {
    auto* world = new FaultWorld(stack);
    for (const char* fs : {"ext4", "xfs"}) {
      for (const bool huge : {true, false}) {
        RegisterFile(*world, fs, huge, name, FaultFile::kMapped, "read", false);
        RegisterFile(*world, fs, huge, name, FaultFile::kMapped, "write", true);
        if (stack != FaultStack::kRow) continue;
        RegisterFile(*world, fs, huge, name, FaultFile::kHole, "hole", false);
        RegisterFile(*world, fs, huge, name, FaultFile::kUnwritten, "unwritten",
                     true);
      }
    }
    if (stack != FaultStack::kRow) continue;
    const struct {
      const char* name;
      int order;
    } sizes[] = {{"dax_pte", 0}, {"dax_pmd", 9}, {"dax_pud", 18}};
    for (const auto& [size, order] : sizes) {
      FaultSubject* subject = world->DevDax(order).release();
      for (const bool write : {false, true}) {
        const std::string full =
            absl::StrCat(size, ":", name, write ? "/write" : "/read");
        RegisterWould(full,
                      Register(full, subject, uint64_t{1} << order, write));
      }
    }
  }
}

}  // namespace dmdax::bench
