// SPDX-License-Identifier: Apache-2.0
//
// The ioctls of /dev/loop-control and of a loop device: loop_control_ioctl and
// lo_ioctl of drivers/block/loop.c (6.1).
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/loop/loop.h"
#include "block/loop/loop_info.h"
#include "block/loop/loop_state.h"

namespace dmdax {

absl::StatusOr<int> LoopDriver::Control(const BlockIoctl& request) {
  absl::MutexLock lock(&mu_);
  Adopt({});
  const auto number = static_cast<int>(request.value);
  switch (request.command) {
    case LOOP_CTL_ADD: {
      absl::StatusOr<Loop*> loop = Add(number);
      if (!loop.ok()) return loop.status();
      return (*loop)->number;
    }
    case LOOP_CTL_REMOVE: {
      if (number < 0) return ErrnoError(EINVAL, "which loop device?");
      auto it = loops_.find(number);
      if (it == loops_.end()) {
        return ErrnoError(ENODEV, absl::StrCat("no loop", number));
      }
      Loop& loop = *it->second;
      if (loop.file.ok() || loop.bdev.nr_sectors() > 0 ||
          loop.bdev.disk_openers() > 0) {
        return LoopRefuses(EBUSY, loop.bdev, "is in use");
      }
      absl::Status s = machine_.Remove(loop.bdev.name());
      if (!s.ok()) return s;
      loops_.erase(it);
      return 0;
    }
    case LOOP_CTL_GET_FREE: {
      for (const auto& [n, loop] : loops_) {
        // One that a World gave a size is taken.
        if (!loop->file.ok() && loop->bdev.nr_sectors() == 0) return n;
      }
      absl::StatusOr<Loop*> loop = Add(-1);
      if (!loop.ok()) return loop.status();
      return (*loop)->number;
    }
    default:
      return ErrnoError(ENOSYS, "no command of /dev/loop-control");
  }
}

absl::Status LoopDriver::SetNumber(Loop& loop, const BlockIoctl& request) {
  if (!loop.file.ok()) return LoopRefuses(ENXIO, loop.bdev, "has no file");
  switch (request.command) {
    case LOOP_SET_CAPACITY:
      Place(loop);
      return absl::OkStatus();
    case LOOP_SET_DIRECT_IO:
      if (request.value != 0 && loop.info.lo_offset % kSectorSize != 0) {
        return LoopRefuses(EINVAL, loop.bdev,
                           absl::StrCat("offset ", loop.info.lo_offset,
                                        " is not in whole sectors"));
      }
      loop.info.lo_flags = request.value != 0
                               ? loop.info.lo_flags | LO_FLAGS_DIRECT_IO
                               : loop.info.lo_flags & ~LO_FLAGS_DIRECT_IO;
      return absl::OkStatus();
    default:
      if (!LoopBlockSizeFits(request.value)) {
        return LoopRefuses(EINVAL, loop.bdev,
                           absl::StrCat("block size ", request.value));
      }
      SetLoopBlockSize(loop.bdev, static_cast<uint32_t>(request.value));
      return absl::OkStatus();
  }
}

absl::Status LoopDriver::DoIoctl(Loop& loop, BlockDevice& bdev, unsigned mode,
                                 const BlockIoctl& request) {
  const bool may = (mode & FMODE_WRITE) || request.admin;
  const absl::Status no_right =
      LoopRefuses(EPERM, bdev, "opened for reading only");
  switch (request.command) {
    case LOOP_SET_FD:
      return Configure(loop, mode, {}, request.fd);
    case LOOP_CONFIGURE: {
      loop_config config;
      if (!GetLoopArgument(request, &config)) return TooFewBytes();
      return Configure(loop, mode, config, request.fd);
    }
    case LOOP_CHANGE_FD:
      return ChangeFd(loop, request.fd);
    case LOOP_CLR_FD:
      if (!loop.file.ok()) return LoopRefuses(ENXIO, bdev, "has no file");
      // The last of several openers clears it when it closes.
      loop.info.lo_flags |= LO_FLAGS_AUTOCLEAR;
      if (bdev.disk_openers() <= 1) Clear(loop);
      return absl::OkStatus();
    case LOOP_SET_STATUS:
    case LOOP_SET_STATUS64: {
      if (!may) return no_right;
      loop_info64 info = {};
      const bool is_old = request.command == LOOP_SET_STATUS;
      if (is_old ? !InfoOfOld(request.bytes, &info)
                 : !GetLoopArgument(request, &info)) {
        return TooFewBytes();
      }
      return SetStatus(loop, info);
    }
    case LOOP_GET_STATUS:
    case LOOP_GET_STATUS64: {
      if (!loop.file.ok()) return LoopRefuses(ENXIO, bdev, "has no file");
      const loop_info64 info = StatusOf(loop);
      if (request.command == LOOP_GET_STATUS) {
        return OldOfInfo(info, request.bytes);
      }
      if (request.bytes.size() < sizeof(info)) return TooFewBytes();
      memcpy(request.bytes.data(), &info, sizeof(info));
      return absl::OkStatus();
    }
    case LOOP_SET_CAPACITY:
    case LOOP_SET_DIRECT_IO:
    case LOOP_SET_BLOCK_SIZE:
      if (!may) return no_right;
      return SetNumber(loop, request);
    default:
      return LoopRefuses(EINVAL, bdev, "no ioctl of a loop device");
  }
}

absl::StatusOr<int> LoopDriver::Ioctl(BlockDevice& bdev, unsigned mode,
                                      const BlockIoctl& request) {
  absl::MutexLock lock(&mu_);
  Loop* const loop = bdev.is_partition() ? Find(bdev.whole()) : Find(bdev);
  if (loop == nullptr) return LoopRefuses(ENOTTY, bdev, "is no loop device");
  const absl::Status s = DoIoctl(*loop, bdev, mode, request);
  Publish(*loop);
  if (!s.ok()) return s;
  return 0;
}

}  // namespace dmdax
