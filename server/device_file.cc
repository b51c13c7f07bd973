// SPDX-License-Identifier: Apache-2.0
#include "server/device_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/hdreg.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/read_ahead.h"
#include "dm/io/direct_io.h"

namespace dmdax {
namespace {

template <typename T>
std::string BytesOf(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

absl::StatusOr<std::unique_ptr<DeviceFile>> DeviceFile::Open(DmCtl& ctl,
                                                             DevT dev,
                                                             int flags,
                                                             std::string comm) {
  BlockDevice* const bdev = ctl.machine().FindBdev(dev);
  if (bdev == nullptr) {
    return ErrnoError(ENXIO, absl::StrCat("no device ", dev.ToString()));
  }
  unsigned mode = (flags & O_ACCMODE) != O_WRONLY ? FMODE_READ : 0u;
  if ((flags & O_ACCMODE) != O_RDONLY) mode |= FMODE_WRITE;
  if ((flags & O_EXCL) != 0) mode |= FMODE_EXCL;
  std::unique_ptr<DeviceFile> file(
      new DeviceFile(ctl, *bdev, mode, std::move(comm)));
  if (absl::Status s = bdev->Open(mode, file.get()); !s.ok()) {
    file.release();  // it is not open
    return s;
  }
  return file;
}

DeviceFile::~DeviceFile() {
  bdev_.Close(mode_);
  ctl_.DoDeferredRemove();
}

uint64_t DeviceFile::Size() const { return bdev_.nr_sectors() << kSectorShift; }

absl::StatusOr<size_t> DeviceFile::Read(uint64_t offset,
                                        absl::Span<char> bytes) {
  if ((mode_ & FMODE_READ) == 0) return ErrnoError(EBADF, "not for reading");
  const uint64_t end = Size();
  if (offset >= end || bytes.empty()) return size_t{0};
  const uint64_t size = std::min<uint64_t>(bytes.size(), end - offset);
  const uint64_t block = bdev_.queue().limits().logical_block_size;
  const uint64_t from = offset / block * block;
  const uint64_t to =
      std::min((offset + size + block - 1) / block * block, end);
  std::vector<char> blocks(to - from);
  absl::StatusOr<size_t> n =
      DirectIo(ctl_.machine(), comm_).Read(bdev_, from, absl::MakeSpan(blocks));
  if (!n.ok()) return n;
  std::copy_n(blocks.begin() + static_cast<ptrdiff_t>(offset - from), size,
              bytes.begin());
  return size_t{size};
}

absl::StatusOr<size_t> DeviceFile::Write(uint64_t offset,
                                         absl::Span<const char> bytes) {
  if ((mode_ & FMODE_WRITE) == 0) return ErrnoError(EBADF, "not for writing");
  DirectIo io(ctl_.machine(), comm_);
  const uint64_t end = Size();
  if (bytes.empty()) return size_t{0};
  if (offset >= end) return io.Write(bdev_, offset, bytes);  // says why not
  const uint64_t size = std::min<uint64_t>(bytes.size(), end - offset);
  const uint64_t block = bdev_.queue().limits().logical_block_size;
  const uint64_t from = offset / block * block;
  const uint64_t to =
      std::min((offset + size + block - 1) / block * block, end);
  if (from == offset && to == offset + size) {
    return io.Write(bdev_, offset, bytes.subspan(0, size));
  }
  std::vector<char> blocks(to - from);
  absl::StatusOr<size_t> n = io.Read(bdev_, from, absl::MakeSpan(blocks));
  if (!n.ok()) return n;
  std::copy_n(bytes.begin(), size,
              blocks.begin() + static_cast<ptrdiff_t>(offset - from));
  n = io.Write(bdev_, from, blocks);
  return n.ok() ? absl::StatusOr<size_t>(size) : n;
}

absl::Status DeviceFile::ZeroOut(uint64_t offset, uint64_t size) {
  if ((mode_ & FMODE_WRITE) == 0) return ErrnoError(EBADF, "not for writing");
  if ((offset | size) % kSectorSize != 0 || offset + size < offset ||
      offset + size > Size()) {
    return ErrnoError(EINVAL, "no sectors of the device");
  }
  const std::vector<char> zeros(std::min<uint64_t>(size, 1 << 20));
  while (size > 0) {
    const uint64_t now = std::min<uint64_t>(size, zeros.size());
    absl::StatusOr<size_t> n =
        Write(offset, absl::MakeConstSpan(zeros).subspan(0, now));
    if (!n.ok()) return n.status();
    offset += now;
    size -= now;
  }
  return absl::OkStatus();
}

absl::StatusOr<int> DeviceFile::Ioctl(uint32_t command, absl::string_view bytes,
                                      std::string* reply) {
  const QueueLimits limits = bdev_.queue().limits();
  switch (command) {
    case BLKGETSIZE64:
      *reply = BytesOf(Size());
      return 0;
    case BLKGETSIZE:
      *reply = BytesOf(static_cast<unsigned long>(bdev_.nr_sectors()));
      return 0;
    case BLKSSZGET:
      *reply = BytesOf(static_cast<int>(limits.logical_block_size));
      return 0;
    case BLKPBSZGET:
      *reply = BytesOf(limits.physical_block_size);
      return 0;
    case BLKIOMIN:
      *reply = BytesOf(limits.io_min);
      return 0;
    case BLKIOOPT:
      *reply = BytesOf(limits.io_opt);
      return 0;
    case BLKALIGNOFF:
      *reply = BytesOf(static_cast<int>(limits.alignment_offset));
      return 0;
    case BLKBSZGET:
      *reply = BytesOf(4096);
      return 0;
    case BLKROGET:
      *reply = BytesOf(bdev_.read_only() ? 1 : 0);
      return 0;
    case BLKRAGET:
      *reply = BytesOf(
          static_cast<unsigned long>(bdev_.queue().ra_pages() * kPageSectors));
      return 0;
    case BLKROTATIONAL:
      *reply = BytesOf(static_cast<unsigned short>(
          bdev_.queue().Has(QUEUE_FLAG_NONROT) ? 0 : 1));
      return 0;
    case BLKDISCARDZEROES:
      *reply = BytesOf(0u);
      return 0;
    case BLKFLSBUF:
      return 0;
    case BLKZEROOUT: {
      uint64_t range[2];
      if (bytes.size() < sizeof(range)) return ErrnoError(EFAULT, "");
      memcpy(range, bytes.data(), sizeof(range));
      absl::Status s = ZeroOut(range[0], range[1]);
      return s.ok() ? absl::StatusOr<int>(0) : s;
    }
    case BLKDISCARD:
    case BLKSECDISCARD:
      return ErrnoError(EOPNOTSUPP, "no disk here discards");
    default:
      return ErrnoError(ENOTTY, "");
  }
}

}  // namespace dmdax
