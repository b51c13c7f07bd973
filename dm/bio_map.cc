// SPDX-License-Identifier: Apache-2.0
#include "dm/bio_map.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/mapped_device.h"
#include "dm/stack_depth.h"

namespace dmdax {
namespace {

// The bytes of a sector of a disk, or null when it has none.
char* LeafBytes(const BioHop& leaf) {
  DaxDevice* dax_dev = leaf.bdev->host_dax_dev();
  if (dax_dev == nullptr) return nullptr;
  const sector_t sector = leaf.bdev->start_sect() + leaf.sector.value();
  const DaxAccess page = DaxDirectAccess(dax_dev, SectorToPage(sector), 1,
                                         DaxAccessMode::kAccess, nullptr);
  if (page.ret < 1 || page.kaddr == nullptr) return nullptr;
  return static_cast<char*>(page.kaddr) +
         (sector.value() % kPageSectors << kSectorShift);
}

absl::Status Failed(const BioRoute& route) {
  return ErrnoError(route.err, absl::StrCat(route.hops.back().bdev->name(),
                                            ": I/O error at sector ",
                                            route.hops.back().sector.value()));
}

}  // namespace

BioRoute RouteBio(BlockDevice& bdev, sector_t sector, ReqOp op) {
  BioRoute route{.hops = {{&bdev, sector}}};
  while (route.hops.size() <= StackDepth::kMax) {
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
    route.hops.push_back({next.dev->bdev, next.sector});
  }
  route.kind = BioMap::Kind::kError;
  route.err = ELOOP;
  return route;
}

namespace {

// The way back up, from the disk to the device that was asked.
absl::Status EndRoute(const BioRoute& route, ReqOp op) {
  for (auto hop = route.hops.rbegin(); hop != route.hops.rend(); ++hop) {
    const MappedDevice* md = MappedDevice::Of(*hop->bdev);
    if (md == nullptr) continue;
    if (const int err = md->EndBio(hop->sector, op); err != 0) {
      return ErrnoError(err, absl::StrCat(hop->bdev->name(), ": sector ",
                                          hop->sector.value()));
    }
  }
  return absl::OkStatus();
}

// A bio is corrupted where its first sector goes.
void Corrupt(const BioRoute& route, absl::Span<char> bytes) {
  if (route.corrupt_byte == 0 || route.corrupt_byte > bytes.size()) return;
  bytes[route.corrupt_byte - 1] = static_cast<char>(route.corrupt_value);
}

}  // namespace

absl::Status BioRead(BlockDevice& bdev, sector_t sector,
                     absl::Span<char> bytes) {
  BioRoute first;
  for (size_t i = 0; i < bytes.size() / kSectorSize; ++i) {
    char* out = bytes.data() + i * kSectorSize;
    const BioRoute route = RouteBio(bdev, sector + i, ReqOp::kRead);
    if (route.kind == BioMap::Kind::kError) return Failed(route);
    if (i == 0) first = route;
    if (route.kind != BioMap::Kind::kRemapped) {
      memset(out, 0, kSectorSize);
      continue;
    }
    absl::Status ended = EndRoute(route, ReqOp::kRead);
    if (!ended.ok()) return ended;
    const char* leaf = LeafBytes(route.hops.back());
    if (leaf == nullptr) {
      return ErrnoError(ENODATA, absl::StrCat(route.hops.back().bdev->name(),
                                              " has no bytes"));
    }
    memcpy(out, leaf, kSectorSize);
  }
  Corrupt(first, bytes);
  return absl::OkStatus();
}

absl::Status BioWrite(BlockDevice& bdev, sector_t sector,
                      absl::Span<const char> bytes) {
  std::vector<char> corrupted;
  for (size_t i = 0; i < bytes.size() / kSectorSize; ++i) {
    const BioRoute route = RouteBio(bdev, sector + i, ReqOp::kWrite);
    if (route.kind == BioMap::Kind::kError) return Failed(route);
    if (i == 0 && route.corrupt_byte > 0) {
      corrupted.assign(bytes.begin(), bytes.end());
      Corrupt(route, absl::MakeSpan(corrupted));
      bytes = corrupted;
    }
    if (route.kind != BioMap::Kind::kRemapped) continue;
    if (char* leaf = LeafBytes(route.hops.back())) {
      memcpy(leaf, bytes.data() + i * kSectorSize, kSectorSize);
    }
    absl::Status ended = EndRoute(route, ReqOp::kWrite);
    if (!ended.ok()) return ended;
  }
  return absl::OkStatus();
}

}  // namespace dmdax
