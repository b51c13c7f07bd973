// SPDX-License-Identifier: Apache-2.0
//
// CureSteps: the steps of a plan, each thing once, and the order in which they
// can be carried out: what stands on a thing goes before it and comes after it.
//
// After a look that may end it unmounting, converting and removing come first,
// from the top of the stack down; then namespaces and partitions; then all is
// made from the bottom up.
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_CURE_STEPS_H_
#define DMDAX_TOOLS_CHECK_CURE_STEPS_H_

#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/check/cure.h"
#include "tools/check/stands_on.h"

namespace dmdax {

class CureSteps {
 public:
  using Steps = std::map<std::pair<CureStage, std::string>, CureStep>;

  // In place of the one of the same stage about the same thing.
  void Put(const CureStep& step) { steps_[{step.stage, step.about}] = step; }
  void Drop(CureStage stage, const std::string& about) {
    steps_.erase({stage, about});
  }
  bool Has(CureStage stage, const std::string& about) const {
    return steps_.count({stage, about}) != 0;
  }
  template <typename Fn>
  void DropIf(Fn drop) {
    for (auto at = steps_.begin(); at != steps_.end();) {
      at = drop(at->second) ? steps_.erase(at) : std::next(at);
    }
  }
  // Holes of a file that gets new blocks for all of it, and the table of a
  // volume that is made with its last rows.
  void DropNeedless();
  const Steps& all() const { return steps_; }

  // A step without a command is a mark for others.
  std::vector<std::string> InOrder(StandsOn& stands_on) const;

 private:
  Steps steps_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CURE_STEPS_H_
