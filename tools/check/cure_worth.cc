// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cure_worth.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/one_line.h"
#include "tools/check/world_rows.h"

namespace dmdax {

std::optional<size_t> Dearest(const Look& look,
                              const std::map<ObstacleKey, uint64_t>& met) {
  std::optional<size_t> best;
  for (size_t i = 0; i < look.obstacles.size(); ++i) {
    const auto before = met.find(KeyOf(look.obstacles[i]));
    if (before != met.end() && before->second <= look.obstacles[i].bytes) {
      continue;
    }
    if (look.obstacles[i].name == kOffPage) return i;  // data is lost by it
    if (!best || look.obstacles[i].bytes > look.obstacles[*best].bytes) {
      best = i;
    }
  }
  return best;
}

namespace {

// Whether no byte can be had.
bool IsAllSignals(const PageShares& s) {
  return s.pud + s.pmd + s.pte + s.hole + s.tail == 0;
}

}  // namespace

bool FillsNone(const DaxCheck& check, Wish wish) {
  if (wish != Wish::kPmd && wish != Wish::kPud) return false;
  const uint64_t page = wish == Wish::kPmd ? kPmdBytes : uint64_t{1} << 30;
  // Without DAX nothing is told of a tail.
  return check.dax ? check.now.tail == check.now.total : check.now.total < page;
}

bool InVain(const DaxCheck& before, const Look& after, Wish wish) {
  const PageShares& now = before.now;
  const PageShares& then = after.shares;
  if (!after.dax) return true;
  if (then.apart < now.apart) return false;
  // Poison that goes is a gain for whoever asks for 1 GiB too.
  if (wish == Wish::kPud) {
    return then.pud <= now.pud && then.signal >= now.signal;
  }
  // Whoever had no DAX could read his file.
  if (!before.dax && FillsNone(before, wish)) return true;
  if (!before.dax) return then.signal != 0 && IsAllSignals(then);
  if (Huge(then) < Huge(now)) return true;
  return then.pud <= now.pud && Huge(then) == Huge(now) &&
         then.signal >= now.signal && then.hole >= now.hole &&
         (wish != Wish::kSync || after.sync <= before.sync);
}

std::string GivenUpInVain(const std::vector<std::shared_ptr<const Cure>>& cures,
                          const DaxCheck& check, Wish wish) {
  if (HoldsCured(check, wish)) return "";
  // What is known to be in the way may be less than what is, and who lays it
  // out anew would do it twice.
  if (!check.cured_not_known.empty() && !check.plan.goes.empty()) {
    std::vector<std::string> names;
    for (const std::string& name : check.plan.goes) {
      names.push_back(OneLine(name));
    }
    return absl::StrCat(
        "no list: what it comes to is not known, and the data of ",
        absl::StrJoin(names, ", "),
        " would go for a guess: add what is missing, and ask again");
  }
  for (const auto& cure : cures) {
    if (cure->gives_up.empty()) continue;
    return absl::StrCat("no list: what was asked for is not reached, and ",
                        cure->gives_up, " would go for less");
  }
  return "";
}

bool IsBetter(const DaxCheck& a, const DaxCheck& b, Wish wish) {
  if (HoldsCured(a, wish) != HoldsCured(b, wish)) return HoldsCured(a, wish);
  if (a.cured_dax != b.cured_dax) return a.cured_dax;
  return Huge(a.best) > Huge(b.best);
}

}  // namespace dmdax
