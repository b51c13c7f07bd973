// SPDX-License-Identifier: Apache-2.0
//
// OpenAt: openat(2) on the machine.
#ifndef DMDAX_RUN_PRELOAD_OPEN_H_
#define DMDAX_RUN_PRELOAD_OPEN_H_

#include <sys/types.h>

namespace dmdax::preload {

// A descriptor, or -1 with errno.
int OpenAt(int dir, const char* path, int flags, mode_t mode);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_OPEN_H_
