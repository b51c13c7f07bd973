// SPDX-License-Identifier: Apache-2.0
//
// WalkBudget: how many levels of stacks all walks for one question may go
// through together.
//
// A budget stands from where it is made on, in that thread; WalkBudget::Spent()
// says whether the rest would take too long.
//
// A question about a whole machine asks each device for all of its pages, and
// each page goes down all levels below: of stacks that cut every page another
// way nothing can be said at once, and a machine of a few kilobytes would keep
// us for hours.  Once the budget is spent, pieces of devices are not worked out
// any more (dax/dax_piece_walk.h), and whoever asks page by page must look
// himself, and say that the limit is ours.  Without a budget nothing is ever
// spent.
//
// One inside another has no more than is left of that.
//
// Mirrors nothing.  Threading: of one thread.
#ifndef DMDAX_DM_WALK_BUDGET_H_
#define DMDAX_DM_WALK_BUDGET_H_

#include <algorithm>
#include <cstdint>

#include "dm/stack_depth.h"

namespace dmdax {

class WalkBudget {
 public:
  // Some seconds of walking.
  static constexpr uint64_t kLevels = uint64_t{1} << 25;

  explicit WalkBudget(uint64_t levels = kLevels)
      : outer_(now_),
        end_(std::min(StackDepth::walked() + levels,
                      outer_ == nullptr ? ~uint64_t{0} : outer_->end_)) {
    now_ = this;
  }
  ~WalkBudget() { now_ = outer_; }
  WalkBudget(const WalkBudget&) = delete;
  WalkBudget& operator=(const WalkBudget&) = delete;

  static bool Spent() {
    return now_ != nullptr && StackDepth::walked() >= now_->end_;
  }

 private:
  const WalkBudget* const outer_;
  const uint64_t end_;  // by StackDepth::walked()
  inline static thread_local constinit const WalkBudget* now_ = nullptr;
};

}  // namespace dmdax

#endif  // DMDAX_DM_WALK_BUDGET_H_
