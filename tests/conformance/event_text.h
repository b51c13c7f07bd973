// SPDX-License-Identifier: Apache-2.0
//
// Trace events as a recording has them.
//
//   SameEvent("... type MAPPED flags", "... type MAPPED flags DIRTY");  // true
//
// The guest's log is committed every five seconds, in the middle of a long
// step too; from then on its files are clean.
// Threading: pure functions.
#ifndef DMDAX_TESTS_CONFORMANCE_EVENT_TEXT_H_
#define DMDAX_TESTS_CONFORMANCE_EVENT_TEXT_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "mm/fault_event.h"

namespace dmdax::conformance {

// Whether two events say the same, but for what only the recorded guest can
// know.
bool SameEvent(const std::string& kernel, const std::string& ours);

// Replaces the word after `key` in `event`.
std::string MaskWord(const std::string& event, const std::string& key,
                     const std::string& with);

// Of extents that are looked at several times one after the other, the first
// look: an allocation in pieces zeroes the old end of the file with each.
std::vector<std::string> WithoutRepeatedLooks(
    const std::vector<std::string>& events);

// The kernels whose probes have one instance each lose the returns of nested
// calls.
std::vector<FaultEvent> WithoutNestedReturns(
    absl::Span<const FaultEvent> events);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_EVENT_TEXT_H_
