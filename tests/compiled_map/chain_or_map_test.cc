// SPDX-License-Identifier: Apache-2.0
//
// The compiled map against the chain, over random stacks up to 16 levels
// high: single queries, batches and ranges, while tables, max_sectors and bad
// blocks change.  A traced query always walks the chain; it is the judge.
//
// DMDAX_PROPERTY_SEEDS=<seed> replays a failure.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/dm_ioctl.h"
#include "tests/property/random_table.h"
#include "tests/property/seeds.h"

namespace dmdax {
namespace {

using property::Dice;
using property::DrawTable;
using property::LegChoice;

constexpr uint64_t kLastSeed = 119;
constexpr int kChanges = 6;
constexpr uint64_t kQueries = 1500;  // of the top device, after each change

const KernelProfile& ProfileFor(uint64_t seed) {
  const absl::Span<const KernelProfile> all = AllKernelProfiles();
  return all[seed % all.size()];
}

struct Tally {
  uint64_t queries = 0, hits = 0, compiled = 0;
  int highest = 0;
};

class DeepStack {
 public:
  explicit DeepStack(uint64_t seed)
      : dice_(seed),
        machine_(ProfileFor(seed)),
        ctl_(machine_),
        aligned_(dice_.Percent(75)) {
    uint64_t base = uint64_t{1} << dice_.Range(20, 45);
    for (uint64_t i = 0; i < dice_.Range(1, 4); ++i) {
      const std::string name = absl::StrCat("pmem", i);
      const uint64_t size = dice_.Range(300, 4000) * kPageSize;
      EXPECT_TRUE(
          machine_
              .AddPmem({.name = name,
                        .base = base,
                        .size = size,
                        .has_pages = dice_.Percent(90),
                        .backing = dice_.Percent(30) ? PmemBacking::kAnonymous
                                                     : PmemBacking::kNone})
              .ok());
      base += size + dice_.Range(0, 9) * kPageSize;
      memory_.push_back({name, size / kSectorSize});
    }
    // 5.10 asks every leg whether it can do DAX, all the way down, at every
    // load: a high stack of many legs would load until the end of days.
    const bool asks_all =
        machine_.profile().dm_dax_check == DmDaxCheck::kGenericFsdaxSupported;
    const uint64_t levels = dice_.Range(1, asks_all ? 5 : 16);
    for (uint64_t level = 0; level < levels; ++level) AddLevel();
  }

  // A reload, a limit, bad blocks or a dead device, anywhere.
  void Change() {
    const uint64_t kind = dice_.Range(0, 99);
    const size_t level = dice_.Range(0, mds_.size() - 1);
    if (kind < 60) {
      Reload(level);
    } else if (kind < 85) {
      RequestQueue& queue = mds_[level]->disk().queue();
      QueueLimits limits = queue.limits();
      limits.max_sectors = static_cast<uint32_t>(
          dice_.Percent(10) ? dice_.Range(1, 15) : dice_.Range(8, 3000));
      queue.SetLimits(limits);
    } else if (kind < 95) {
      PmemDevice* pmem = machine_.FindPmem("pmem0");
      pmem->SetBadblocks(sector_t{dice_.Range(0, pmem->nr_sectors() - 1)}, 9);
    } else {
      DaxDevice& dax = machine_.FindPmem("pmem0")->dax_dev();
      dax.alive() ? dax.Kill() : dax.Run();
    }
  }

  // "" or the first difference.
  std::string Compare(Tally* tally) {
    for (size_t level = 0; level < mds_.size(); ++level) {
      const bool top = level + 1 == mds_.size();
      const std::string d =
          CompareLevel(*mds_[level], top ? kQueries : 60, tally);
      if (!d.empty()) return absl::StrCat("level ", level + 1, ": ", d);
    }
    tally->highest = std::max(tally->highest, static_cast<int>(mds_.size()));
    return "";
  }

 private:
  void AddLevel() {
    DmIoctl io{.name = absl::StrCat("L", mds_.size())};
    ASSERT_TRUE(ctl_.DevCreate(io).ok());
    mds_.push_back(ctl_.FindDevice(io.name));
    Reload(mds_.size() - 1);
  }

  // Table and resume; a refused one leaves the old, which is as good.
  void Reload(size_t level) {
    std::vector<LegChoice> choices = memory_;
    if (level > 0) {
      const BlockDevice& below = mds_[level - 1]->disk();
      choices.push_back({below.name(), below.nr_sectors(), 30});
    }
    if (level > 1) {
      const BlockDevice& below = mds_[level - 2]->disk();
      choices.push_back({below.name(), below.nr_sectors(), 4});
    }
    const auto rows = DrawTable(dice_, choices, aligned_);
    DmIoctl io{.name = absl::StrCat("L", level)};
    (void)ctl_.TableLoad(io, property::Specs(rows, [](const auto& disk) {
                           return absl::StrCat("/dev/", disk);
                         }));
    io = DmIoctl{.name = absl::StrCat("L", level)};
    (void)ctl_.DevSuspend(io);
  }

  int64_t DrawNr() {
    if (dice_.Percent(50)) return static_cast<int64_t>(dice_.Range(1, 600));
    return dice_.Percent(95) ? 1 : int64_t{1} << dice_.Range(10, 50);
  }

  std::string CompareLevel(MappedDevice& md, uint64_t queries, Tally* tally) {
    const uint64_t pages = md.disk().nr_sectors() / kPageSectors;
    const int64_t batch_nr = DrawNr();
    std::vector<pgoff_t> asked;
    std::vector<DaxAccess> judged;
    for (uint64_t i = 0; i < queries; ++i) {
      const pgoff_t page(dice_.Percent(99) ? dice_.Range(0, pages + 1)
                                           : dice_.Draw());
      const int64_t nr = i % 2 == 0 ? batch_nr : DrawNr();
      const DaxAccessMode mode =
          i % 16 == 15 ? DaxAccessMode::kRecoveryWrite : DaxAccessMode::kAccess;
      Trace trace;
      const DaxAccess chain =
          DaxDirectAccess(&md.dax_dev(), page, nr, mode, &trace);
      const DaxAccess fast =
          DaxDirectAccess(&md.dax_dev(), page, nr, mode, nullptr);
      ++tally->queries;
      if (chain.ret > 0) ++tally->hits;
      if (md.compiled() != nullptr) ++tally->compiled;
      if (!Same(chain, fast)) {
        return absl::StrCat("page ", page.value(), " nr ", nr, ": chain ",
                            chain.ret, " from ", chain.pfn.value(), ", map ",
                            fast.ret, " from ", fast.pfn.value());
      }
      if (i % 2 == 0) {
        asked.push_back(page);
        judged.push_back(chain);
      }
    }
    std::string d = CompareBatch(md, asked, judged, batch_nr);
    return d.empty() ? CompareRange(md, pages) : d;
  }

  static bool Same(const DaxAccess& a, const DaxAccess& b) {
    if (a.ret != b.ret) return false;
    return a.ret <= 0 ||
           (a.pfn == b.pfn && a.pfn_flags == b.pfn_flags && a.kaddr == b.kaddr);
  }

  std::string CompareBatch(MappedDevice& md, const std::vector<pgoff_t>& asked,
                           const std::vector<DaxAccess>& judged, int64_t nr) {
    std::vector<uint64_t> pfns(asked.size());
    std::vector<int64_t> lengths(asked.size());
    for (int with_lengths = 0; with_lengths < 2; ++with_lengths) {
      md.TranslateBatch(
          asked, absl::MakeSpan(pfns),
          with_lengths ? absl::MakeSpan(lengths) : absl::Span<int64_t>(), nr);
      for (size_t i = 0; i < asked.size(); ++i) {
        const DaxAccess& want = judged[i];
        const uint64_t pfn =
            want.ret > 0 ? want.pfn.value() : CompiledMap::kNoPfn;
        if (pfns[i] != pfn || (with_lengths && lengths[i] != want.ret)) {
          return absl::StrCat("batch, page ", asked[i].value(), ": ", pfns[i]);
        }
      }
    }
    return "";
  }

  // Ranges, a few extents a call, against the chain's answers.
  std::string CompareRange(MappedDevice& md, uint64_t pages) {
    const uint64_t first = dice_.Range(0, pages);
    const uint64_t end = dice_.Range(first, pages + 2);
    std::vector<DaxExtent> room(dice_.Range(1, 40));
    uint64_t next = first;
    std::vector<DaxExtent> all;
    while (next < end) {
      const size_t n = md.Extents(&next, end, absl::MakeSpan(room));
      if (n == 0) return absl::StrCat("no extent at page ", next);
      all.insert(all.end(), room.begin(), room.begin() + n);
    }
    uint64_t page = first;
    for (const DaxExtent& extent : all) {
      Trace trace;
      const DaxAccess chain = DaxDirectAccess(&md.dax_dev(), pgoff_t(page),
                                              static_cast<int64_t>(end - page),
                                              DaxAccessMode::kAccess, &trace);
      const DaxExtent want = DaxExtent::Of({chain.ret, chain.pfn.value()});
      // An error may be told of many pages at once; it is the last one's too.
      const bool same =
          chain.ret > 0
              ? extent == want
              : extent.pfn == want.pfn &&
                    (extent.pages == 1 ||
                     ErrorAt(md, page + extent.pages - 1, end) == want.pfn);
      if (!same) {
        return absl::StrCat("range, page ", page, ": ", extent.pfn, " +",
                            extent.pages, " instead of ", want.pfn, " +",
                            want.pages);
      }
      page += extent.pages;
    }
    if (page != std::max(first, end)) return "the range ends elsewhere";
    return CompareForEach(md, first, end, all);
  }

  static int64_t ErrorAt(MappedDevice& md, uint64_t page, uint64_t end) {
    Trace trace;
    return DaxDirectAccess(&md.dax_dev(), pgoff_t(page),
                           static_cast<int64_t>(end - page),
                           DaxAccessMode::kAccess, &trace)
        .ret;
  }

  // One call, by a function that stops somewhere.
  std::string CompareForEach(MappedDevice& md, uint64_t first, uint64_t end,
                             const std::vector<DaxExtent>& all) {
    const size_t most = dice_.Range(1, all.size() + 1);
    std::vector<DaxExtent> seen;
    md.ForEachExtent(pgoff_t(first), end - first,
                     [&](pgoff_t, const DaxExtent& extent) {
                       seen.push_back(extent);
                       return seen.size() < most;
                     });
    const bool same = seen.size() == std::min(most, all.size()) &&
                      std::equal(seen.begin(), seen.end(), all.begin());
    return same ? "" : "ForEachExtent() and Extents() differ";
  }

  Dice dice_;
  Machine machine_;
  DmCtl ctl_;
  const bool aligned_;
  std::vector<LegChoice> memory_;
  std::vector<std::shared_ptr<MappedDevice>> mds_;
};

TEST(CompiledMap, AnswersAsTheChainDoes) {
  MappedDevice::UseCompiledMaps(true);
  Tally tally;
  const std::vector<uint64_t> seeds = property::Seeds(0, kLastSeed);
  for (uint64_t seed : seeds) {
    DeepStack stack(seed);
    ASSERT_EQ(stack.Compare(&tally), "") << "seed " << seed;
    for (int i = 0; i < kChanges; ++i) {
      stack.Change();
      ASSERT_EQ(stack.Compare(&tally), "")
          << "seed " << seed << " (DMDAX_PROPERTY_SEEDS=" << seed
          << " replays it) after change " << i + 1;
    }
  }
  printf("%lu queries, %lu pages found, %lu by a map, %d levels\n",
         tally.queries, tally.hits, tally.compiled, tally.highest);
  if (seeds.size() <= kLastSeed) return;
  EXPECT_GE(tally.queries, 1000000u);
  EXPECT_GT(tally.hits, tally.queries / 5);
  // Many random tables are not DAX at all, and have no map.
  EXPECT_GT(tally.compiled, tally.queries / 4);
  EXPECT_EQ(tally.highest, 16);
}

}  // namespace
}  // namespace dmdax
