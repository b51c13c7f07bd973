// SPDX-License-Identifier: Apache-2.0
//
// Cures of where the rows of a volume lie: their starts and their ends.
//
// Data is aligned by the sum of all levels, so one row that moves makes up for
// the base of the memory and for a partition too, and what else stands there
// keeps its place.
#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/group_cure.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/move_rows.h"
#include "tools/check/stands_on.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

constexpr char kWholeRows[] = "rows of whole pages of 2 MiB";
constexpr char kNoRoom[] =
    "its rows are too small to be moved within where they are, and above and "
    "below lie others: make the volume of larger pieces";

// LVM2 places rows itself, from where the data of its devices begins.
std::optional<Cure> MoveInGroup(const CureRequest& request, const char* change,
                                proto::World& world,
                                proto::MappedDevice* volume) {
  if (request.machine == nullptr || request.stands_on == nullptr) {
    return std::nullopt;
  }
  LegOffs offs(request.session, world, Seen::kLevel);
  BdevSet redo;
  for (proto::Target& row : *EditRows(volume)) {
    ForEachLeg(row, [&](proto::Linear& leg, int nr_legs) {
      BlockDevice* const bdev = offs.DeviceOf(leg.device());
      if (bdev == nullptr || !offs.IsOff(row, leg, nr_legs)) return;
      if (BlockDevice* at = request.machine->machine->FindBdev(bdev->dev())) {
        redo.insert(at);
      }
    });
  }
  if (redo.empty()) return std::nullopt;
  return GroupCure(change, request, redo, world, volume);
}

std::optional<Cure> MoveVolume(const CureRequest& request, const char* change,
                               proto::World& world,
                               proto::MappedDevice* volume) {
  if (SegmentsToMake(request.session, *volume)) {
    return MoveInGroup(request, change, world, volume);
  }
  const uint64_t before = SectorsOf(volume);
  RowMover mover(request, world, volume, Seen::kLevel);
  if (!mover.HasWork()) return std::nullopt;
  if (!mover.Run()) return Cure{.remark = kNoRoom};
  return VolumeCure(change, request, *mover.Volume(), before);
}

// Whether a row begins off a multiple of so many sectors.
bool BeginsOff(proto::MappedDevice* volume, uint64_t sectors) {
  return absl::c_any_of(*EditRows(volume), [&](const proto::Target& row) {
    return row.start() % sectors != 0;
  });
}

// Rows that are one piece on the device below are written as one, where that
// alone leaves none that begins off a multiple of `sectors`.  A group's LVM2
// joins itself.
std::optional<Cure> CureOnePiece(const CureRequest& request,
                                 proto::World& world, uint64_t sectors,
                                 proto::MappedDevice* volume) {
  if (LvmNameOf(*volume)) return std::nullopt;
  LegOffs offs(request.session, world, Seen::kLevel);
  proto::MappedDevice joined = *volume;
  JoinPieces(&joined, &offs);
  if (BeginsOff(&joined, sectors)) return std::nullopt;
  *volume = std::move(joined);
  return Cure{
      .change = "one row in place of rows that are one piece",
      .steps = {{CureStage::kReload, volume->name(),
                 DmsetupReloadLine(volume->name(),
                                   StableTable(request.session, *volume)),
                 "", CureTool::kDmsetup}},
      .remark = "the data stays where it is, and the volume in use",
      .in_world = true};
}

// No row is to begin off a multiple of so many sectors.
std::optional<Cure> CureEnds(const CureRequest& request, proto::World& world,
                             uint64_t sectors, proto::MappedDevice* volume) {
  if (auto cure = CureOnePiece(request, world, sectors, volume)) return cure;
  return MoveVolume(request, kWholeRows, world, volume);
}

}  // namespace

std::optional<Cure> CureTargetStart(const CureRequest& request,
                                    proto::World& world) {
  proto::MappedDevice* const volume = BlamedVolume(request, world);
  if (volume == nullptr) return std::nullopt;
  return MoveVolume(request, kFromBoundary, world, volume);
}

std::optional<Cure> CureTargetEnd(const CureRequest& request,
                                  proto::World& world) {
  proto::MappedDevice* const volume = BlamedVolume(request, world);
  if (volume == nullptr) return std::nullopt;
  return CureEnds(request, world, kPmdSectors, volume);
}

std::optional<Cure> CureNoPage(const CureRequest& request,
                               proto::World& world) {
  // A request that starts in the last sectors of a row gets no page, EIO.
  // Mirrors: dm_dax_direct_access of drivers/md/dm.c.
  proto::MappedDevice* const volume = BlamedVolume(request, world);
  if (volume != nullptr && request.reason.err == EIO &&
      BeginsOff(volume, kPageSectors)) {
    return CureEnds(request, world, kPageSectors, volume);
  }
  return CureOffPage(request, world);
}

std::optional<Cure> CureRowEnds(const CureRequest& request,
                                proto::World& world) {
  // Mirrors: device_supports_dax of drivers/md/dm-table.c (5.10).
  for (BlockDevice* bdev : AllBelow(request.session, request.subject.bdev)) {
    proto::MappedDevice* const volume =
        FindMapped(world, NameOfDevice(request.session, *bdev));
    if (volume != nullptr && BeginsOff(volume, kPageSectors)) {
      return CureEnds(request, world, kPageSectors, volume);
    }
  }
  return std::nullopt;
}

std::optional<Cure> CureByVolume(const CureRequest& request,
                                 proto::World& world) {
  if (request.subject.bdev == nullptr) return std::nullopt;
  std::vector<BlockDevice*> stack =
      AllBelow(request.session, request.subject.bdev);
  std::reverse(stack.begin(), stack.end());  // the lowest first
  for (BlockDevice* bdev : stack) {
    proto::MappedDevice* const volume =
        FindMapped(world, NameOfDevice(request.session, *bdev));
    if (volume == nullptr) continue;
    LegOffs offs(request.session, world, Seen::kLevel);
    bool off = false;
    for (proto::Target& row : *EditRows(volume)) {
      ForEachLeg(row, [&](proto::Linear& leg, int) {
        off |= offs.Off(row, leg) != 0;
      });
    }
    if (off) {
      return MoveVolume(request, kFromBoundary, world, volume);
    }
  }
  return std::nullopt;
}

std::optional<Cure> CureOwnRows(const CureRequest& request,
                                proto::World& world) {
  // The highest first: the fewest stand on it.
  for (BlockDevice* bdev : AllBelow(request.session, request.subject.bdev)) {
    proto::MappedDevice* const volume =
        FindMapped(world, NameOfDevice(request.session, *bdev));
    if (volume == nullptr || SegmentsToMake(request.session, *volume)) continue;
    const uint64_t before = SectorsOf(volume);
    RowMover mover(request, world, volume, Seen::kStack);
    if (!mover.HasWork() || !mover.Run()) continue;
    return VolumeCure(kFromBoundary, request, *mover.Volume(), before);
  }
  return std::nullopt;
}

}  // namespace dmdax
