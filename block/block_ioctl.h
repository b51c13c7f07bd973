// SPDX-License-Identifier: Apache-2.0
//
// BlockIoctl: an ioctl(2) of a block device, or of /dev/loop-control, without
// the pointer: what it points to is in `bytes`.
//
//   char size[8];
//   BlockIoctl request{.command = BLKGETSIZE64, .bytes = absl::MakeSpan(size)};
//
// Which commands there are, and how many bytes they take:
// block/block_ioctl_arg.h.
// Threading: plain values.
#ifndef DMDAX_BLOCK_BLOCK_IOCTL_H_
#define DMDAX_BLOCK_BLOCK_IOCTL_H_

#include <cstdint>

#include "absl/types/span.h"

namespace dmdax {

struct BlockIoctl {
  uint32_t command = 0;
  // The argument itself: of those that take a number (BLKRASET, LOOP_SET_FD,
  // LOOP_CTL_ADD, ...) all there is.
  uint64_t value = 0;
  // What it points to: read, and overwritten with the reply.  Shorter than
  // dmdax_ioctl_arg_of() says: EFAULT.
  absl::Span<char> bytes;
  // LOOP_SET_FD, LOOP_CHANGE_FD, LOOP_CONFIGURE: the descriptor that the
  // argument names, as this process has it (it is duplicated); -1: EBADF.
  int fd = -1;
  // Whether the caller has CAP_SYS_ADMIN.
  bool admin = true;
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_BLOCK_IOCTL_H_
