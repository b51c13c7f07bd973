// SPDX-License-Identifier: Apache-2.0
//
// DirectIo: what read(2) and write(2) of an O_DIRECT descriptor of a block
// device do, and what the kernel logs about it on the way down the stack.
//
//   DirectIo io(machine, "dd");  // who asks, as the log names it
//   absl::StatusOr<size_t> n = io.Write(*bdev, 4096, bytes);
//   // EIO, and "dd: attempt to access beyond end of device..." in the log
//
// A request is one bio (dm/bio/submit_bio.h).  Each piece is checked where it
// arrives: a device that is read-only is written to nevertheless, with a word
// of warning; a piece that reaches past a device's end fails; on old kernels a
// device of size 0 is not checked, and fails itself.  The pieces beside it are
// done.
//
// Mirrors: __blkdev_direct_IO_simple, blkdev_dio_unaligned of block/fops.c,
// bdev_iter_is_aligned (5.10 to 7.3).
// Threading: thread-compatible.
#ifndef DMDAX_DM_IO_DIRECT_IO_H_
#define DMDAX_DM_IO_DIRECT_IO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "block/block_device.h"
#include "block/machine.h"
#include "dm/bio/submit_bio.h"

namespace dmdax {

// Where a program has the bytes of a request: the addresses of its parts ORed,
// and their lengths.  As it stands here: nothing is wrong with it.
struct IoMemory {
  uint32_t addresses = 0;
  uint32_t lengths = 0;
};

class DirectIo {
 public:
  // `comm`: the name of the process.
  explicit DirectIo(
      Machine& machine, std::string comm,
      BioSubmitter::Suspended suspended = BioSubmitter::Suspended::kPass)
      : profile_(machine.profile()),
        bios_(machine, std::move(comm), suspended) {}

  // pread(2), pwrite(2): how many of the bytes, fewer at the device's end.
  // EINVAL: not in whole logical blocks, or memory that the device can not
  // reach so; EPERM: the device is read-only; ENOSPC: a write that begins at
  // the end; EIO and the like: of a bio.
  absl::StatusOr<size_t> Read(BlockDevice& bdev, uint64_t offset,
                              absl::Span<char> bytes, IoMemory memory = {});
  absl::StatusOr<size_t> Write(BlockDevice& bdev, uint64_t offset,
                               absl::Span<const char> bytes,
                               IoMemory memory = {});
  // EINVAL: not in logical blocks.
  static absl::Status CheckAligned(const BlockDevice& bdev, uint64_t offset,
                                   uint64_t size);
  // EPERM, ENOSPC: the device is not written there; else where the write ends.
  static absl::StatusOr<uint64_t> EndOfWrite(const BlockDevice& bdev,
                                             uint64_t offset, uint64_t size);

 private:
  absl::Status CheckMemory(const BlockDevice& bdev, IoMemory memory) const;

  const KernelProfile& profile_;
  BioSubmitter bios_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_IO_DIRECT_IO_H_
