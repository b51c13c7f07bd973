// SPDX-License-Identifier: Apache-2.0
//
// The sweep against the fault: random worlds, every slot of which a fresh
// process touches in a fresh mount.  That way is slow and obvious; it is the
// judge.
//
// DMDAX_PROPERTY_SEEDS=<seed> replays a failure.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "process/sweep/dax_sweep.h"
#include "tests/property/seeds.h"
#include "tests/sweep/describe_outcome.h"
#include "tests/sweep/random_world.h"

namespace dmdax {
namespace {

constexpr uint64_t kLastSeed = 499;
// Slots that are judged in one sweep: ends of ranges, and any.
constexpr uint64_t kJudged = 25;

struct Tally {
  uint64_t judged = 0, swept = 0, asked = 0, repeating = 0;
  std::map<std::string, uint64_t> outcomes;
};

std::string Describe(const SweepOutcome& o, bool numbers) {
  std::string text = DescribeOutcome(o);
  if (numbers && o.reason) {
    absl::StrAppend(&text, ": ", FaultReasonText(o.reason));
  }
  return text;
}

// What the sweep shall say of one slot.
SweepOutcome Judge(RandomWorld& world, const SweepRequest& request,
                   uint64_t slot) {
  const FaultProfile& faults = world.faults();
  UserSpace user(world.machine(), faults);
  EXPECT_TRUE(world.Make(user));
  const uint64_t bytes = faults.page_size() << request.order;
  const uint64_t whole = faults.pud_size();
  Task task(1, faults, user.mem());
  absl::StatusOr<VmAreaStruct*> vma =
      task.Map({.file = world.Open(user),
                .length = (world.size() + whole - 1) / whole * whole,
                .address = 16 * whole,
                .is_private = request.access.is_private,
                .sync = request.access.sync});
  EXPECT_TRUE(vma.ok()) << vma.status();
  const TouchReport report =
      task.Touch((*vma)->vm_start + slot * bytes,
                 request.access.write ? AccessKind::kWrite : AccessKind::kRead);
  const FaultOutcome& fault = report.outcome;
  SweepOutcome o{.order = fault.order,
                 .sig = fault.sig,
                 .si_code = fault.si_code,
                 .zero_page = fault.sig == 0 && fault.zero_page};
  const int want = std::max(request.order, faults.pmd_order());
  if (fault.sig != 0 || fault.order < want) o.reason = fault.reason;
  return o;
}

std::string Compare(RandomWorld& world, const SweepRequest& request,
                    const DaxSweep& sweep, Tally* tally) {
  property::Dice& dice = world.dice();
  std::vector<size_t> outcome;  // of each slot
  std::vector<uint64_t> ends;
  uint64_t next = sweep.first;
  std::string difference;
  std::vector<uint64_t> counted(sweep.totals.size());
  sweep.ForEachRange([&](const SweepRange& range) {
    if (range.first != next) difference = absl::StrCat("gap at ", next);
    ends.push_back(outcome.size());
    outcome.insert(outcome.end(), range.slots, range.outcome);
    ends.push_back(outcome.size() - 1);
    counted[range.outcome] += range.slots;
    next += range.slots;
    return true;
  });
  if (next != sweep.first + sweep.slots) return "the sweep ends elsewhere";
  for (size_t i = 0; i < counted.size(); ++i) {
    const SweepTotal& total = sweep.totals[i];
    if (counted[i] != total.slots) return "a total is wrong";
    const std::string want = Describe(Judge(world, request, total.first), true);
    const std::string got = Describe(total.outcome, true);
    if (got != want) {
      return absl::StrCat("first slot ", total.first, ": ", got,
                          "\ninstead of: ", want);
    }
    tally->outcomes[Describe(total.outcome, false).substr(0, 40)] +=
        total.slots;
  }
  for (uint64_t i = 0; i < 2 * kJudged; ++i) {
    const uint64_t at = i < kJudged ? ends[dice.Range(0, ends.size() - 1)]
                                    : dice.Range(0, sweep.slots - 1);
    ++tally->judged;
    const uint64_t slot = sweep.first + at;
    const std::string want = Describe(Judge(world, request, slot), false);
    const std::string got = Describe(sweep.totals[outcome[at]].outcome, false);
    if (got == want) continue;
    return absl::StrCat("slot ", slot, ": ", got, "\ninstead of: ", want);
  }
  return difference;
}

// Each size of slots once, with an access of its own.
std::string CompareWorld(RandomWorld& world, Tally* tally) {
  const FaultProfile& faults = world.faults();
  property::Dice& dice = world.dice();
  for (int order :
       {0, faults.pmd_order(), faults.pmd_order(), faults.pud_order()}) {
    UserSpace user(world.machine(), faults);
    if (!world.Make(user)) return "";
    SweepRequest request{
        .file = world.Open(user), .size = world.size(), .order = order};
    request.access.write = dice.Percent(50);
    request.access.is_private = dice.Percent(15);
    request.access.sync = !request.access.is_private && dice.Percent(15);
    if (dice.Percent(30)) {
      request.offset = dice.Range(0, world.size() - 1);
      request.length = dice.Range(0, world.size());
    }
    const absl::StatusOr<DaxSweep> sweep = SweepDax(user, request);
    if (!sweep.ok()) continue;  // MAP_SYNC, device-dax and MAP_PRIVATE
    tally->swept += sweep->slots;
    tally->asked += sweep->asked;
    for (const SweepBlock& block : sweep->blocks) {
      if (block.repeat < block.slots) ++tally->repeating;
    }
    const std::string d = Compare(world, request, *sweep, tally);
    if (d.empty()) continue;
    return absl::StrCat(
        "order ", order, request.access.write ? " write" : " read",
        request.access.is_private ? " private" : "",
        request.access.sync ? " sync" : "", " from ", request.offset, " +",
        request.length, "\n", d, "\n", world.Text());
  }
  return "";
}

TEST(DaxSweep, AnswersAsTheFaultDoes) {
  Tally tally;
  const std::vector<uint64_t> seeds = property::Seeds(0, kLastSeed);
  for (uint64_t seed : seeds) {
    RandomWorld world(seed);
    ASSERT_EQ(CompareWorld(world, &tally), "")
        << "seed " << seed << " (DMDAX_PROPERTY_SEEDS=" << seed
        << " replays it)";
  }
  printf("%lu slots swept with %lu faults, %lu judged; %lu repeating blocks\n",
         tally.swept, tally.asked, tally.judged, tally.repeating);
  for (const auto& [outcome, slots] : tally.outcomes) {
    printf("  %8lu %s\n", slots, outcome.c_str());
  }
  if (seeds.size() <= kLastSeed) return;
  EXPECT_GT(tally.judged, 10000u);
  EXPECT_GT(tally.repeating, 5u);
  EXPECT_LT(tally.asked * 10, tally.swept);
}

}  // namespace
}  // namespace dmdax
