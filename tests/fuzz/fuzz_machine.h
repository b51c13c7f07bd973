// SPDX-License-Identifier: Apache-2.0
//
// A small machine for fuzzers: pmem0 and pmem1 with bytes, a disk without.
#ifndef DMDAX_TESTS_FUZZ_FUZZ_MACHINE_H_
#define DMDAX_TESTS_FUZZ_FUZZ_MACHINE_H_

#include "base/kernel_profile.h"
#include "state/session.h"

namespace dmdax::fuzz {

// One of the kernel profiles; any number will do.
const KernelProfile& ProfileNumber(size_t number);

Session FuzzMachine(const KernelProfile& profile);

// Aborts, so that a fuzzer reports it.
inline void Check(bool good) {
  if (!good) __builtin_trap();
}

}  // namespace dmdax::fuzz

#endif  // DMDAX_TESTS_FUZZ_FUZZ_MACHINE_H_
