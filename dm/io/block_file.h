// SPDX-License-Identifier: Apache-2.0
//
// BlockFile: an open block device, as a program that opened its node has it.
//
//   absl::StatusOr<std::unique_ptr<BlockFile>> file =
//       BlockFile::Open(ctl, bdev->dev(), O_RDWR, "dd");
//   (*file)->Write(1000, bytes);        // pwrite(2): any offset and length
//   BlockIoctl size{.command = BLKGETSIZE64, .bytes = absl::MakeSpan(eight)};
//   (*file)->Ioctl(size);               // `eight` has the size
//   file->reset();                      // close(2)
//
// Reads and writes are those of dm/io/buffered_io.h, or with O_DIRECT those of
// dm/io/direct_io.h.  Here is no cache: what is written has gone down the stack
// when Write() returns; but its error is told by Fsync(), as the kernel does.
//
// As long as it lives the device is open: dm's open count has it, `dmsetup
// remove` is EBUSY, and a deferred removal is done when the last one closes.
//
// Errors are statuses with the errno of the system call.  A device that is
// suspended, or stands on one, keeps its callers waiting: IsSuspended(status)
// (dm/bio/submit_bio.h); the caller tries the whole call again when a command
// has been given.
//
// Mirrors: block/fops.c, block/ioctl.c, blkdev_get_by_dev of block/bdev.c,
// dm_blk_open, dm_blk_close, dm_blk_getgeo of drivers/md/dm.c (6.1).
// Threading: thread-compatible; several files of one device may be used in
// several threads, while no device is removed.
#ifndef DMDAX_DM_IO_BLOCK_FILE_H_
#define DMDAX_DM_IO_BLOCK_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "block/block_device.h"
#include "block/block_ioctl.h"
#include "block/disk_bytes.h"
#include "dm/bio/submit_bio.h"
#include "dm/dm_ioctl.h"
#include "dm/io/buffered_io.h"
#include "dm/io/direct_io.h"

namespace dmdax {

// A run of a device that is a run of one file, which may be read and written
// instead of the device, until the generation changes.
struct BlockBacking {
  int fd;               // of this process; it belongs to the disk
  uint64_t offset;      // of the file, bytes
  uint64_t length;      // bytes
  uint64_t generation;  // IoGeneration() of the machine
};

class BlockFile {
 public:
  // open(2) of the node of `dev`.  `flags`: O_RDONLY, O_WRONLY or O_RDWR, and
  // O_DIRECT, O_EXCL (claims the device); others mean nothing.  `comm`: the
  // program, as the kernel's log names it.
  //   ENXIO  no such device, or it is being removed   EBUSY  claimed
  // `ctl` outlives the file.
  static absl::StatusOr<std::unique_ptr<BlockFile>> Open(
      DmCtl& ctl, DevT dev, int flags, const std::string& comm);
  ~BlockFile();
  BlockFile(const BlockFile&) = delete;
  BlockFile& operator=(const BlockFile&) = delete;

  BlockDevice& bdev() const { return bdev_; }
  int flags() const { return flags_; }
  // F_SETFL: only O_DIRECT can be changed.
  void SetDirect(bool on);

  // pread(2), pwrite(2): how many of the bytes; fewer at the device's end, 0
  // for a read that begins there.
  //   EBADF  not opened for that      ENOSPC  a write that begins at the end
  //   EPERM  the device is read-only  EINVAL  O_DIRECT, not aligned
  //   EIO ...  of a target or a disk
  // `memory`: where the program has them, which matters with O_DIRECT.
  absl::StatusOr<size_t> Read(uint64_t offset, absl::Span<char> bytes,
                              IoMemory memory = {});
  absl::StatusOr<size_t> Write(uint64_t offset, absl::Span<const char> bytes,
                               IoMemory memory = {});

  // fsync(2), fdatasync(2): a flush goes down the stack to each disk.
  //   EIO  something that anybody has written was not taken, and this file has
  //        not been told so far
  absl::Status Fsync();
  // What Fsync() would tell of writes so far, for whoever opens it anew in its
  // place.
  absl::Status TakeWriteback();

  // fallocate(2).  FALLOC_FL_PUNCH_HOLE | KEEP_SIZE and FALLOC_FL_ZERO_RANGE
  // make zeros; with NO_HIDE_STALE a discard.  EOPNOTSUPP: another mode;
  // EINVAL: not in logical blocks, or past the end.
  absl::Status Fallocate(int mode, uint64_t offset, uint64_t length);

  // lseek(fd, 0, SEEK_END), in bytes.
  uint64_t Size() const;

  // ioctl(2); see block/block_ioctl.h for how the argument is given.  What it
  // returns, nearly always 0, or ENOTTY and the others of block/ioctl.c.
  absl::StatusOr<int> Ioctl(const BlockIoctl& request);

  // The longest run from `offset` on that lies in one file; nothing: the bytes
  // are no file's, or a target has to see what passes.  Within one generation
  // that does not change.
  std::optional<BlockBacking> Backing(
      uint64_t offset, uint64_t most,
      DiskBytes::IfMemory if_memory = DiskBytes::IfMemory::kBecomesFile);

 private:
  BlockFile(DmCtl& ctl, BlockDevice& bdev, int flags, const std::string& comm);
  // Whether all of them lie in one file, and were written there at once.
  bool WriteToBacking(uint64_t offset, absl::Span<const char> bytes);
  uint64_t BlockSize() const;  // of logical blocks

  // blkdev_issue_discard(), blkdev_issue_zeroout().
  enum class Fallback { kNone, kWriteZeros };
  absl::Status CheckChange(uint64_t offset, uint64_t length) const;
  absl::Status Discard(uint64_t offset, uint64_t length);
  absl::Status ZeroOut(uint64_t offset, uint64_t length, Fallback fallback);

  // --- block_file_ioctl.cc ---
  absl::StatusOr<int> NumberIoctl(const BlockIoctl& request, bool* known);
  absl::StatusOr<int> RangeIoctl(const BlockIoctl& request);
  absl::StatusOr<int> Blkpg(const BlockIoctl& request);
  absl::StatusOr<int> SetBlockSize(const BlockIoctl& request);
  absl::StatusOr<int> Geometry(const BlockIoctl& request);

  DmCtl& ctl_;
  BlockDevice& bdev_;
  int flags_;
  const unsigned mode_;  // FMODE_*
  bool opened_ = false;
  BioSubmitter bios_;
  DirectIo direct_;
  BufferedIo buffered_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_IO_BLOCK_FILE_H_
