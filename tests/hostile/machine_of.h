// SPDX-License-Identifier: Apache-2.0
//
// MachineOf: what a state directory holds, to be compared.
#ifndef DMDAX_TESTS_HOSTILE_MACHINE_OF_H_
#define DMDAX_TESTS_HOSTILE_MACHINE_OF_H_

#include <string>

namespace dmdax::hostile {

// Equal for equal machines.  One that can not be read, or contradicts itself,
// is a failure of the test.
std::string MachineOf(const std::string& state);

}  // namespace dmdax::hostile

#endif  // DMDAX_TESTS_HOSTILE_MACHINE_OF_H_
