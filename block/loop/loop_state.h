// SPDX-License-Identifier: Apache-2.0
//
// LoopDriver::Loop: one loop device, as the parts of its driver see it; nobody
// else does.
#ifndef DMDAX_BLOCK_LOOP_LOOP_STATE_H_
#define DMDAX_BLOCK_LOOP_LOOP_STATE_H_

#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "block/loop/loop.h"
#include "block/loop/loop_info.h"

namespace dmdax {

struct LoopDriver::Loop final : BlockDriver {
  Loop(LoopDriver& d, int n, BlockDevice& b) : driver(d), number(n), bdev(b) {}

  absl::StatusOr<int> Ioctl(BlockDevice& asked, unsigned mode,
                            const BlockIoctl& request) override {
    return driver.Ioctl(asked, mode, request);
  }
  void Closed(BlockDevice& closed) override { driver.Closed(closed); }

  // get_loop_size(), in sectors.
  uint64_t SizeOf(int fd) const {
    struct stat st;
    if (fstat(fd, &st) != 0) return 0;
    uint64_t size = static_cast<uint64_t>(st.st_size);
    if (S_ISBLK(st.st_mode)) {
      const off_t end = lseek(fd, 0, SEEK_END);
      size = end < 0 ? 0 : static_cast<uint64_t>(end);
    }
    size = size < info.lo_offset ? 0 : size - info.lo_offset;
    if (info.lo_sizelimit > 0) {
      size = std::min<uint64_t>(size, info.lo_sizelimit);
    }
    return size >> kSectorShift;
  }

  LoopDriver& driver;
  const int number;
  BlockDevice& bdev;
  Fd file;  // none: Lo_unbound
  std::string path;
  loop_info64 info = {};
};

// What Configure() and the ioctls have in common.
inline absl::Status LoopRefuses(int err, const BlockDevice& bdev,
                                absl::string_view what) {
  return ErrnoError(err, absl::StrCat(bdev.name(), ": ", what));
}

template <typename T>
bool GetLoopArgument(const BlockIoctl& request, T* value) {
  if (request.bytes.size() < sizeof(*value)) return false;
  memcpy(value, request.bytes.data(), sizeof(*value));
  return true;
}

inline absl::Status TooFewBytes() {
  return ErrnoError(EFAULT, "too few bytes");
}

// loop_validate_block_size().
inline bool LoopBlockSizeFits(uint64_t size) {
  return size >= kSectorSize && size <= kPageSize && (size & (size - 1)) == 0;
}

inline void SetLoopBlockSize(BlockDevice& bdev, uint32_t size) {
  QueueLimits limits = bdev.queue().limits();
  limits.logical_block_size = size;
  limits.physical_block_size = size;
  limits.io_min = size;
  bdev.queue().SetLimits(limits);
}

// loop_config_discard(): a hole is punched where a regular file can have one.
inline void SetLoopDiscard(BlockDevice& bdev, int fd) {
  struct stat st;
  struct statfs fs;
  const bool can = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                   fstatfs(fd, &fs) == 0;
  const uint32_t most = can ? ~uint32_t{0} >> kSectorShift : 0;
  QueueLimits limits = bdev.queue().limits();
  limits.max_discard_sectors = limits.max_hw_discard_sectors = most;
  limits.max_write_zeroes_sectors = most;
  limits.discard_granularity = can ? static_cast<uint32_t>(fs.f_bsize) : 0;
  bdev.queue().SetLimits(limits);
}

}  // namespace dmdax

#endif  // DMDAX_BLOCK_LOOP_LOOP_STATE_H_
