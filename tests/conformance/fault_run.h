// SPDX-License-Identifier: Apache-2.0
//
// Runs a recorded `fsdax`, `lvm` or `devdax` case from its first step: builds
// the guest and its device stack, then compares every touch.
#ifndef DMDAX_TESTS_CONFORMANCE_FAULT_RUN_H_
#define DMDAX_TESTS_CONFORMANCE_FAULT_RUN_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/kernel_profile.h"
#include "fs/dax_mount.h"
#include "state/session.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// The guest with the case's devices, before it mounts; what it cannot do of the
// steps in front of that is `verdict`'s.
absl::StatusOr<Session> GuestOfCase(const Json& test, const Json& result,
                                    const Json& env,
                                    const KernelProfile& profile,
                                    Verdict& verdict);

// What the case asks of the file system, on a device with an optimal_io_size of
// `io_opt` bytes.
MountRequest RequestOfCase(const Json& test, const Json& result,
                           uint32_t io_opt);

Verdict RunFaultCase(const Json& test, const Json& result, const Json& env,
                     const KernelProfile& profile);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_FAULT_RUN_H_
