// SPDX-License-Identifier: Apache-2.0
//
// A `table` case: dmsetup commands run one after the other, with what each
// printed, logged and left in sysfs.
#ifndef DMDAX_TESTS_CONFORMANCE_TABLE_CASE_H_
#define DMDAX_TESTS_CONFORMANCE_TABLE_CASE_H_

#include "base/kernel_profile.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

Verdict RunTableCase(const Json& test, const Json& result, const Json& env,
                     const KernelProfile& profile);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_TABLE_CASE_H_
