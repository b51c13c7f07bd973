// SPDX-License-Identifier: Apache-2.0
#include "dm/bio/submit_bio.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "dm/bio/account_io.h"
#include "dm/bio/bio_status.h"
#include "dm/bio_map.h"
#include "dm/dm_table.h"
#include "dm/stack_depth.h"

namespace dmdax {
namespace {

// REQ_* of include/linux/blk_types.h, as the log shows them.
constexpr unsigned kReqFailfastTransport = 1u << 9;
constexpr unsigned kReqIdle = 1u << 15;
constexpr unsigned kReqRahead = 1u << 19;

unsigned Number(ReqOp op) { return IsRead(op) ? 0 : 1; }

size_t Bytes(uint64_t sectors) { return sectors << kSectorShift; }

// Whether `op` is done at all by the queue, or the row.
bool QueueDoes(ReqOp op, const QueueLimits& limits) {
  if (op == ReqOp::kDiscard) return limits.max_discard_sectors > 0;
  if (op == ReqOp::kWriteZeroes) return limits.max_write_zeroes_sectors > 0;
  return true;
}

}  // namespace

absl::Status BioSubmitter::Read(BlockDevice& bdev, sector_t sector,
                                absl::Span<char> bytes, ReqOp op) {
  return Send({.op = op,
               .bdev = &bdev,
               .sector = sector,
               .count = bytes.size() >> kSectorShift,
               .in = bytes.data()});
}

absl::Status BioSubmitter::Write(BlockDevice& bdev, sector_t sector,
                                 absl::Span<const char> bytes) {
  return Send({.op = ReqOp::kWrite,
               .bdev = &bdev,
               .sector = sector,
               .count = bytes.size() >> kSectorShift,
               .out = bytes.data()});
}

absl::Status BioSubmitter::Submit(ReqOp op, BlockDevice& bdev, sector_t sector,
                                  uint64_t sectors) {
  return Send({.op = op, .bdev = &bdev, .sector = sector, .count = sectors});
}

unsigned BioSubmitter::FlagsOf(const Bio& bio) const {
  const unsigned failfast = bio.failfast ? kReqFailfastTransport : 0;
  if (bio.op == ReqOp::kReadAhead) return kReqRahead | failfast;
  const bool direct = from_ == From::kDirectIo;
  if (!IsRead(bio.op))
    return (direct ? kReqSync | kReqIdle : kReqSync) | failfast;
  const bool sync = direct && machine_->profile().dio_reads_are_sync;
  return (sync ? kReqSync : 0) | failfast;
}

void BioSubmitter::WarnReadOnly(BlockDevice& bdev) {
  const BioRoLine line = machine_->profile().bio_ro_line;
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
  machine_->log().Printk(
      KernLevel::kWarn,
      absl::StrCat("Trying to write to read-only block-device ", name));
}

// A driver that has nothing to read or write: a loop device without a file.
void BioSubmitter::SayIoError(const Bio& bio) {
  machine_->log().Printk(
      KernLevel::kErr,
      absl::StrFormat("blk_update_request: I/O error, dev %s, sector %d op "
                      "0x%x:(%s) flags 0x%x phys_seg 1 prio class 0",
                      bio.bdev->name(), bio.sector.value(), Number(bio.op),
                      IsRead(bio.op) ? "READ" : "WRITE", FlagsOf(bio)));
}

absl::Status BioSubmitter::CheckBio(const Bio& bio) {
  const bool logs = machine_ != nullptr;
  if (logs && !IsRead(bio.op) && bio.bdev->read_only()) WarnReadOnly(*bio.bdev);
  bool beyond;
  if (logs) {
    beyond = BioBeyondEnd(*machine_, comm_, *bio.bdev, bio.sector, bio.count,
                          Number(bio.op) | FlagsOf(bio));
  } else {
    const uint64_t size = bio.bdev->nr_sectors();
    beyond = bio.count > size || bio.sector.value() > size - bio.count;
  }
  if (beyond) {
    return ErrnoError(EIO, absl::StrCat("past the end of ", bio.bdev->name()));
  }
  if (!QueueDoes(bio.op, bio.bdev->queue().limits())) {
    return BioNotSupported(*bio.bdev);
  }
  return absl::OkStatus();
}

absl::Status BioSubmitter::Send(const Bio& bio) {
  static std::atomic<uint64_t> requests = 0;
  if (nested_ == 0) request_ = ++requests;
  ++nested_;
  absl::Status status = SendNested(bio);
  --nested_;
  return status;
}

absl::Status BioSubmitter::SendNested(const Bio& bio) {
  StackDepth depth;
  MappedDevice* md = MappedDevice::Of(*bio.bdev);
  if (md != nullptr && depth.too_deep()) {
    return ErrnoError(ELOOP, "the devices lie on each other");
  }
  if (md != nullptr && suspended_ == Suspended::kWait && md->suspended()) {
    return BioWaits(*bio.bdev);
  }
  if (bio.op != ReqOp::kFlush) {
    if (absl::Status s = CheckBio(bio); !s.ok()) return s;
  }
  return md == nullptr ? SendToDisk(bio) : SendToMapped(bio, *md);
}

// Persistent memory that has bytes of its own is read there, and also written
// there: memory forgets between two commands, DiskBytes do not.
absl::Status BioSubmitter::SendToDisk(const Bio& bio) {
  if (bio.op == ReqOp::kFlush) return bio.bdev->bytes().Sync();
  if (bio.bdev->nr_sectors() == 0) {
    if (machine_ != nullptr) SayIoError(bio);
    return ErrnoError(EIO, absl::StrCat(bio.bdev->name(), " is empty"));
  }
  const sector_t sector = bio.bdev->start_sect() + bio.sector.value();
  DiskBytes& disk = bio.bdev->bytes();
  bool in_memory = false;
  DaxDevice* dax_dev = bio.bdev->host_dax_dev();
  for (uint64_t done = 0; dax_dev != nullptr && done < bio.count;) {
    const sector_t at = sector + done;
    const uint64_t in_page = at.value() % kPageSectors;
    const uint64_t pages =
        (bio.count - done + in_page + kPageSectors - 1) / kPageSectors;
    const DaxAccess run =
        DaxDirectAccess(dax_dev, SectorToPage(at), static_cast<int64_t>(pages),
                        DaxAccessMode::kAccess, nullptr);
    // A bad block fails reads only.
    if (run.ret < 1 && IsRead(bio.op)) {
      return ErrnoError(
          EIO, absl::StrCat(bio.bdev->name(), ": media error at sector ",
                            at.value()));
    }
    const uint64_t run_pages = std::max<int64_t>(run.ret, 1);
    const uint64_t n =
        std::min(run_pages * kPageSectors - in_page, bio.count - done);
    if (run.ret >= 1 && run.kaddr != nullptr) {
      in_memory = true;
      char* memory = static_cast<char*>(run.kaddr) + Bytes(in_page);
      if (IsRead(bio.op)) {
        memcpy(bio.in + Bytes(done), memory, Bytes(n));
      } else if (bio.out != nullptr) {
        memcpy(memory, bio.out + Bytes(done), Bytes(n));
      } else {
        memset(memory, 0, Bytes(n));
      }
    }
    done += n;
  }
  if (IsRead(bio.op)) {
    if (in_memory) return absl::OkStatus();
    return disk.Read(sector, absl::MakeSpan(bio.in, Bytes(bio.count)));
  }
  if (bio.out == nullptr) return disk.Zero(sector, bio.count);
  return disk.Write(sector, absl::MakeConstSpan(bio.out, Bytes(bio.count)));
}

absl::Status BioSubmitter::SendToMapped(const Bio& bio, MappedDevice& md) {
  const MappedDevice::LiveTable live(md);
  const DmTable* table = live.get();
  if (machine_ != nullptr && table != nullptr && bio.op != ReqOp::kFlush) {
    AccountIo(machine_->profile(), md, *table,
              IsRead(bio.op) ? ReqOp::kRead : ReqOp::kWrite, bio.sector,
              bio.count);
  }
  if (bio.op == ReqOp::kFlush) {
    return table == nullptr ? absl::OkStatus() : Flush(bio, *table);
  }
  absl::Status status;
  for (uint64_t done = 0; done < bio.count;) {
    const sector_t sector = bio.sector + done;
    const DmTarget* ti = table == nullptr ? nullptr : table->FindTarget(sector);
    if (ti == nullptr) {
      status.Update(BioError(EIO, *bio.bdev, sector));
      break;
    }
    Bio clone = bio;
    clone.sector = sector;
    clone.count =
        std::min(bio.count - done, ti->len.value() - ti->Offset(sector));
    if (bio.in != nullptr) clone.in = bio.in + Bytes(done);
    if (bio.out != nullptr) clone.out = bio.out + Bytes(done);
    if (ti->type->account != nullptr) ti->type->account(*ti, bio.op);
    // Who handles a request himself puts its pieces together again.
    if (const std::optional<absl::Status> s = SubmitByTarget(clone, *ti)) {
      status.Update(*s);
      done += clone.count;
      continue;
    }
    clone.count = std::min(clone.count, md.MaxIoLen(*ti, sector).sectors);
    done += clone.count;
    if (!ti->type->map_counts) {
      status.Update(SendPiece(clone, *ti));
      continue;
    }
    const uint64_t count = std::exchange(clone.count, 1);
    for (uint64_t i = 0; i < count; ++i) {
      status.Update(SendPiece(clone, *ti));
      ++clone.sector;
      if (clone.in != nullptr) clone.in += kSectorSize;
      if (clone.out != nullptr) clone.out += kSectorSize;
    }
  }
  return status;
}

// Each device below is flushed once, if a row says so.
absl::Status BioSubmitter::Flush(const Bio& bio, const DmTable& table) {
  absl::Status status;
  std::set<BlockDevice*> below;
  if (table.columns() != nullptr) {
    for (const DmTable::TableDev& dev : table.devices()) {
      below.insert(dev.dm_dev->bdev);
    }
  } else {
    for (const DmTarget& ti : table.targets()) {
      if (ti.num_flush_bios == 0 || ti.type->map == nullptr) continue;
      const BioMap map = ti.type->map(ti, ti.begin, ReqOp::kFlush);
      if (map.kind == BioMap::Kind::kError) {
        status.Update(BioError(map.err, *bio.bdev, ti.begin));
      }
      if (map.kind != BioMap::Kind::kRemapped) continue;
      below.insert(map.dev->bdev);
      if (ti.type->iterate_devices == nullptr) continue;
      ti.type->iterate_devices(ti, [&](const DmDev& dev, sector_t, sector_t) {
        below.insert(dev.bdev);
        return 0;
      });
    }
  }
  for (BlockDevice* bdev : below) {
    status.Update(
        Send({.op = ReqOp::kFlush, .bdev = bdev, .sector = {}, .count = 0}));
  }
  if (!status.ok() || table.columns() != nullptr) return status;
  for (const DmTarget& ti : table.targets()) {
    if (ti.num_flush_bios == 0 || ti.type->end_io == nullptr) continue;
    Bio done = bio;
    done.sector = ti.begin;
    status.Update(EndPiece(done, ti));
  }
  return status;
}

}  // namespace dmdax
