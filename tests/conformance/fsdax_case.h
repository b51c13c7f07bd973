// SPDX-License-Identifier: Apache-2.0
//
// An `fsdax` (or `lvm`) case: a file system on a device stack, files, and
// mappings of them that are touched.  The device stack is the caller's; the
// file's extents are what the recording's FIEMAP and iomap events say; every
// signal, fault count, page frame, mapping size and event is ours and must be
// the recorded one.
#ifndef DMDAX_TESTS_CONFORMANCE_FSDAX_CASE_H_
#define DMDAX_TESTS_CONFORMANCE_FSDAX_CASE_H_

#include "fs/dax_mount.h"
#include "tests/conformance/fault_case.h"

namespace dmdax::conformance {

Verdict CompareFsdaxCase(const Json& test, const Json& result,
                         const FaultProfile& profile, const SuperBlock& sb,
                         const CaseDevices& devices);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_FSDAX_CASE_H_
