// SPDX-License-Identifier: Apache-2.0
#include "dm/bio_map.h"

#include <cerrno>

#include "absl/strings/str_format.h"
#include "dm/bio/submit_bio.h"
#include "dm/mapped_device.h"
#include "dm/stack_depth.h"

namespace dmdax {
namespace {

// The most places one sector is written to: mirrors that stand on themselves
// would go on for ever.
constexpr int kMostBranches = 64;

BioRoute RouteBranch(BlockDevice& bdev, sector_t sector, ReqOp op,
                     int& branches_left) {
  BioRoute route{.hops = {{&bdev, sector}}};
  // As many levels as a walk may have, and what they stand on.
  while (route.hops.size() <= StackDepth::kMax + 1 && branches_left >= 0) {
    const BioHop at = route.hops.back();
    const uint64_t size = at.bdev->nr_sectors();
    if (at.sector.value() >= size) {
      // bio_check_eod(); a device without a table has size 0 and fails here
      // too.
      route.kind = BioMap::Kind::kError;
      route.err = EIO;
      return route;
    }
    const MappedDevice* md = MappedDevice::Of(*at.bdev);
    if (md == nullptr) return route;
    const BioMap next = md->MapBio(at.sector, op);
    if (next.kind != BioMap::Kind::kRemapped) {
      route.kind = next.kind;
      route.err = next.err;
      return route;
    }
    if (next.corrupt_byte > 0) {
      route.corrupt_byte = next.corrupt_byte;
      route.corrupt_value = next.corrupt_value;
    }
    for (const BioMap::Place& place : next.also) {
      if (--branches_left < 0) break;
      route.also.push_back(
          RouteBranch(*place.dev->bdev, place.sector, op, branches_left));
    }
    route.hops.push_back({next.dev->bdev, next.sector});
  }
  route.kind = BioMap::Kind::kError;
  route.err = ELOOP;
  return route;
}

}  // namespace

BioRoute RouteBio(BlockDevice& bdev, sector_t sector, ReqOp op) {
  int branches_left = kMostBranches;
  return RouteBranch(bdev, sector, op, branches_left);
}

bool BioBeyondEnd(Machine& machine, absl::string_view comm,
                  const BlockDevice& bdev, sector_t sector, uint64_t count,
                  unsigned rw) {
  const uint64_t size = bdev.nr_sectors();
  const uint64_t at = sector.value();
  if (size == 0 && machine.profile().bio_eod_spares_empty) return false;
  if (count <= size && at <= size - count) return false;
  const std::string what =
      machine.profile().bio_eod_names_process
          ? absl::StrFormat(
                "%s: attempt to access beyond end of device\n%s: rw=%d, "
                "sector=%d, nr_sectors = %d limit=%d",
                comm, bdev.name(), rw, at, count, size)
          : absl::StrFormat(
                "attempt to access beyond end of device\n%s: rw=%d, want=%d, "
                "limit=%d",
                bdev.name(), rw, at + count, size);
  machine.log().Printk(KernLevel::kInfo, what);
  return true;
}

absl::Status BioRead(BlockDevice& bdev, sector_t sector,
                     absl::Span<char> bytes) {
  return BioSubmitter().Read(bdev, sector, bytes);
}

absl::Status BioWrite(BlockDevice& bdev, sector_t sector,
                      absl::Span<const char> bytes) {
  return BioSubmitter().Write(bdev, sector, bytes);
}

}  // namespace dmdax
