// SPDX-License-Identifier: Apache-2.0
//
// Cures that nobody is told to type: those that take nothing away, and those
// that do so in vain.
// Threading: pure functions of a machine and what is said of it.
#ifndef DMDAX_TOOLS_CHECK_UNTRIED_CURE_H_
#define DMDAX_TOOLS_CHECK_UNTRIED_CURE_H_

#include <memory>

#include "tools/check/cure.h"
#include "tools/check/dax_check.h"
#include "tools/check/look.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// The cure as it is told outside of a list: in words if its lines would fail,
// as they take away what something stands on, which only a list does first.
std::shared_ptr<const Cure> ToldAlone(std::shared_ptr<const Cure> cure,
                                      const StandsOn& stands_on);

// Takes back what was said of a check's cures.
void DiscardCures(Wish wish, const StandsOn& stands_on, DaxCheck& check);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_UNTRIED_CURE_H_
