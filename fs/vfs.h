// SPDX-License-Identifier: Apache-2.0
//
// What system calls on an open file are told before its file system is asked.
//
//   int err = CheckFallocate(profile, *file, FALLOC_FL_ZERO_RANGE, 0, 4096);
//   // -EBADF: it is not open for writing
//
// The order of the checks is the kernel's: a wrong length is EINVAL and an
// unknown mode EOPNOTSUPP even for a file that is open for reading.
//
// Mirrors: fs/open.c vfs_fallocate, do_sys_ftruncate; fs/read_write.c
// vfs_write (6.1; 6.12).
// Threading: plain functions.
// Errors: 0 or -errno.
#ifndef DMDAX_FS_VFS_H_
#define DMDAX_FS_VFS_H_

#include <cstdint>

#include "base/fault_profile.h"
#include "mm/vm_area.h"

namespace dmdax {

// fallocate(2), `mode` of FALLOC_FL_*: EINVAL, EOPNOTSUPP, EBADF, and ENODEV
// for what has no blocks.
int CheckFallocate(const FaultProfile& profile, const File& file, int mode,
                   uint64_t offset, uint64_t length);
// The same without a file: what is wrong whatever it is called on.
int CheckFallocateRange(const FaultProfile& profile, int mode, uint64_t offset,
                        uint64_t length);
// ftruncate(2): EINVAL, also for a file that is not open for writing.
int CheckFtruncate(const File& file, uint64_t size);
// write(2): EBADF.
int CheckWrite(const File& file);

}  // namespace dmdax

#endif  // DMDAX_FS_VFS_H_
