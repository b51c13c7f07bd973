// SPDX-License-Identifier: Apache-2.0
#include "dm/io/block_file.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/mapped_device.h"
#include "dm/stack_depth.h"

namespace dmdax {
namespace {

unsigned ModeOf(int flags) {
  unsigned mode = 0;
  const int access = flags & O_ACCMODE;
  if (access == O_RDONLY || access == O_RDWR) mode |= FMODE_READ;
  if (access == O_WRONLY || access == O_RDWR) mode |= FMODE_WRITE;
  if (flags & O_EXCL) mode |= FMODE_EXCL;
  return mode;
}

sector_t SectorOf(uint64_t offset) { return sector_t(offset >> kSectorShift); }

}  // namespace

BlockFile::BlockFile(DmCtl& ctl, BlockDevice& bdev, int flags,
                     const std::string& comm)
    : ctl_(ctl),
      bdev_(bdev),
      flags_(flags),
      mode_(ModeOf(flags)),
      bios_(ctl.machine(), comm, BioSubmitter::Suspended::kWait),
      direct_(ctl.machine(), comm, BioSubmitter::Suspended::kWait),
      buffered_(ctl.machine(), bdev, comm) {}

absl::StatusOr<std::unique_ptr<BlockFile>> BlockFile::Open(
    DmCtl& ctl, DevT dev, int flags, const std::string& comm) {
  BlockDevice* bdev = ctl.machine().FindBdev(dev);
  if (bdev == nullptr) {
    return ErrnoError(ENXIO, absl::StrCat("no device ", dev.ToString()));
  }
  std::unique_ptr<BlockFile> file(new BlockFile(ctl, *bdev, flags, comm));
  absl::Status s = bdev->Open(file->mode_, file.get());
  if (!s.ok()) return s;
  file->opened_ = true;
  return file;
}

BlockFile::~BlockFile() {
  if (!opened_) return;
  buffered_.LogLost();
  const MappedDevice* md = MappedDevice::Of(bdev_);
  bdev_.Close(mode_);
  if (md != nullptr && md->deferred_remove() && md->open_count() == 0) {
    ctl_.DoDeferredRemove();
  }
}

void BlockFile::SetDirect(bool on) {
  flags_ = on ? flags_ | O_DIRECT : flags_ & ~O_DIRECT;
}

uint64_t BlockFile::Size() const { return bdev_.nr_sectors() << kSectorShift; }

uint64_t BlockFile::BlockSize() const {
  return bdev_.queue().limits().logical_block_size;
}

absl::StatusOr<size_t> BlockFile::Read(uint64_t offset, absl::Span<char> bytes,
                                       IoMemory memory) {
  if (!(mode_ & FMODE_READ)) {
    return ErrnoError(EBADF, absl::StrCat(bdev_.name(), ": not for reading"));
  }
  if (flags_ & O_DIRECT) return direct_.Read(bdev_, offset, bytes, memory);
  const uint64_t end = Size();
  if (offset >= end || bytes.empty()) return size_t{0};
  bytes = bytes.subspan(0, std::min<uint64_t>(bytes.size(), end - offset));
  return buffered_.Read(offset, bytes);
}

absl::StatusOr<size_t> BlockFile::Write(uint64_t offset,
                                        absl::Span<const char> bytes,
                                        IoMemory memory) {
  if (!(mode_ & FMODE_WRITE)) {
    return ErrnoError(EBADF, absl::StrCat(bdev_.name(), ": not for writing"));
  }
  if (flags_ & O_DIRECT) return direct_.Write(bdev_, offset, bytes, memory);
  absl::StatusOr<uint64_t> end =
      DirectIo::EndOfWrite(bdev_, offset, bytes.size());
  if (!end.ok()) return end.status();
  bytes = bytes.subspan(0, *end - offset);
  if (bytes.empty()) return size_t{0};
  if (WriteToBacking(offset, bytes)) return bytes.size();
  return buffered_.Write(offset, bytes);
}

// As a client does that has a lease; what is little is not worth a look at the
// stack, and whatever fails is for the long way to tell.
bool BlockFile::WriteToBacking(uint64_t offset, absl::Span<const char> bytes) {
  constexpr size_t kMuch = 16 << 10;
  if (bytes.size() < kMuch || (offset | bytes.size()) % kSectorSize != 0) {
    return false;
  }
  const std::optional<BlockBacking> run = Backing(offset, bytes.size());
  if (!run || run->length < bytes.size() ||
      pwrite(run->fd, bytes.data(), bytes.size(),
             static_cast<off_t>(run->offset)) !=
          static_cast<ssize_t>(bytes.size())) {
    return false;
  }
  bdev_.writeback().Written(SectorOf(offset), bytes.size() >> kSectorShift);
  return true;
}

absl::Status BlockFile::Fsync() {
  absl::Status s = buffered_.WriteBack();
  if (!s.ok()) return s;
  absl::Status flushed = bios_.Submit(ReqOp::kFlush, bdev_, sector_t{0}, 0);
  if (!flushed.ok() && ErrnoOf(flushed) == EOPNOTSUPP) return absl::OkStatus();
  return flushed;
}

absl::Status BlockFile::TakeWriteback() { return buffered_.WriteBack(); }

absl::Status BlockFile::CheckChange(uint64_t offset, uint64_t length) const {
  if (bdev_.read_only()) {
    return ErrnoError(EPERM, absl::StrCat(bdev_.name(), " is read-only"));
  }
  return DirectIo::CheckAligned(bdev_, offset, length);
}

absl::Status BlockFile::Discard(uint64_t offset, uint64_t length) {
  if (absl::Status s = CheckChange(offset, length); !s.ok()) return s;
  if (bdev_.queue().limits().max_discard_sectors == 0) {
    return ErrnoError(EOPNOTSUPP,
                      absl::StrCat(bdev_.name(), " discards nothing"));
  }
  if (length == 0) return absl::OkStatus();
  absl::Status s = bios_.Submit(ReqOp::kDiscard, bdev_, SectorOf(offset),
                                length >> kSectorShift);
  // A device below that does not discard has ignored it.
  if (!s.ok() && ErrnoOf(s) == EOPNOTSUPP) return absl::OkStatus();
  return s;
}

absl::Status BlockFile::ZeroOut(uint64_t offset, uint64_t length,
                                Fallback fallback) {
  if (absl::Status s = CheckChange(offset, length); !s.ok()) return s;
  const bool by_command = bdev_.queue().limits().max_write_zeroes_sectors > 0;
  if (by_command) {
    absl::Status s = bios_.Submit(ReqOp::kWriteZeroes, bdev_, SectorOf(offset),
                                  length >> kSectorShift);
    if (s.ok() || IsSuspended(s) || fallback == Fallback::kNone) return s;
  } else if (fallback == Fallback::kNone) {
    return ErrnoError(EOPNOTSUPP,
                      absl::StrCat(bdev_.name(), " has no write-zeroes"));
  }
  const std::vector<char> zeros(std::min<uint64_t>(length, 1 << 20));
  for (uint64_t done = 0; done < length;) {
    const uint64_t n = std::min<uint64_t>(length - done, zeros.size());
    absl::Status s = bios_.Write(bdev_, SectorOf(offset + done),
                                 absl::MakeSpan(zeros).subspan(0, n));
    if (!s.ok()) return s;
    done += n;
  }
  return absl::OkStatus();
}

absl::Status BlockFile::Fallocate(int mode, uint64_t offset, uint64_t length) {
  constexpr int kKnown = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
                         FALLOC_FL_ZERO_RANGE | FALLOC_FL_NO_HIDE_STALE;
  constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  constexpr uint64_t kMaxOffset = ~uint64_t{0} >> 1;
  const auto invalid = [&] {
    return ErrnoError(EINVAL, absl::StrCat("fallocate: ", length, " bytes at ",
                                           offset, " of ", Size()));
  };
  const absl::Status unsupported =
      ErrnoError(EOPNOTSUPP, absl::StrCat("fallocate mode ", mode));
  if (offset > kMaxOffset || length == 0 || length > kMaxOffset) {
    return invalid();
  }
  if ((mode & ~kKnown) != 0 ||
      (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) ==
          (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) ||
      ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))) {
    return unsupported;
  }
  if (!(mode_ & FMODE_WRITE)) {
    return ErrnoError(EBADF, absl::StrCat(bdev_.name(), ": not for writing"));
  }
  const uint64_t size = Size();
  if (offset >= size) return invalid();
  if (length > size - offset) {
    if (!(mode & FALLOC_FL_KEEP_SIZE)) return invalid();
    length = size - offset;
  }
  absl::Status s = DirectIo::CheckAligned(bdev_, offset, length);
  if (!s.ok()) return s;
  switch (mode) {
    case FALLOC_FL_ZERO_RANGE:
    case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE:
      return ZeroOut(offset, length, Fallback::kWriteZeros);
    case kPunch:
      return ZeroOut(offset, length, Fallback::kNone);
    case kPunch | FALLOC_FL_NO_HIDE_STALE:
      return Discard(offset, length);
    default:
      return unsupported;
  }
}

std::optional<BlockBacking> BlockFile::Backing(uint64_t offset, uint64_t most,
                                               DiskBytes::IfMemory if_memory) {
  const uint64_t generation = ctl_.machine().io_generation();
  BlockDevice* bdev = &bdev_;
  sector_t sector = SectorOf(offset);
  if (offset >= Size() || bdev_.read_only()) return std::nullopt;
  // The byte's place in its sector goes with it.
  const uint64_t in_sector = offset % kSectorSize;
  most = std::min(most, Size() - offset);
  uint64_t count = (most + in_sector + kSectorSize - 1) >> kSectorShift;
  int depth = 0;
  while (MappedDevice* md = MappedDevice::Of(*bdev)) {
    if (++depth > StackDepth::kMax || md->suspended() ||
        !md->stats().regions().empty()) {
      return std::nullopt;
    }
    const MappedDevice::LiveTable live(*md);
    const DmTarget* ti =
        live.get() == nullptr ? nullptr : live.get()->FindTarget(sector);
    if (ti == nullptr || !ti->type->only_remaps) return std::nullopt;
    count = std::min(count, md->MaxIoLen(*ti, sector).sectors);
    const BioMap map = ti->type->map(*ti, sector, ReqOp::kWrite);
    bdev = map.dev->bdev;
    sector = map.sector;
    if (sector.value() >= bdev->nr_sectors() || bdev->read_only()) {
      return std::nullopt;
    }
    count = std::min(count, bdev->nr_sectors() - sector.value());
  }
  sector += bdev->start_sect().value();
  if (DaxDevice* dax_dev = bdev->host_dax_dev()) {
    const uint64_t in_page = sector.value() % kPageSectors;
    const uint64_t pages = (in_page + count + kPageSectors - 1) / kPageSectors;
    const DaxAccess run = DaxDirectAccess(dax_dev, SectorToPage(sector),
                                          static_cast<int64_t>(pages),
                                          DaxAccessMode::kAccess, nullptr);
    if (run.ret < 1 || run.kaddr != nullptr) return std::nullopt;
    count = std::min(count,
                     static_cast<uint64_t>(run.ret) * kPageSectors - in_page);
  }
  const std::optional<DiskBytes::FileRange> file =
      bdev->bytes().File(sector, count, if_memory);
  if (!file) return std::nullopt;
  return BlockBacking{file->fd, file->offset + in_sector,
                      std::min(most, (count << kSectorShift) - in_sector),
                      generation};
}

}  // namespace dmdax
