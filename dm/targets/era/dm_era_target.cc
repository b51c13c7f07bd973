// SPDX-License-Identifier: Apache-2.0
//
// era: remembers which blocks were written since when.
//
//   era <metadata dev> <data dev> <block size>
//
//   block size  sectors; a multiple of 8
//
// Messages: checkpoint | take_metadata_snap | drop_metadata_snap
//
// Mirrors drivers/md/dm-era-target.c (4.14 to 7.2).
#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/device_mapper.h"
#include "dm/targets/era/era_metadata.h"
#include "dm/targets/owned_mutex.h"

namespace dmdax {
namespace {

struct Era : DmTargetPrivate {
  const DmDev* metadata_dev;
  const DmDev* origin_dev;
  uint32_t sectors_per_block;
  mutable OwnedMutex mu;
  std::unique_ptr<EraMetadata> md ABSL_GUARDED_BY(mu);
};

absl::Status EraCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() != 3) return DmError("Invalid argument count");
  constexpr unsigned kMode = FMODE_READ | FMODE_WRITE;
  const bool keeps_errno = ProfileOf(ti).era_keeps_errno;
  auto open = [&](const std::string& path, const char* error) {
    absl::StatusOr<const DmDev*> dev = DmGetDevice(ti, path, kMode, error);
    if (!dev.ok() && !keeps_errno) dev = DmError(error);
    return dev;
  };
  absl::StatusOr<const DmDev*> metadata =
      open(argv[0], "Error opening metadata device");
  if (!metadata.ok()) return metadata.status();
  absl::StatusOr<const DmDev*> origin =
      open(argv[1], "Error opening data device");
  if (!origin.ok()) return origin.status();
  absl::StatusOr<uint32_t> size =
      SscanfU32(argv[2], ProfileOf(ti).sscanf_overflow);
  if (!size.ok()) return DmError("Error parsing block size");
  if (!DmSetTargetMaxIoLen(ti, *size).ok()) {
    return DmError("could not set max io len");
  }
  if (*size == 0 || *size % 8 != 0) return DmError("Invalid block size");
  absl::StatusOr<std::unique_ptr<EraMetadata>> md =
      EraMetadata::Open(ti, **metadata, *size);
  if (!md.ok()) {
    if (IsNotModelled(md.status())) return md.status();
    return ErrnoError(ErrnoOf(md.status()), "Error reading metadata");
  }
  auto era = std::make_unique<Era>();
  era->metadata_dev = *metadata;
  era->origin_dev = *origin;
  era->sectors_per_block = *size;
  {
    OwnedLock lock(&era->mu);
    era->md = *std::move(md);
  }
  ti.private_data = std::move(era);
  ti.num_flush_bios = 1;
  ti.flush_supported = true;
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

BioMap EraMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const Era& era = ti.Private<Era>();
  const sector_t at(ti.Offset(sector));
  if (op == ReqOp::kWrite || op == ReqOp::kWriteZeroes ||
      op == ReqOp::kDiscard) {
    // The metadata lie on the device itself.
    if (era.mu.HeldHere()) return {.kind = BioMap::Kind::kError, .err = EIO};
    OwnedLock lock(&era.mu);
    if (const int err = era.md->Write(at.value() / era.sectors_per_block)) {
      return {.kind = BioMap::Kind::kError, .err = err};
    }
  }
  return {BioMap::Kind::kRemapped, era.origin_dev, at, 0};
}

void EraStatus(const DmTarget& ti, StatusType type, uint32_t /*status_flags*/,
               std::string* out) {
  const Era& era = ti.Private<Era>();
  if (type == STATUSTYPE_INFO) {
    OwnedLock lock(&era.mu);
    EraMetadata::Stats stats{};
    if (era.md->GetStats(&stats) != 0) {
      absl::StrAppend(out, "Error");
      return;
    }
    absl::StrAppend(out, kPageSectors, " ", stats.used, "/", stats.total, " ",
                    stats.era, " ");
    if (stats.snap != 0) {
      absl::StrAppend(out, stats.snap);
    } else {
      absl::StrAppend(out, "-");
    }
  } else if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, era.metadata_dev->name, " ", era.origin_dev->name, " ",
                    era.sectors_per_block);
  }
}

absl::StatusOr<std::string> EraMessage(DmTarget& ti,
                                       absl::Span<const std::string> argv) {
  const Era& era = ti.Private<Era>();
  auto refuse = [&](absl::string_view text) {
    DmLog(MachineOf(ti), KernLevel::kErr, "era", text);
    return ErrnoError(EINVAL, text);
  };
  if (argv.size() != 1) return refuse("incorrect number of message arguments");
  OwnedLock lock(&era.mu);
  int err;
  if (absl::EqualsIgnoreCase(argv[0], "checkpoint")) {
    err = era.md->Checkpoint();
  } else if (absl::EqualsIgnoreCase(argv[0], "take_metadata_snap")) {
    err = era.md->TakeSnap();
  } else if (absl::EqualsIgnoreCase(argv[0], "drop_metadata_snap")) {
    err = era.md->DropSnap();
  } else {
    return refuse(absl::StrCat("unsupported message '", argv[0], "'"));
  }
  if (err != 0) return ErrnoError(err, argv[0]);
  return "";
}

int EraPreresume(DmTarget& ti) {
  const Era& era = ti.Private<Era>();
  const uint64_t block = era.sectors_per_block;
  OwnedLock lock(&era.mu);
  return era.md->Preresume((ti.len.value() + block - 1) / block);
}

void EraPostsuspend(DmTarget& ti) {
  const Era& era = ti.Private<Era>();
  OwnedLock lock(&era.mu);
  era.md->Postsuspend();
}

void EraIoHints(const DmTarget& ti, QueueLimits& limits) {
  const uint32_t block = ti.Private<Era>().sectors_per_block;
  const uint32_t io_opt = limits.io_opt >> kSectorShift;
  if (io_opt >= block && io_opt % block == 0) return;
  // Since limits are checked as a whole, nothing lifts the 0 before they are
  // stacked, and the row counts as misaligned.
  const bool lifted =
      ProfileOf(ti).max_sectors_rule != MaxSectorsRule::kValidated;
  limits.io_min =
      lifted ? std::max(limits.logical_block_size, limits.physical_block_size)
             : 0;
  limits.io_opt = block << kSectorShift;
}

int EraIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const DmDev& dev = *ti.Private<Era>().origin_dev;
  return fn(dev, sector_t{0}, sector_t(dev.bdev->nr_sectors()));
}

const TargetType kEraTarget = {
    .name = "era",
    .versions = DmVersion(1, 0, 0),
    .ctr = EraCtr,
    .map = EraMap,
    .status = EraStatus,
    .message = EraMessage,
    .preresume = EraPreresume,
    .postsuspend = EraPostsuspend,
    .iterate_devices = EraIterateDevices,
    .io_hints = EraIoHints,
    .example = {.length = 2048, .params = "/dev/mem0 /dev/sda 16"},
};
DM_REGISTER_TARGET(kEraTarget);

}  // namespace
}  // namespace dmdax
