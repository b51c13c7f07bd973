// SPDX-License-Identifier: Apache-2.0
//
// MountInfo: /proc/PID/mountinfo without the numbers of the host's disks, which
// are other devices of the machine: a program would take them for mounted.
//
//   IsMountInfo("/proc/1234/mountinfo");     // true
//   WithoutDisks("36 35 98:0 / /mnt rw\n");  // "36 35 0:0 / /mnt rw\n"
//
// Threading: thread-safe.
#ifndef DMDAX_RUN_NOTIFY_MOUNT_INFO_H_
#define DMDAX_RUN_NOTIFY_MOUNT_INFO_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"

namespace dmdax::run {

bool IsMountInfo(absl::string_view path);
std::string WithoutDisks(absl::string_view text);
// A file of memory with the text of the one at `path`.
absl::StatusOr<Fd> OpenMountInfo(const std::string& path);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_MOUNT_INFO_H_
