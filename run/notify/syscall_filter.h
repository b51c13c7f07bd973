// SPDX-License-Identifier: Apache-2.0
//
// SyscallFilter: which system calls of a command the supervisor is asked about,
// as a program of seccomp(2).
//
//   std::vector<sock_filter> program =
//       SyscallFilter({.first = 900, .end = 1024}, UserIds::kRoot);
//
// A call that names a descriptor is notified if a device may be behind its
// number, so that I/O on the command's own files never leaves the kernel; the
// rest is call_table.h's.  All others are allowed, and as the filter never
// looks at their arguments, the kernel (5.11 on) does not even run it for them.
//
// Mirrors: struct seccomp_data of include/uapi/linux/seccomp.h.
#ifndef DMDAX_RUN_NOTIFY_SYSCALL_FILTER_H_
#define DMDAX_RUN_NOTIFY_SYSCALL_FILTER_H_

#include <linux/filter.h>

#include <vector>

#include "run/notify/call.h"

namespace dmdax::run {

std::vector<sock_filter> SyscallFilter(DescriptorNumbers numbers, UserIds ids);

}  // namespace dmdax::run

#endif  // DMDAX_RUN_NOTIFY_SYSCALL_FILTER_H_
