// SPDX-License-Identifier: Apache-2.0
//
// clone: a device that fills itself from another, read-only one.
//
//   clone <metadata dev> <destination dev> <source dev> <region size>
//         [<#features> no_hydration no_discard_passdown
//          [<#core args> hydration_threshold <n> hydration_batch_size <n>]]
//
//   region size  sectors; a power of two, 8 .. 2097152
//
// Messages: enable_hydration | disable_hydration | hydration_threshold <n> |
// hydration_batch_size <n>
//
// What is written is copied first; the rest is in the background, as the
// machine's clock goes on.
// Mirrors drivers/md/dm-clone-target.c (5.10 to 7.2; not in 4.14).
#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/bio_map.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/clone/dm_clone.h"

namespace dmdax {
namespace {

absl::Status ParseDevices(DmTarget& ti, DmArgSet& as, Clone* clone) {
  constexpr unsigned kReadWrite = FMODE_READ | FMODE_WRITE;
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, *as.Shift(), kReadWrite, "Error opening metadata device");
  if (!dev.ok()) return dev.status();
  clone->metadata_dev = *dev;
  dev = DmGetDevice(ti, *as.Shift(), kReadWrite,
                    "Error opening destination device");
  if (!dev.ok()) return dev.status();
  clone->dest_dev = *dev;
  const bool checks_size = ProfileOf(ti).cache_checks_device_size;
  if (checks_size && ti.len.value() > clone->dest_dev->bdev->nr_sectors()) {
    return DmError("Device size larger than destination device");
  }
  dev = DmGetDevice(ti, *as.Shift(), FMODE_READ, "Error opening source device");
  if (!dev.ok()) return dev.status();
  clone->source_dev = *dev;
  if (checks_size && ti.len.value() > clone->source_dev->bdev->nr_sectors()) {
    return DmError("Device size larger than source device");
  }
  return absl::OkStatus();
}

uint32_t BlockSectors(const DmDev& dev) {
  return dev.bdev->queue().limits().logical_block_size >> kSectorShift;
}

absl::Status ParseRegionSize(const DmTarget& ti, DmArgSet& as, Clone* clone) {
  absl::StatusOr<uint32_t> size =
      as.ReadArg({8, 2097152, "Invalid region size"});
  if (!size.ok()) return size.status();
  if ((*size & (*size - 1)) != 0) {
    return DmError("Region size is not a power of 2");
  }
  if (*size % BlockSectors(*clone->source_dev) != 0 ||
      *size % BlockSectors(*clone->dest_dev) != 0) {
    return DmError(
        "Region size is not a multiple of device logical block size");
  }
  clone->region_size = *size;
  if ((ti.len.value() - 1) / *size + 1 > uint64_t{1} << 31) {
    return DmError("Too many regions. Consider increasing the region size");
  }
  return absl::OkStatus();
}

absl::Status ParseFeatures(DmArgSet& as, Clone* clone) {
  if (as.argc() == 0) return absl::OkStatus();
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 2, "Invalid number of feature arguments"});
  if (!count.ok()) return count.status();
  for (uint32_t i = 0; i < *count; ++i) {
    const std::string& name = *as.Shift();
    if (absl::EqualsIgnoreCase(name, "no_hydration")) {
      clone->hydrating = false;
    } else if (absl::EqualsIgnoreCase(name, "no_discard_passdown")) {
      clone->discard_passdown = false;
    } else {
      return DmError("Invalid feature argument");
    }
  }
  return absl::OkStatus();
}

absl::Status ParseCoreArgs(DmArgSet& as, Clone* clone) {
  if (as.argc() == 0) return absl::OkStatus();
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 4, "Invalid number of core arguments"});
  if (!count.ok()) return count.status();
  if (*count % 2 != 0) return DmError("Number of core arguments must be even");
  for (uint32_t i = 0; i < *count; i += 2) {
    const std::string& name = *as.Shift();
    const std::string& value = *as.Shift();
    uint32_t* arg = CloneCoreArg(*clone, name);
    if (arg == nullptr) return DmError("Invalid core argument");
    absl::StatusOr<uint32_t> number = KstrtoU32(value);
    if (!number.ok()) {
      return DmError(absl::StrCat("Invalid value for argument `",
                                  absl::AsciiStrToLower(name), "'"));
    }
    *arg = *number;
  }
  return absl::OkStatus();
}

absl::Status CloneCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  // Four words at least, so the first Shift()s below can not fail.
  if (argv.size() < 4) return DmError("Invalid number of arguments");
  auto clone = std::make_unique<Clone>();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::Status s = ParseDevices(ti, as, clone.get());
  if (s.ok()) s = ParseRegionSize(ti, as, clone.get());
  if (s.ok()) s = DmSetTargetMaxIoLen(ti, clone->region_size);
  if (s.ok()) s = ParseFeatures(as, clone.get());
  if (s.ok()) s = ParseCoreArgs(as, clone.get());
  if (!s.ok()) return s;
  absl::StatusOr<std::unique_ptr<CloneMetadata>> cmd = CloneMetadata::Open(
      ti, *clone->metadata_dev, clone->region_size,
      (ti.len.value() + clone->region_size - 1) / clone->region_size);
  if (!cmd.ok()) {
    if (IsNotModelled(cmd.status())) return cmd.status();
    return ErrnoError(ErrnoOf(cmd.status()), "Failed to load metadata");
  }
  {
    OwnedLock lock(&clone->mu);
    clone->cmd = *std::move(cmd);
  }
  clone->ctr_args = absl::StrJoin(argv.subspan(3), " ");
  ti.private_data = std::move(clone);
  ti.num_flush_bios = 1;
  ti.flush_supported = true;
  ti.num_discard_bios = 1;
  ti.discards_supported = true;
  return absl::OkStatus();
}

BioMap CloneMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const Clone& clone = ti.Private<Clone>();
  const sector_t at(ti.Offset(sector));
  const uint64_t region = at.value() / clone.region_size;
  const bool reads = IsRead(op);
  // The clone stands on itself.
  if (clone.mu.HeldHere()) return {.kind = BioMap::Kind::kError, .err = EIO};
  OwnedLock lock(&clone.mu);
  const DmDev* dev = clone.dest_dev;
  const BioMap refused = {.kind = BioMap::Kind::kError, .err = EIO};
  if (clone.mode == CloneMode::kFail) return refused;
  if (op != ReqOp::kFlush && !clone.cmd->Hydrated(region)) {
    if (reads) dev = clone.source_dev;
    if (op == ReqOp::kDiscard) return {.kind = BioMap::Kind::kDropped};
    if (!reads && !CloneHydrate(ti, clone, region)) return refused;
  }
  return {BioMap::Kind::kRemapped, dev, at, 0};
}

// do_hydration()
void CloneElapse(DmTarget& ti, int64_t now) {
  Clone& clone = ti.Private<Clone>();
  OwnedLock lock(&clone.mu);
  uint64_t left = clone.copy.Take(now, clone.region_size);
  CloneMetadata& cmd = *clone.cmd;
  bool copied = false;
  for (uint64_t region = cmd.NextUnhydrated(0);
       clone.hydrating && clone.mode == CloneMode::kWrite && left > 0 &&
       region < cmd.nr_regions();
       region = cmd.NextUnhydrated(region + 1), --left) {
    copied |= CloneHydrate(ti, clone, region);
  }
  if (copied || NeedCommitDueToTime(now, clone.last_commit)) {
    CloneCommit(ti, clone);
  }
}

void CloneResume(DmTarget& ti) {
  Clone& clone = ti.Private<Clone>();
  OwnedLock lock(&clone.mu);
  clone.last_commit = MachineOf(ti).NowSeconds();
  clone.copy.Start(clone.last_commit);
}

void ClonePostsuspend(DmTarget& ti) {
  const Clone& clone = ti.Private<Clone>();
  OwnedLock lock(&clone.mu);
  CloneCommit(ti, clone);
}

void DisablePassdown(const DmTarget& ti, const Clone& clone) {
  if (!clone.discard_passdown) return;
  const QueueLimits dest = clone.dest_dev->bdev->queue().limits();
  const char* reason = nullptr;
  if (dest.max_discard_sectors == 0) {
    reason = "discard unsupported";
  } else if (dest.max_discard_sectors < clone.region_size) {
    reason = "max discard sectors smaller than a region";
  }
  if (reason == nullptr) return;
  DmLog(MachineOf(ti), KernLevel::kWarn, "clone",
        absl::StrCat("Destination device (", clone.dest_dev->bdev->name(), ") ",
                     reason, ": Disabling discard passdown."));
  clone.discard_passdown = false;
}

void CloneIoHints(const DmTarget& ti, QueueLimits& limits) {
  const Clone& clone = ti.Private<Clone>();
  const uint32_t region = clone.region_size;
  const uint32_t io_opt = limits.io_opt >> kSectorShift;
  if (io_opt < region || io_opt % region != 0) {
    limits.io_min = limits.io_opt = region << kSectorShift;
  }
  DisablePassdown(ti, clone);
  if (!clone.discard_passdown) {
    limits.discard_granularity = region << kSectorShift;
    limits.max_discard_sectors =
        (~uint32_t{0} >> kSectorShift) / region * region;
    limits.max_hw_discard_sectors = limits.max_discard_sectors;
    return;
  }
  const QueueLimits dest = clone.dest_dev->bdev->queue().limits();
  limits.max_discard_sectors = dest.max_discard_sectors;
  limits.max_hw_discard_sectors = dest.max_hw_discard_sectors;
  limits.discard_granularity = dest.discard_granularity;
  limits.discard_alignment = dest.discard_alignment;
}

int CloneIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const Clone& clone = ti.Private<Clone>();
  if (int ret = fn(*clone.source_dev, sector_t{0}, ti.len)) return ret;
  return fn(*clone.dest_dev, sector_t{0}, ti.len);
}

const TargetType kCloneTarget = {
    .name = "clone",
    .versions = {{k5_10, 1, 0, 0}},
    .ctr = CloneCtr,
    .map = CloneMap,
    .status = CloneStatus,
    .message = CloneMessage,
    .resume = CloneResume,
    .postsuspend = ClonePostsuspend,
    .elapse = CloneElapse,
    .iterate_devices = CloneIterateDevices,
    .io_hints = CloneIoHints,
    .save_state = CloneSaveState,
    .restore_state = CloneRestoreState,
    .example = {.length = 2048,
                .params = "/dev/mem0 /dev/sda /dev/mem1 8 1 no_hydration"},
};
DM_REGISTER_TARGET(kCloneTarget);

}  // namespace
}  // namespace dmdax
