// SPDX-License-Identifier: Apache-2.0
//
// DirectIo: what read(2) and write(2) of an O_DIRECT descriptor of a block
// device do, and what the kernel logs about it on the way down the stack.
//
//   DirectIo io(machine, "dd");  // who asks, as the log names it
//   absl::StatusOr<size_t> n = io.Write(*bdev, 4096, bytes);
//   // EIO, and "dd: attempt to access beyond end of device..." in the log
//
// A request is one bio.  Each mapped device cuts it at the ends of its rows and
// at their max_io_len; each piece is checked where it arrives: a device that is
// read-only is written to nevertheless, with a word of warning; a piece that
// reaches past a device's end fails; on old kernels a device of size 0 is not
// checked, and fails itself.  The pieces beside it are done.
//
// Mirrors: __blkdev_direct_IO_simple of block/fops.c, bio_check_ro and
// bio_check_eod of block/blk-core.c, dm_split_and_process_bio of
// drivers/md/dm.c (5.10, 6.1, 6.12).
// Threading: thread-compatible.
#ifndef DMDAX_DM_IO_DIRECT_IO_H_
#define DMDAX_DM_IO_DIRECT_IO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "block/block_device.h"
#include "block/machine.h"
#include "dm/device_mapper.h"

namespace dmdax {

class DirectIo {
 public:
  // `comm`: the name of the process.
  DirectIo(Machine& machine, std::string comm)
      : machine_(machine), comm_(std::move(comm)) {}

  // pread(2), pwrite(2): how many of the bytes, fewer at the device's end.
  // EINVAL: not in whole logical blocks; EPERM: the device is read-only;
  // ENOSPC: a write that begins at the end; EIO and the like: of a bio.
  absl::StatusOr<size_t> Read(BlockDevice& bdev, uint64_t offset,
                              absl::Span<char> bytes);
  absl::StatusOr<size_t> Write(BlockDevice& bdev, uint64_t offset,
                               absl::Span<const char> bytes);

 private:
  // A bio, or a piece of one; `at` is where in the request it begins.
  struct Piece {
    BlockDevice* bdev;
    sector_t sector;
    uint64_t at;
    uint64_t count;
  };
  absl::Status Aligned(const BlockDevice& bdev, uint64_t offset,
                       size_t size) const;
  // Sends the piece down.  The first error is kept; `good` gets what arrived.
  void Submit(const Piece& piece, ReqOp op, std::vector<Piece>* good,
              absl::Status* status);
  void WarnReadOnly(BlockDevice& bdev);
  void SayIoError(const Piece& piece, ReqOp op);

  Machine& machine_;
  const std::string comm_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_IO_DIRECT_IO_H_
