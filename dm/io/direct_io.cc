// SPDX-License-Identifier: Apache-2.0
#include "dm/io/direct_io.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"
#include "dm/mapped_device.h"
#include "dm/stack_depth.h"

namespace dmdax {
namespace {

// REQ_* of include/linux/blk_types.h, as the log shows them.
constexpr unsigned kReqIdle = 1u << 15;

unsigned Flags(ReqOp op, const KernelProfile& profile) {
  if (op == ReqOp::kWrite) return kReqSync | kReqIdle;
  return profile.dio_reads_are_sync ? kReqSync : 0;
}

unsigned Number(ReqOp op) { return op == ReqOp::kWrite ? 1 : 0; }

uint64_t Sectors(size_t bytes) { return bytes >> kSectorShift; }

}  // namespace

absl::Status DirectIo::Aligned(const BlockDevice& bdev, uint64_t offset,
                               size_t size) const {
  const uint64_t block = bdev.queue().limits().logical_block_size;
  if (offset % block == 0 && size % block == 0) return absl::OkStatus();
  return ErrnoError(
      EINVAL, absl::StrCat(size, " bytes at ", offset, " of ", bdev.name(),
                           ": not in whole blocks of ", block));
}

absl::StatusOr<size_t> DirectIo::Read(BlockDevice& bdev, uint64_t offset,
                                      absl::Span<char> bytes) {
  const uint64_t end = bdev.nr_sectors() << kSectorShift;
  if (offset >= end || bytes.empty()) return size_t{0};
  bytes = bytes.subspan(0, std::min<uint64_t>(bytes.size(), end - offset));
  if (absl::Status s = Aligned(bdev, offset, bytes.size()); !s.ok()) return s;
  const sector_t sector(offset >> kSectorShift);
  std::vector<Piece> good;
  absl::Status status;
  Submit({&bdev, sector, 0, Sectors(bytes.size())}, ReqOp::kRead, &good,
         &status);
  for (const Piece& piece : good) {
    status.Update(BioRead(
        bdev, sector + piece.at,
        bytes.subspan(piece.at << kSectorShift, piece.count << kSectorShift)));
  }
  if (!status.ok()) return status;
  return bytes.size();
}

absl::StatusOr<size_t> DirectIo::Write(BlockDevice& bdev, uint64_t offset,
                                       absl::Span<const char> bytes) {
  if (bdev.read_only()) {
    return ErrnoError(EPERM, absl::StrCat(bdev.name(), " is read-only"));
  }
  if (bytes.empty()) return size_t{0};
  const uint64_t end = bdev.nr_sectors() << kSectorShift;
  if (offset >= end) {
    return ErrnoError(ENOSPC, absl::StrCat(offset, " is past the end of ",
                                           bdev.name(), ", ", end));
  }
  bytes = bytes.subspan(0, std::min<uint64_t>(bytes.size(), end - offset));
  if (absl::Status s = Aligned(bdev, offset, bytes.size()); !s.ok()) return s;
  const sector_t sector(offset >> kSectorShift);
  std::vector<Piece> good;
  absl::Status status;
  Submit({&bdev, sector, 0, Sectors(bytes.size())}, ReqOp::kWrite, &good,
         &status);
  for (const Piece& piece : good) {
    status.Update(BioWrite(
        bdev, sector + piece.at,
        bytes.subspan(piece.at << kSectorShift, piece.count << kSectorShift)));
  }
  if (!status.ok()) return status;
  return bytes.size();
}

void DirectIo::WarnReadOnly(BlockDevice& bdev) {
  const BioRoLine line = machine_.profile().bio_ro_line;
  if (line == BioRoLine::kOnce && bdev.ro_warned()) return;
  bdev.set_ro_warned();
  std::string name = bdev.name();
  if (line == BioRoLine::kPartno) {
    name = absl::StrCat(bdev.whole().name(), " (partno ",
                        bdev.is_partition()
                            ? bdev.name().substr(bdev.whole().name().size())
                            : "0",
                        ")");
  }
  machine_.log().Printk(
      KernLevel::kWarn,
      absl::StrCat("Trying to write to read-only block-device ", name));
}

// A driver that has nothing to read or write: a loop device without a file.
void DirectIo::SayIoError(const Piece& piece, ReqOp op) {
  machine_.log().Printk(
      KernLevel::kErr,
      absl::StrFormat("blk_update_request: I/O error, dev %s, sector %d op "
                      "0x%x:(%s) flags 0x%x phys_seg 1 prio class 0",
                      piece.bdev->name(), piece.sector.value(), Number(op),
                      op == ReqOp::kWrite ? "WRITE" : "READ",
                      Flags(op, machine_.profile())));
}

void DirectIo::Submit(const Piece& piece, ReqOp op, std::vector<Piece>* good,
                      absl::Status* status) {
  StackDepth depth;
  if (depth.too_deep()) {
    status->Update(ErrnoError(ELOOP, "the devices lie on each other"));
    return;
  }
  if (op == ReqOp::kWrite && piece.bdev->read_only()) WarnReadOnly(*piece.bdev);
  const unsigned rw = Number(op) | Flags(op, machine_.profile());
  if (BioBeyondEnd(machine_, comm_, *piece.bdev, piece.sector, piece.count,
                   rw)) {
    status->Update(
        ErrnoError(EIO, absl::StrCat("past the end of ", piece.bdev->name())));
    return;
  }
  MappedDevice* md = MappedDevice::Of(*piece.bdev);
  if (md == nullptr) {
    if (piece.bdev->nr_sectors() > 0) {
      good->push_back(piece);
      return;
    }
    SayIoError(piece, op);
    status->Update(
        ErrnoError(EIO, absl::StrCat(piece.bdev->name(), " is empty")));
    return;
  }
  md->stats().Account(op, piece.sector.value(), piece.count);
  for (uint64_t done = 0; done < piece.count;) {
    const sector_t sector = piece.sector + done;
    const uint64_t count =
        std::min(piece.count - done, md->SectorsOfOneBio(sector));
    const DmTarget* ti = md->live_table()->FindTarget(sector);
    if (ti != nullptr && ti->type->map_counts) {
      // It is asked when the data moves.
      good->push_back({piece.bdev, sector, piece.at + done, count});
      done += count;
      continue;
    }
    const BioMap map = md->MapBio(sector, op);
    if (count == 0 || map.kind == BioMap::Kind::kError) {
      status->Update(
          ErrnoError(map.err != 0 ? map.err : EIO,
                     absl::StrCat(piece.bdev->name(), ": I/O error at sector ",
                                  sector.value())));
      if (count == 0) return;
    } else if (map.kind == BioMap::Kind::kRemapped) {
      Submit({map.dev->bdev, map.sector, piece.at + done, count}, op, good,
             status);
    } else {
      good->push_back({piece.bdev, sector, piece.at + done, count});
    }
    done += count;
  }
}

}  // namespace dmdax
