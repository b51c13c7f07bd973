// SPDX-License-Identifier: Apache-2.0
//
// A raw ioctl of a recorded case: the same bytes are built, handed to
// CtlIoctl(), and decoded the way the recording decoded the kernel's.
#ifndef DMDAX_TESTS_CONFORMANCE_IOCTL_STEP_H_
#define DMDAX_TESTS_CONFORMANCE_IOCTL_STEP_H_

#include "dm/wire/ctl_ioctl.h"
#include "tests/conformance/verdict.h"

namespace dmdax::conformance {

// The fields of the recorded step but `dmesg` and `devs`: errno, version,
// target_count, open_count, flags, event_nr, dev, name, uuid and the payload.
Json RunIoctlStep(DmCtl& ctl, DmFile& file, const Json& step);

}  // namespace dmdax::conformance

#endif  // DMDAX_TESTS_CONFORMANCE_IOCTL_STEP_H_
