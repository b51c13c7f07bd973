// SPDX-License-Identifier: Apache-2.0
//
// OpenMounts: /proc/self/mountinfo without the numbers of the host's disks,
// which are other devices of the machine: a program would take them for
// mounted.
#ifndef DMDAX_RUN_PRELOAD_MOUNTS_H_
#define DMDAX_RUN_PRELOAD_MOUNTS_H_

namespace dmdax::preload {

// Whether it is the path of one.
bool IsMountInfo(const char* path);
// A file of memory with its text, or -1 with errno.
int OpenMountInfo(const char* path, int flags);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_MOUNTS_H_
