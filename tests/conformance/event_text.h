// SPDX-License-Identifier: Apache-2.0
//
// SameEvent: whether two trace events say the same, but for what only the
// recorded guest can know.
//
//   SameEvent("... type MAPPED flags", "... type MAPPED flags DIRTY");  // true
//
// The guest's log is committed every five seconds, in the middle of a long
// step too; from then on its files are clean.
// Threading: pure functions.
#ifndef DMDAX_TESTS_CONFORMANCE_EVENT_TEXT_H_
#define DMDAX_TESTS_CONFORMANCE_EVENT_TEXT_H_

#include <string>

namespace dmdax::conformance {

bool SameEvent(const std::string& kernel, const std::string& ours);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_EVENT_TEXT_H_
