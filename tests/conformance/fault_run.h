// SPDX-License-Identifier: Apache-2.0
//
// Runs a recorded `fsdax`, `lvm` or `devdax` case from its first step: builds
// the guest and its device stack, then compares every touch.
#ifndef DMDAX_TESTS_CONFORMANCE_FAULT_RUN_H_
#define DMDAX_TESTS_CONFORMANCE_FAULT_RUN_H_

#include "base/kernel_profile.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

Verdict RunFaultCase(const Json& test, const Json& result, const Json& env,
                     const KernelProfile& profile);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_FAULT_RUN_H_
