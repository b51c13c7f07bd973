// SPDX-License-Identifier: Apache-2.0
//
// The direct_access events of an `fsdax` or `lvm` case: the kernel's own
// record of every level that a translation went through, with arguments and
// returns.  The same stack is built, the same page offsets are asked for, and
// every line must come out the same.
#ifndef DMDAX_TESTS_CONFORMANCE_DAX_EVENTS_H_
#define DMDAX_TESTS_CONFORMANCE_DAX_EVENTS_H_

#include <string>
#include <vector>

#include "base/kernel_profile.h"
#include "base/trace.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

Verdict RunDaxEventsCase(const Json& test, const Json& result, const Json& env,
                         const KernelProfile& profile);

// A trace as the recording prints one: "dm_da: pgoff=4608 nr=512 mode=0",
// "linear_da_ret: ret=512" ...
std::vector<std::string> RenderDaxEvents(const Trace& trace,
                                         const KernelProfile& profile);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_DAX_EVENTS_H_
