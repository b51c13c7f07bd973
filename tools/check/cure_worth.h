// SPDX-License-Identifier: Apache-2.0
//
// What cures are worth to whoever asked: which obstacle is next, whether all of
// them together help, and which of two answers is better.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_CURE_WORTH_H_
#define DMDAX_TOOLS_CHECK_CURE_WORTH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/check/cure.h"
#include "tools/check/dax_check.h"
#include "tools/check/look.h"
#include "tools/check/try_cure.h"

namespace dmdax {

// The dearest obstacle that was not met before, or was larger then; or nothing.
std::optional<size_t> Dearest(const Look& look,
                              const std::map<ObstacleKey, uint64_t>& met);

// Whether nothing of it can be in a page of the size that is wished for,
// whatever is done; false: the wish is for no pages.
bool FillsNone(const DaxCheck& check, Wish wish);

// Whether all cures together bring the wish no nearer.
bool InVain(const DaxCheck& before, const Look& after, Wish wish);

// Why nobody is told to type cures that do not reach the wish, but give up what
// nothing gives back; "": they do not.
std::string GivenUpInVain(const std::vector<std::shared_ptr<const Cure>>& cures,
                          const DaxCheck& check, Wish wish);

// Whether `a` leaves the subject better than `b`.
bool IsBetter(const DaxCheck& a, const DaxCheck& b, Wish wish);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CURE_WORTH_H_
