// SPDX-License-Identifier: Apache-2.0
#include "tools/check/untried_cure.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/byte_count.h"
#include "tools/check/cure_worth.h"
#include "tools/check/try_cure.h"

namespace dmdax {
namespace {

bool IsInUse(const StandsOn& stands_on, BlockDevice* bdev) {
  return bdev != nullptr &&
         (!stands_on.On(bdev).empty() || !stands_on.MountsOf(bdev).empty());
}

// Whether the step takes away what is in use.
bool IsBusy(const StandsOn& stands_on, const CureStep& step) {
  if (!MakesAnew(step)) return false;
  if (step.stage != CureStage::kRemoveGroup) {
    return IsInUse(stands_on, stands_on.Find(step.about));
  }
  const auto volumes = stands_on.OfGroup(step.about);
  return volumes.size() > 1 ||
         std::any_of(volumes.begin(), volumes.end(), [&](BlockDevice* bdev) {
           return IsInUse(stands_on, bdev);
         });
}

}  // namespace

std::shared_ptr<const Cure> ToldAlone(std::shared_ptr<const Cure> cure,
                                      const StandsOn& stands_on) {
  if (cure == nullptr || std::none_of(cure->steps.begin(), cure->steps.end(),
                                      [&](const CureStep& step) {
                                        return IsBusy(stands_on, step);
                                      })) {
    return cure;
  }
  auto told = std::make_shared<Cure>(*cure);
  told->steps.clear();
  told->remark = absl::StrCat(told->change, told->remark.empty() ? "" : "; ",
                              told->remark);
  return told;
}

void DiscardCures(Wish wish, const StandsOn& stands_on, DaxCheck& check) {
  for (Obstacle& o : check.obstacles) {
    if (!o.tried) continue;
    o.tried = false;
    if (FillsNone(check, wish)) {
      o.cure = std::make_shared<const Cure>(
          Cure{.remark = "none: nothing of it fills such a page, whatever is "
                         "done"});
      continue;
    }
    if (wish == Wish::kPud) {
      // Steps that end in smaller pages are nothing that was asked for.
      o.cure = std::make_shared<const Cure>(
          Cure{.remark = absl::StrCat(
                   "none that helps: with what else is in the way there are no "
                   "more pages of 1 GiB than the ",
                   BytesText(check.now.pud), " now")});
      continue;
    }
    o.cure = ToldAlone(std::move(o.cure), stands_on);
    o.untried = absl::StrCat(
        "with what else is in the way it leaves no more large pages than the ",
        BytesText(Huge(check.now)), " that there are");
  }
}

}  // namespace dmdax
