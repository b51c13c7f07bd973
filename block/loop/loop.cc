// SPDX-License-Identifier: Apache-2.0
#include "block/loop/loop.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "block/loop/loop_info.h"
#include "block/loop/loop_state.h"
#include "block/partitions/partitions.h"

namespace dmdax {
namespace {

constexpr uint32_t kLoopMajor = 7;

constexpr uint32_t kSettable = LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN;
constexpr uint32_t kClearable = LO_FLAGS_AUTOCLEAR;
constexpr uint32_t kConfigurable =
    kSettable | LO_FLAGS_READ_ONLY | LO_FLAGS_DIRECT_IO;

// A description of our own: the program's may be O_APPEND or O_DIRECT.
Fd Reopen(int fd) {
  const int access = fcntl(fd, F_GETFL) & O_ACCMODE;
  Fd own(open(absl::StrCat("/proc/self/fd/", fd).c_str(), access | O_CLOEXEC));
  if (own.ok()) return own;
  return Fd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

std::string PathOf(int fd) {
  char path[PATH_MAX];
  const ssize_t n =
      readlink(absl::StrCat("/proc/self/fd/", fd).c_str(), path, sizeof(path));
  return n > 0 ? std::string(path, static_cast<size_t>(n)) : "";
}

}  // namespace

LoopDriver::LoopDriver(Machine& machine, Files files) : machine_(machine) {
  absl::MutexLock lock(&mu_);
  Adopt(std::move(files));
}

LoopDriver::~LoopDriver() {
  absl::MutexLock lock(&mu_);
  for (const auto& [number, loop] : loops_) loop->bdev.set_driver(nullptr);
}

void LoopDriver::Adopt(Files files) {
  for (BlockDevice* bdev : machine_.BlockDevices()) {
    int number;
    if (bdev->is_partition() || bdev->dev().major_nr != kLoopMajor ||
        bdev->driver() != nullptr || !absl::StartsWith(bdev->name(), "loop") ||
        !absl::SimpleAtoi(bdev->name().substr(4), &number) || number < 0) {
      continue;
    }
    loops_[number] = std::make_unique<Loop>(*this, number, *bdev);
    Loop& loop = *loops_[number];
    bdev->set_driver(&loop);
    const BlockOptions* const options = machine_.FindBlockOptions(bdev->name());
    if (options != nullptr && options->loop) {
      Restore(loop, *options->loop, std::move(files[number]));
    }
  }
}

LoopDriver::Loop* LoopDriver::Find(const BlockDevice& bdev) const {
  for (const auto& [number, loop] : loops_) {
    if (&loop->bdev == &bdev) return loop.get();
  }
  return nullptr;
}

bool LoopDriver::Owns(const BlockDevice& bdev) const {
  absl::MutexLock lock(&mu_);
  return Find(bdev) != nullptr;
}

// loop_add().
absl::StatusOr<LoopDriver::Loop*> LoopDriver::Add(int number) {
  if (number < 0) {
    number = 0;
    while (loops_.contains(number)) ++number;
  } else if (loops_.contains(number)) {
    return ErrnoError(EEXIST, absl::StrCat("loop", number, " is there"));
  }
  BlockOptions options;
  options.name = absl::StrCat("loop", number);
  options.empty = true;
  options.dev = DevT{kLoopMajor, static_cast<uint32_t>(number)};
  options.limits.max_hw_sectors = machine_.profile().blk_def_max_sectors;
  options.limits.max_sectors = machine_.profile().blk_def_max_sectors;
  absl::StatusOr<BlockDevice*> bdev = machine_.AddBlock(options);
  if (!bdev.ok()) return bdev.status();
  auto loop = std::make_unique<Loop>(*this, number, **bdev);
  (*bdev)->set_driver(loop.get());
  (*bdev)->set_suppress_part_scan(true);
  return (loops_[number] = std::move(loop)).get();
}

namespace {

// loop_validate_file().
absl::Status CheckFile(const BlockDevice& bdev, int fd) {
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0) return LoopRefuses(EBADF, bdev, "no file");
  if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
    return LoopRefuses(EINVAL, bdev,
                       "neither a regular file nor a block device");
  }
  return absl::OkStatus();
}

// loop_set_status_from_info().
absl::Status TakeInfo(const BlockDevice& bdev, const loop_info64& from,
                      loop_info64* info) {
  if (from.lo_encrypt_key_size > LO_KEY_SIZE ||
      from.lo_encrypt_type != LO_CRYPT_NONE) {
    return LoopRefuses(EINVAL, bdev, "a loop device enciphers nothing");
  }
  constexpr uint64_t kMax = LLONG_MAX;
  if (from.lo_offset > kMax || from.lo_sizelimit > kMax) {
    return LoopRefuses(EOVERFLOW, bdev,
                       absl::StrCat("offset ", from.lo_offset, ", size limit ",
                                    from.lo_sizelimit));
  }
  info->lo_offset = from.lo_offset;
  info->lo_sizelimit = from.lo_sizelimit;
  memcpy(info->lo_file_name, from.lo_file_name, LO_NAME_SIZE);
  info->lo_file_name[LO_NAME_SIZE - 1] = 0;
  info->lo_flags = from.lo_flags;
  return absl::OkStatus();
}

}  // namespace

// Where in the file the bytes of the device are now, and how many.
void LoopDriver::UseFile(Loop& loop) {
  loop.bdev.bytes().UseFile(
      Fd(loop.file.ok() ? fcntl(loop.file.get(), F_DUPFD_CLOEXEC, 0) : -1),
      loop.info.lo_offset, DiskBytes::FileSize::kFixed);
}

void LoopDriver::Place(Loop& loop) {
  UseFile(loop);
  machine_.SetBlockCapacity(loop.bdev,
                            loop.file.ok() ? loop.SizeOf(loop.file.get()) : 0);
}

absl::Status LoopDriver::Configure(Loop& loop, unsigned mode,
                                   const loop_config& config, int fd) {
  if (fd < 0 || fcntl(fd, F_GETFD) < 0) {
    return LoopRefuses(EBADF, loop.bdev, "no such descriptor");
  }
  if (!(mode & FMODE_EXCL) && loop.bdev.claimed()) {
    return LoopRefuses(EBUSY, loop.bdev, "is in use");
  }
  if (loop.file.ok() || loop.bdev.nr_sectors() > 0) {
    return LoopRefuses(EBUSY, loop.bdev, "has a file already");
  }
  if (absl::Status s = CheckFile(loop.bdev, fd); !s.ok()) return s;
  if ((config.info.lo_flags & ~kConfigurable) != 0) {
    return LoopRefuses(EINVAL, loop.bdev,
                       absl::StrCat("flags ", config.info.lo_flags));
  }
  if (config.block_size != 0 && !LoopBlockSizeFits(config.block_size)) {
    return LoopRefuses(EINVAL, loop.bdev,
                       absl::StrCat("block size ", config.block_size));
  }
  loop_info64 info = {};
  absl::Status s = TakeInfo(loop.bdev, config.info, &info);
  if (!s.ok()) return s;
  Fd file = Reopen(fd);
  if (!file.ok()) return LoopRefuses(EBADF, loop.bdev, "no such descriptor");
  if ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY || !(mode & FMODE_WRITE)) {
    info.lo_flags |= LO_FLAGS_READ_ONLY;
  }
  const bool read_only = info.lo_flags & LO_FLAGS_READ_ONLY;
  loop.info = info;
  loop.file = std::move(file);
  loop.path = PathOf(loop.file.get());
  loop.bdev.NewMedia();
  loop.bdev.SetReadOnly(read_only);
  if (!read_only) loop.bdev.queue().Set(QUEUE_FLAG_WC, true);
  SetLoopBlockSize(loop.bdev,
                   config.block_size == 0 ? kSectorSize : config.block_size);
  SetLoopDiscard(loop.bdev, loop.file.get());
  Place(loop);
  if (info.lo_flags & LO_FLAGS_PARTSCAN) ReadPartitions(loop);
  return absl::OkStatus();
}

void LoopDriver::ReadPartitions(Loop& loop) {
  loop.bdev.set_suppress_part_scan(false);
  const auto read = [&](sector_t sector, absl::Span<char> out) {
    return loop.bdev.bytes().Read(sector, out).ok();
  };
  if (ScanPartitions(machine_, loop.bdev, read).ok()) return;
  machine_.log().Printk(
      KernLevel::kWarn,
      absl::StrCat("loop_reread_partitions: partition scan of loop",
                   loop.number, " (",
                   absl::string_view(
                       reinterpret_cast<const char*>(loop.info.lo_file_name)),
                   ") failed (rc=", -EBUSY, ")"));
}

// __loop_clr_fd().
void LoopDriver::Clear(Loop& loop) {
  const bool partscan = loop.info.lo_flags & LO_FLAGS_PARTSCAN;
  loop.file = Fd();
  loop.path.clear();
  loop.info = {};
  SetLoopBlockSize(loop.bdev, kSectorSize);
  SetLoopDiscard(loop.bdev, -1);
  loop.bdev.queue().Set(QUEUE_FLAG_WC, false);
  loop.bdev.SetReadOnly(false);
  loop.bdev.NewMedia();
  if (partscan) (void)DropPartitions(machine_, loop.bdev);
  Place(loop);
  loop.bdev.set_suppress_part_scan(true);
}

absl::Status LoopDriver::ChangeFd(Loop& loop, int fd) {
  if (fd < 0 || fcntl(fd, F_GETFD) < 0) {
    return LoopRefuses(EBADF, loop.bdev, "no such descriptor");
  }
  if (!loop.file.ok()) return LoopRefuses(ENXIO, loop.bdev, "has no file");
  if (!(loop.info.lo_flags & LO_FLAGS_READ_ONLY)) {
    return LoopRefuses(EINVAL, loop.bdev, "is not read-only");
  }
  if (absl::Status s = CheckFile(loop.bdev, fd); !s.ok()) return s;
  if (loop.SizeOf(fd) != loop.SizeOf(loop.file.get())) {
    return LoopRefuses(EINVAL, loop.bdev, "the new file has another size");
  }
  loop.file = Reopen(fd);
  loop.path = PathOf(loop.file.get());
  loop.bdev.NewMedia();
  Place(loop);
  if (loop.info.lo_flags & LO_FLAGS_PARTSCAN) ReadPartitions(loop);
  return absl::OkStatus();
}

absl::Status LoopDriver::SetStatus(Loop& loop, const loop_info64& info) {
  if (!loop.file.ok()) return LoopRefuses(ENXIO, loop.bdev, "has no file");
  const uint32_t before = loop.info.lo_flags;
  if (absl::Status s = TakeInfo(loop.bdev, info, &loop.info); !s.ok()) {
    return s;
  }
  loop.info.lo_flags = (info.lo_flags & kSettable) | (before & ~kSettable) |
                       (before & ~kClearable);
  Place(loop);
  if ((loop.info.lo_flags & ~before) & LO_FLAGS_PARTSCAN) ReadPartitions(loop);
  return absl::OkStatus();
}

loop_info64 LoopDriver::StatusOf(const Loop& loop) const {
  loop_info64 info = loop.info;
  info.lo_number = static_cast<uint32_t>(loop.number);
  struct stat st;
  if (fstat(loop.file.get(), &st) == 0) {
    info.lo_device = st.st_dev;
    info.lo_inode = st.st_ino;
    info.lo_rdevice = st.st_rdev;
  }
  return info;
}

void LoopDriver::Closed(BlockDevice& bdev) {
  absl::MutexLock lock(&mu_);
  Loop* loop = Find(bdev);
  if (loop != nullptr && loop->file.ok() &&
      (loop->info.lo_flags & LO_FLAGS_AUTOCLEAR)) {
    Clear(*loop);
    Publish(*loop);
  }
}

}  // namespace dmdax
