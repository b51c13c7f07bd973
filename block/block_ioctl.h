// SPDX-License-Identifier: Apache-2.0
//
// BlockIoctl: an ioctl(2) of a block device, or of /dev/loop-control, without
// the pointer: what it points to is in `bytes`.
//
//   BlockIoctlArg arg = BlockIoctlArgOf(BLKGETSIZE64);
//   arg.size;  // 8: so many bytes are read before and written after the call
//
// Mirrors: include/uapi/linux/fs.h, loop.h, blkpg.h, hdreg.h.
// Threading: plain values.
#ifndef DMDAX_BLOCK_BLOCK_IOCTL_H_
#define DMDAX_BLOCK_BLOCK_IOCTL_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace dmdax {

struct BlockIoctl {
  uint32_t command = 0;
  // The argument itself: of those that take a number (BLKRASET, LOOP_SET_FD,
  // LOOP_CTL_ADD, ...) all there is.
  uint64_t value = 0;
  // What it points to: read, and overwritten with the reply.  Shorter than
  // BlockIoctlArgOf().size: EFAULT.
  absl::Span<char> bytes;
  // LOOP_SET_FD, LOOP_CHANGE_FD, LOOP_CONFIGURE: the descriptor that the
  // argument names, as this process has it (it is duplicated); -1: EBADF.
  int fd = -1;
  // Whether the caller has CAP_SYS_ADMIN.
  bool admin = true;
};

struct BlockIoctlArg {
  // Bytes behind the pointer; 0: the argument is a number, or nothing.
  size_t size = 0;
  bool reads = false;   // the call reads them
  bool writes = false;  // and writes them
  // The argument, or a field of it, is a descriptor; where in `bytes`: SIZE_MAX
  // if it is the argument.
  bool has_fd = false;
  size_t fd_at = SIZE_MAX;
  // BLKPG: `bytes` is a struct blkpg_ioctl_arg, of `size` bytes, and right
  // behind it what its member `data` points to, of so many bytes.
  size_t nested = 0;
};

// Of a command that no block device knows, all is zero.
BlockIoctlArg BlockIoctlArgOf(uint32_t command);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_BLOCK_IOCTL_H_
