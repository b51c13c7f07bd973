// SPDX-License-Identifier: Apache-2.0
#include "dm/bio_map.h"

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "dm/mapped_device.h"
#include "dm/stack_depth.h"

namespace dmdax {
namespace {

// A sector of a disk, and where persistent memory keeps its bytes (null: it
// does not, or the disk is none).
struct Leaf {
  BlockDevice* bdev;
  sector_t sector;  // of the whole disk
  char* memory = nullptr;
  int err = 0;  // of the media
};

Leaf LeafOf(const BioHop& end) {
  Leaf leaf{.bdev = end.bdev,
            .sector = end.bdev->start_sect() + end.sector.value()};
  DaxDevice* dax_dev = end.bdev->host_dax_dev();
  if (dax_dev == nullptr) return leaf;
  const DaxAccess page = DaxDirectAccess(dax_dev, SectorToPage(leaf.sector), 1,
                                         DaxAccessMode::kAccess, nullptr);
  if (page.ret < 1) {
    leaf.err = EIO;
  } else if (page.kaddr != nullptr) {
    leaf.memory = static_cast<char*>(page.kaddr) +
                  (leaf.sector.value() % kPageSectors << kSectorShift);
  }
  return leaf;
}

absl::Status Failed(const BioRoute& route) {
  return ErrnoError(route.err, absl::StrCat(route.hops.back().bdev->name(),
                                            ": I/O error at sector ",
                                            route.hops.back().sector.value()));
}

absl::Status MediaError(const Leaf& leaf) {
  return ErrnoError(leaf.err,
                    absl::StrCat(leaf.bdev->name(), ": media error at sector ",
                                 leaf.sector.value()));
}

// The most places one sector is written to: mirrors that stand on themselves
// would go on for ever.
constexpr int kMostBranches = 64;

BioRoute RouteBranch(BlockDevice& bdev, sector_t sector, ReqOp op,
                     int& branches_left) {
  BioRoute route{.hops = {{&bdev, sector}}};
  while (route.hops.size() <= StackDepth::kMax && branches_left >= 0) {
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

// Tells the mapped devices on the way of each sector of a request what passes.
class Accountant {
 public:
  explicit Accountant(ReqOp op) : op_(op) {}

  void Sector(const BioRoute& route) {
    // A bio that is split above arrives as two.
    bool split_above = last_.empty();
    for (size_t i = 0; i < route.hops.size(); ++i) {
      const BioHop& hop = route.hops[i];
      MappedDevice* md = MappedDevice::Of(*hop.bdev);
      if (md == nullptr || hop.sector.value() >= hop.bdev->nr_sectors()) break;
      const bool goes_on = i < last_.size() && last_[i].bdev == hop.bdev &&
                           last_[i].sector + 1 == hop.sector;
      const bool new_bio = split_above || !goes_on;
      const bool new_clone = new_bio || md->SplitsBehind(last_[i].sector);
      if (new_clone) md->AccountBio(hop.sector, op_);
      split_above = new_clone;
    }
    last_ = route.hops;
  }

 private:
  const ReqOp op_;
  std::vector<BioHop> last_;
};

}  // namespace

absl::Status BioRead(BlockDevice& bdev, sector_t sector,
                     absl::Span<char> bytes) {
  Accountant accountant(ReqOp::kRead);
  BioRoute first;
  for (size_t i = 0; i < bytes.size() / kSectorSize; ++i) {
    char* out = bytes.data() + i * kSectorSize;
    const BioRoute route = RouteBio(bdev, sector + i, ReqOp::kRead);
    accountant.Sector(route);
    if (route.kind == BioMap::Kind::kError) return Failed(route);
    if (i == 0) first = route;
    if (route.kind != BioMap::Kind::kRemapped) {
      memset(out, 0, kSectorSize);
      continue;
    }
    absl::Status ended = EndRoute(route, ReqOp::kRead);
    if (!ended.ok()) return ended;
    const Leaf leaf = LeafOf(route.hops.back());
    if (leaf.err != 0) return MediaError(leaf);
    if (leaf.memory != nullptr) {
      memcpy(out, leaf.memory, kSectorSize);
    } else {
      leaf.bdev->bytes().Read(leaf.sector, absl::MakeSpan(out, kSectorSize));
    }
  }
  Corrupt(first, bytes);
  return absl::OkStatus();
}

namespace {

absl::Status WriteSector(const BioRoute& route,
                         absl::Span<const char> sector_bytes) {
  absl::Status s = absl::OkStatus();
  if (route.kind == BioMap::Kind::kError) {
    s = Failed(route);
  } else if (route.kind == BioMap::Kind::kRemapped) {
    const Leaf leaf = LeafOf(route.hops.back());
    // A bad block fails reads only.
    if (leaf.memory != nullptr) {
      memcpy(leaf.memory, sector_bytes.data(), kSectorSize);
    }
    // Memory forgets between two commands; this is what a snapshot keeps.
    leaf.bdev->bytes().Write(leaf.sector, sector_bytes);
    s = EndRoute(route, ReqOp::kWrite);
  }
  for (const BioRoute& other : route.also) {
    if (WriteSector(other, sector_bytes).ok()) s = absl::OkStatus();
  }
  return s;
}

}  // namespace

absl::Status BioWrite(BlockDevice& bdev, sector_t sector,
                      absl::Span<const char> bytes) {
  Accountant accountant(ReqOp::kWrite);
  std::vector<char> corrupted;
  for (size_t i = 0; i < bytes.size() / kSectorSize; ++i) {
    const BioRoute route = RouteBio(bdev, sector + i, ReqOp::kWrite);
    accountant.Sector(route);
    if (i == 0 && route.corrupt_byte > 0) {
      corrupted.assign(bytes.begin(), bytes.end());
      Corrupt(route, absl::MakeSpan(corrupted));
      bytes = corrupted;
    }
    absl::Status s =
        WriteSector(route, bytes.subspan(i * kSectorSize, kSectorSize));
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace dmdax
