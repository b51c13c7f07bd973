// SPDX-License-Identifier: Apache-2.0
//
// zero: reads give zeros, writes are thrown away.
//
//   zero
//
// A discard fails until 6.6, since then it does nothing.  No device, hence no
// DAX.  Mirrors drivers/md/dm-zero.c (4.14 to 7.2).
#include <cerrno>

#include "dm/device_mapper.h"

namespace dmdax {
namespace {

absl::Status ZeroCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (!argv.empty()) return DmError("No arguments required");
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

absl::Status ZeroCtrDiscards(DmTarget& ti, absl::Span<const std::string> argv) {
  absl::Status s = ZeroCtr(ti, argv);
  ti.discards_supported = true;
  return s;
}

BioMap ZeroMap(const DmTarget&, sector_t, ReqOp op) {
  switch (op) {
    case ReqOp::kRead:
      return {.kind = BioMap::Kind::kZeroes};
    case ReqOp::kWrite:
    case ReqOp::kFlush:
      return {.kind = BioMap::Kind::kDropped};
    default:
      return {.kind = BioMap::Kind::kError, .err = EIO};
  }
}

BioMap ZeroMapDiscards(const DmTarget& ti, sector_t sector, ReqOp op) {
  if (op == ReqOp::kDiscard) return {.kind = BioMap::Kind::kDropped};
  return ZeroMap(ti, sector, op);
}

void ZeroIoHints(const DmTarget&, QueueLimits& limits) {
  limits.max_hw_discard_sectors = ~uint32_t{0};
  limits.discard_granularity = kSectorSize;
}

const TargetType kZeroTarget = {
    .name = "zero",
    .versions = {{k4_14, 1, 1, 0}, GoneSince(k6_12)},
    .features = DM_TARGET_NOWAIT,
    .registered = 3,
    .ctr = ZeroCtr,
    .map = ZeroMap,
    .example = {.length = 2048},
};
DM_REGISTER_TARGET(kZeroTarget);

const TargetType kZeroTargetDiscards = {
    .name = "zero",
    .versions = {{k6_12, 1, 2, 0}},
    .features = DM_TARGET_NOWAIT,
    .registered = 3,
    .ctr = ZeroCtrDiscards,
    .map = ZeroMapDiscards,
    .io_hints = ZeroIoHints,
    .example = {.length = 2048},
};
DM_REGISTER_TARGET(kZeroTargetDiscards);

}  // namespace
}  // namespace dmdax
