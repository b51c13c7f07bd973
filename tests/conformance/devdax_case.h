// SPDX-License-Identifier: Apache-2.0
//
// A `devdax` case: mappings of /dev/daxX.Y, touched.  The device is made from
// the namespace that the case's ndctl step creates and the recording's list
// of persistent-memory ranges.
#ifndef DMDAX_TESTS_CONFORMANCE_DEVDAX_CASE_H_
#define DMDAX_TESTS_CONFORMANCE_DEVDAX_CASE_H_

#include "tests/conformance/fault_case.h"

namespace dmdax::conformance {

Verdict CompareDevdaxCase(const Json& test, const Json& result, const Json& env,
                          const FaultProfile& profile);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_DEVDAX_CASE_H_
