// SPDX-License-Identifier: Apache-2.0
//
// Steps of a `table` case that are programs: what they did to the machine is
// applied, most of it as recorded.
#ifndef DMDAX_TESTS_CONFORMANCE_PROGRAM_STEP_H_
#define DMDAX_TESTS_CONFORMANCE_PROGRAM_STEP_H_

#include <string>

#include "tests/conformance/disk_step.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// Runs the step; false: it is none of these.
bool RunProgramStep(const std::string& where, const Json& step,
                    const Json& recorded, DiskState& state, Verdict& verdict);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_PROGRAM_STEP_H_
