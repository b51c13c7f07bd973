// SPDX-License-Identifier: Apache-2.0
//
// unstriped: one leg of a striped device, made contiguous.
//
//   unstriped <#stripes> <chunk> <stripe#> <dev> <offset>
//
//   #stripes  legs of the device below, 1 .. 2^32-1
//   chunk     sectors, 1 .. 2^32-1; the row's length is a multiple of it
//   stripe#   which leg; #stripes itself is accepted, and with one leg any
//   offset    first sector on dev
//
// Whatever is wrong with the device is EINVAL here.  Only the row's length is
// checked against the device, not where the last chunk really lies.
// Mirrors drivers/md/dm-unstripe.c (5.10 to 7.2; not in 4.14).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/kstrtox.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

struct UnstripeC : DmTargetPrivate {
  const DmDev* dev;
  sector_t physical_start;
  uint32_t stripes;
  uint32_t unstripe;
  uint64_t unstripe_width;   // sectors of the other legs in each row
  uint64_t unstripe_offset;  // sectors of the legs before ours
  uint32_t chunk_size;       // sectors
};

absl::Status ParseStripes(absl::Span<const std::string> argv, UnstripeC* uc) {
  absl::StatusOr<uint32_t> stripes = KstrtoU32(argv[0]);
  if (!stripes.ok() || *stripes == 0) return DmError("Invalid stripe count");
  absl::StatusOr<uint32_t> chunk_size = KstrtoU32(argv[1]);
  if (!chunk_size.ok() || *chunk_size == 0) {
    return DmError("Invalid chunk_size");
  }
  absl::StatusOr<uint32_t> unstripe = KstrtoU32(argv[2]);
  if (!unstripe.ok()) return DmError("Invalid stripe number");
  if (*unstripe > *stripes && *stripes > 1) {
    return DmError("Please provide stripe between [0, # of stripes]");
  }
  uc->stripes = *stripes;
  uc->chunk_size = *chunk_size;
  uc->unstripe = *unstripe;
  uc->unstripe_offset = uint64_t{*unstripe} * *chunk_size;
  uc->unstripe_width = uint64_t{*stripes - 1} * *chunk_size;
  return absl::OkStatus();
}

absl::Status UnstripeCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() != 5) return DmError("Invalid number of arguments");
  auto uc = std::make_unique<UnstripeC>();
  if (absl::Status s = ParseStripes(argv, uc.get()); !s.ok()) return s;
  absl::StatusOr<const DmDev*> dev = DmGetDevice(ti, argv[3]);
  if (!dev.ok()) return DmError("Couldn't get striped device");
  absl::StatusOr<uint64_t> start =
      SscanfU64(argv[4], ProfileOf(ti).sscanf_overflow);
  if (!start.ok()) return DmError("Invalid striped device offset");
  if (ti.len.value() % uc->chunk_size != 0) {
    return DmError("Target length not divisible by chunk size");
  }
  if (!DmSetTargetMaxIoLen(ti, uc->chunk_size).ok()) {
    return DmError("Failed to set max io len");
  }
  uc->dev = *dev;
  uc->physical_start = sector_t(*start);
  ti.private_data = std::move(uc);
  return absl::OkStatus();
}

BioMap UnstripeMap(const DmTarget& ti, sector_t sector, ReqOp) {
  const UnstripeC& uc = ti.Private<UnstripeC>();
  const uint64_t offset = ti.Offset(sector);
  const uint64_t row = offset / uc.chunk_size;
  return {BioMap::Kind::kRemapped, uc.dev,
          uc.physical_start +
              (offset + uc.unstripe_width * row + uc.unstripe_offset),
          0};
}

void UnstripeStatus(const DmTarget& ti, StatusType type,
                    uint32_t /*status_flags*/, std::string* out) {
  if (type != STATUSTYPE_TABLE) return;
  const UnstripeC& uc = ti.Private<UnstripeC>();
  // Two of the three are printed as signed numbers.
  absl::StrAppend(out, static_cast<int32_t>(uc.stripes), " ", uc.chunk_size,
                  " ", static_cast<int32_t>(uc.unstripe), " ", uc.dev->name,
                  " ", uc.physical_start.value());
}

int UnstripeIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const UnstripeC& uc = ti.Private<UnstripeC>();
  return fn(*uc.dev, uc.physical_start, ti.len);
}

void UnstripeIoHints(const DmTarget& ti, QueueLimits& limits) {
  limits.chunk_sectors = ti.Private<UnstripeC>().chunk_size;
}

const TargetType kUnstripeTarget = {
    .name = "unstriped",
    .versions = {{k5_10, 1, 1, 0}},
    .features = DM_TARGET_NOWAIT,
    .registered = 9,
    .ctr = UnstripeCtr,
    .map = UnstripeMap,
    .only_remaps = true,
    .status = UnstripeStatus,
    .iterate_devices = UnstripeIterateDevices,
    .io_hints = UnstripeIoHints,
    .example = {.length = 2048, .params = "2 8 0 /dev/pmem0 16"},
};
DM_REGISTER_TARGET(kUnstripeTarget);

}  // namespace
}  // namespace dmdax
