// SPDX-License-Identifier: Apache-2.0
//
// The ioctls of an open block device.
#include <linux/blkpg.h>
#include <linux/blkzoned.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/pr.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/since.h"
#include "block/partitions/partitions.h"
#include "dm/io/block_file.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

// blk_validate_byte_range(): ranges in logical blocks, and none that is empty.
constexpr Since<bool> kValidatesRanges[] = {{{6, 11}, true}};
constexpr Since<bool> kHasDiskSeq[] = {{{5, 15}, true}};

absl::Status Refuse(int err, const BlockFile& file, absl::string_view what) {
  return ErrnoError(err, absl::StrCat(file.bdev().name(), ": ", what));
}

// put_user().
template <typename T>
absl::StatusOr<int> Put(const BlockIoctl& request, T value) {
  if (request.bytes.size() < sizeof(value)) {
    return ErrnoError(EFAULT, "too few bytes for the reply");
  }
  memcpy(request.bytes.data(), &value, sizeof(value));
  return 0;
}

// copy_from_user().
template <typename T>
bool Get(const BlockIoctl& request, T* value, size_t at = 0) {
  if (request.bytes.size() < at + sizeof(*value)) return false;
  memcpy(value, request.bytes.data() + at, sizeof(*value));
  return true;
}

absl::Status Fault() { return ErrnoError(EFAULT, "too few bytes"); }

uint32_t AlignmentOffset(BlockDevice& bdev) {
  const QueueLimits limits = bdev.queue().limits();
  if (limits.misaligned) return ~uint32_t{0};
  if (!bdev.is_partition()) return limits.alignment_offset;
  // queue_limit_alignment_offset().
  const uint32_t granularity =
      std::max(limits.physical_block_size, limits.io_min);
  const uint64_t at = bdev.start_sect().value() << kSectorShift;
  return static_cast<uint32_t>(
      (granularity + limits.alignment_offset - at % granularity) % granularity);
}

}  // namespace

absl::StatusOr<int> BlockFile::RangeIoctl(const BlockIoctl& request) {
  if (!(mode_ & FMODE_WRITE)) return Refuse(EBADF, *this, "not for writing");
  const QueueLimits limits = bdev_.queue().limits();
  if ((request.command == BLKDISCARD && limits.max_discard_sectors == 0) ||
      (request.command == BLKSECDISCARD &&
       limits.max_secure_erase_sectors == 0)) {
    return Refuse(EOPNOTSUPP, *this, "does not discard");
  }
  uint64_t range[2];
  if (!Get(request, &range)) return Fault();
  const auto [start, length] = range;
  const bool strict =
      ValueAt<bool>(kValidatesRanges, ctl_.machine().profile().release);
  const uint64_t unit = strict ? limits.logical_block_size : kSectorSize;
  const uint64_t size = Size();
  const bool empty = request.command == BLKZEROOUT || strict;
  if (start % unit != 0 || length % unit != 0 || (empty && length == 0) ||
      start > size || length > size - start) {
    return Refuse(EINVAL, *this,
                  absl::StrCat(length, " bytes at ", start, " of ", size));
  }
  const absl::Status s = request.command == BLKZEROOUT
                             ? ZeroOut(start, length, Fallback::kWriteZeros)
                             : Discard(start, length);
  if (!s.ok()) return s;
  return 0;
}

absl::StatusOr<int> BlockFile::Blkpg(const BlockIoctl& request) {
  blkpg_ioctl_arg arg;
  blkpg_partition p;
  if (!Get(request, &arg)) return Fault();
  if (!request.admin) return Refuse(EACCES, *this, "needs CAP_SYS_ADMIN");
  if (!Get(request, &p, sizeof(arg))) return Fault();
  if (bdev_.is_partition()) return Refuse(EINVAL, *this, "is a partition");
  if (p.pno <= 0) {
    return Refuse(EINVAL, *this, absl::StrCat("partition ", p.pno));
  }
  Machine& machine = ctl_.machine();
  absl::Status s;
  if (arg.op == BLKPG_DEL_PARTITION) {
    s = DelPartition(machine, bdev_, p.pno);
  } else {
    constexpr long long kMax = ~uint64_t{0} >> 1;
    const long long block = bdev_.queue().limits().logical_block_size;
    if (p.start < 0 || p.length <= 0 || kMax - p.length < p.start ||
        p.start % block != 0 || p.length % block != 0) {
      return Refuse(EINVAL, *this,
                    absl::StrCat(p.length, " bytes at ", p.start));
    }
    const sector_t start(static_cast<uint64_t>(p.start) >> kSectorShift);
    const uint64_t sectors = static_cast<uint64_t>(p.length) >> kSectorShift;
    if (arg.op == BLKPG_ADD_PARTITION) {
      s = AddPartition(machine, bdev_, p.pno, start, sectors);
    } else if (arg.op == BLKPG_RESIZE_PARTITION) {
      s = ResizePartition(machine, bdev_, p.pno, start, sectors);
    } else {
      return Refuse(EINVAL, *this, absl::StrCat("BLKPG operation ", arg.op));
    }
  }
  if (!s.ok()) return s;
  return 0;
}

absl::StatusOr<int> BlockFile::SetBlockSize(const BlockIoctl& request) {
  if (!request.admin) return Refuse(EACCES, *this, "needs CAP_SYS_ADMIN");
  int size;
  if (!Get(request, &size)) return Fault();
  if (!(mode_ & FMODE_EXCL) && bdev_.claimed()) {
    return Refuse(EBUSY, *this, "is in use");
  }
  if (size < static_cast<int>(kSectorSize) ||
      size > static_cast<int>(kPageSize) || (size & (size - 1)) != 0 ||
      static_cast<uint64_t>(size) < BlockSize()) {
    return Refuse(EINVAL, *this,
                  absl::StrCat("block size ", size, ": a power of two, ",
                               BlockSize(), " to ", kPageSize));
  }
  buffered_.LogLost();
  bdev_.set_soft_block_size(static_cast<uint32_t>(size));
  return 0;
}

absl::StatusOr<int> BlockFile::Geometry(const BlockIoctl& request) {
  MappedDevice* md = MappedDevice::Of(bdev_);
  // Neither pmem, nor loop, nor the other disks here have one.
  if (md == nullptr) return Refuse(ENOTTY, *this, "has no geometry");
  const HdGeometry& g = md->geometry();
  hd_geometry geo = {};
  geo.heads = static_cast<unsigned char>(g.heads);
  geo.sectors = static_cast<unsigned char>(g.sectors);
  geo.cylinders = static_cast<unsigned short>(g.cylinders);
  geo.start = g.start;
  return Put(request, geo);
}

// What is asked of the device, or set, by a single number.
absl::StatusOr<int> BlockFile::NumberIoctl(const BlockIoctl& request,
                                           bool* known) {
  const QueueLimits limits = bdev_.queue().limits();
  const auto u32 = [&](uint32_t value) { return Put(request, value); };
  const auto u16 = [&](uint16_t value) { return Put(request, value); };
  *known = true;
  switch (request.command) {
    case BLKGETSIZE:
      return Put<unsigned long>(request, bdev_.nr_sectors());
    case BLKGETSIZE64:
      return Put<uint64_t>(request, Size());
    case BLKROGET:
      return u32(bdev_.read_only() ? 1 : 0);
    case BLKSSZGET:
      return u32(limits.logical_block_size);
    case BLKPBSZGET:
      return u32(limits.physical_block_size);
    case BLKBSZGET:
      return u32(bdev_.soft_block_size());
    case BLKIOMIN:
      return u32(limits.io_min);
    case BLKIOOPT:
      return u32(limits.io_opt);
    case BLKALIGNOFF:
      return u32(AlignmentOffset(bdev_));
    case BLKDISCARDZEROES:
    case BLKGETZONESZ:
    case BLKGETNRZONES:
      return u32(0);
    case BLKSECTGET:
      return u16(static_cast<uint16_t>(
          std::min<uint32_t>(limits.max_sectors, 0xffff)));
    case BLKROTATIONAL:
      return u16(bdev_.queue().Has(QUEUE_FLAG_NONROT) ? 0 : 1);
    case BLKRAGET:
    case BLKFRAGET:
      return Put<long>(
          request, static_cast<long>(bdev_.queue().ra_pages() * kPageSectors));
    case BLKGETDISKSEQ:
      if (!ValueAt<bool>(kHasDiskSeq, ctl_.machine().profile().release)) {
        break;
      }
      return Put<uint64_t>(request, bdev_.whole().diskseq());
    default:
      break;
  }
  *known = false;
  return 0;
}

absl::StatusOr<int> BlockFile::Ioctl(const BlockIoctl& request) {
  bool known;
  absl::StatusOr<int> number = NumberIoctl(request, &known);
  if (known) return number;
  switch (request.command) {
    case BLKDISCARD:
    case BLKSECDISCARD:
    case BLKZEROOUT:
      return RangeIoctl(request);
    case BLKPG:
      return Blkpg(request);
    case BLKBSZSET:
      return SetBlockSize(request);
    case HDIO_GETGEO:
      return Geometry(request);
    case BLKFLSBUF: {
      if (!request.admin) return Refuse(EACCES, *this, "needs CAP_SYS_ADMIN");
      // The error stays for whoever calls fsync.
      buffered_.LogLost();
      const absl::Status s = bios_.Submit(ReqOp::kFlush, bdev_, sector_t{0}, 0);
      if (IsSuspended(s)) return s;
      return 0;
    }
    case BLKROSET: {
      if (!request.admin) return Refuse(EACCES, *this, "needs CAP_SYS_ADMIN");
      int on;
      if (!Get(request, &on)) return Fault();
      bdev_.BlkRoSet(on != 0, ctl_.machine().profile());
      ctl_.machine().BumpIoGeneration();
      ctl_.machine().changed().Device(bdev_.dev());
      return 0;
    }
    case BLKRASET:
    case BLKFRASET:
      if (!request.admin) return Refuse(EACCES, *this, "needs CAP_SYS_ADMIN");
      bdev_.queue().set_ra_pages(
          static_cast<uint32_t>(request.value * kSectorSize / kPageSize));
      ctl_.machine().changed().Device(bdev_.whole().dev());
      return 0;
    case BLKRRPART: {
      if (!request.admin) return Refuse(EACCES, *this, "needs CAP_SYS_ADMIN");
      if (bdev_.is_partition()) return Refuse(EINVAL, *this, "is a partition");
      if (!(mode_ & FMODE_EXCL) && bdev_.claimed()) {
        return Refuse(EBUSY, *this, "is in use");
      }
      const auto read = [&](sector_t sector, absl::Span<char> out) {
        return bios_.Read(bdev_, sector, out).ok();
      };
      const absl::Status s = RescanPartitions(ctl_.machine(), bdev_, read);
      if (!s.ok()) return s;
      return 0;
    }
    case IOC_PR_REGISTER:
    case IOC_PR_RESERVE:
    case IOC_PR_RELEASE:
    case IOC_PR_PREEMPT:
    case IOC_PR_PREEMPT_ABORT:
    case IOC_PR_CLEAR:
      return Refuse(EOPNOTSUPP, *this, "takes no reservations");
    default:
      break;
  }
  if (BlockDriver* driver = bdev_.driver()) {
    return driver->Ioctl(bdev_, mode_, request);
  }
  return Refuse(ENOTTY, *this,
                absl::StrCat("ioctl 0x", absl::Hex(request.command)));
}

}  // namespace dmdax
