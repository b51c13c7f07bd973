// SPDX-License-Identifier: Apache-2.0
//
// snapshot: a device as it was, while its origin goes on changing.
//
//   snapshot <origin> <COW dev> <P|PO|N> <chunk>
//            [<#features> discard_zeroes_cow [discard_passdown_origin]]
//
//   P, N   exceptions are kept on the COW device, or in memory; PO: and a
//          full COW device is an overflow, not the end
//   chunk  sectors; a power of two, a multiple of both logical block sizes;
//          0 with P: as on the device, or 32
//
// Mirrors snapshot_* of drivers/md/dm-snap.c (4.14 to 7.2).
#include "dm/targets/snap/dm_snap.h"

#include <cerrno>
#include <utility>

#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {

BioMap ToCow(const Snapshot& s, uint64_t new_chunk, sector_t sector) {
  return {BioMap::Kind::kRemapped, s.cow,
          sector_t(new_chunk * s.chunk_size + sector.value() % s.chunk_size),
          0};
}

int SnapshotPreresume(DmTarget& ti) {
  Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  const Sharing sharing = FindSharingCow(s);
  if (sharing.src == nullptr || sharing.dest == nullptr) return 0;
  const char* error = nullptr;
  if (&s == sharing.src) {
    error = "Unable to resume snapshot source until handover completes.";
  } else if (!sharing.src->table->md().suspended()) {
    error = "Unable to perform snapshot handover until source is suspended.";
  }
  if (error == nullptr) return 0;
  DmLog(MachineOf(ti), KernLevel::kErr, "snapshots", error);
  return EINVAL;
}

void SnapshotResume(DmTarget& ti) {
  Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  const Sharing sharing = FindSharingCow(s);
  if (sharing.src != nullptr && sharing.dest == &s) {
    Snapshot& src = *sharing.src;
    // __snapshot_handover(): the new row takes over the whole exception store.
    std::swap(s.exceptions, src.exceptions);
    std::swap(s.persistent, src.persistent);
    std::swap(s.supports_overflow, src.supports_overflow);
    std::swap(s.chunk_size, src.chunk_size);
    std::swap(s.next_free, src.next_free);
    s.valid = src.valid;
    s.overflowed = src.overflowed;
    // The source never does I/O again.
    src.valid = false;
    ti.max_io_len = s.chunk_size;
  }
  s.active = true;
}

int SnapshotIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const Snapshot& s = ti.Private<Snapshot>();
  if (int ret = fn(*s.origin, sector_t{0}, ti.len)) return ret;
  return fn(*s.cow, sector_t{0}, sector_t(s.cow->bdev->nr_sectors()));
}

void SnapshotIoHints(const DmTarget& ti, QueueLimits& limits) {
  const Snapshot& s = ti.Private<Snapshot>();
  if (!s.discard_zeroes_cow) return;
  SnapLock lock(SnapMutex());
  const Sharing sharing = FindSharingCow(s);
  const bool hands_over = sharing.src != nullptr && sharing.dest != nullptr;
  // Before a handover only the source knows the chunk size.
  const Snapshot& store = hands_over ? *sharing.src : s;
  // The kernel stores a number of sectors where bytes are meant.
  limits.discard_granularity = store.chunk_size;
  limits.max_discard_sectors = store.chunk_size;
  limits.max_hw_discard_sectors = store.chunk_size;
}

namespace {

absl::Status SnapshotCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  return ConstructSnapshot(ti, argv, false);
}

// BioMap::choice of a write that is all of a new chunk.
constexpr uint32_t kFullBio = 1;

// A write to a chunk that is still the origin's: the chunk is copied first,
// unless all of it is written; if there is no room or an error, the snapshot is
// invalidated.
BioMap WriteNewChunk(Snapshot& s, sector_t sector, uint64_t sectors) {
  const uint64_t chunk = sector.value() / s.chunk_size;
  const bool full = sectors == s.chunk_size;
  const Snapshot::Copied copied = s.CopyOut(
      chunk, full ? Snapshot::Content::kCallers : Snapshot::Content::kOrigins);
  if (copied == Snapshot::Copied::kDone) {
    BioMap map = ToCow(s, s.exceptions[chunk], sector);
    map.choice = full ? kFullBio : 0;
    return map;
  }
  if (!s.supports_overflow || copied == Snapshot::Copied::kFailed) {
    s.Invalidate(copied);
  } else if (!s.overflowed) {
    s.overflowed = true;
    DmLog(s.table->md().machine(), KernLevel::kErr, "snapshots",
          "Snapshot overflowed: Unable to allocate exception.");
  }
  return {.kind = BioMap::Kind::kError, .err = EIO};
}

BioMap SnapshotMapBio(const DmTarget& ti, sector_t sector, uint64_t sectors,
                      ReqOp op) {
  Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  const bool reads = IsRead(op);
  if (op == ReqOp::kFlush) {
    return {BioMap::Kind::kRemapped, s.cow, sector, 0};
  }
  if (!s.valid || s.chunk_size == 0 || (s.overflowed && !reads)) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  auto e = s.exceptions.find(sector.value() / s.chunk_size);
  if (e != s.exceptions.end()) return ToCow(s, e->second, sector);
  if (op == ReqOp::kDiscard) return {.kind = BioMap::Kind::kDropped};
  if (!reads) return WriteNewChunk(s, sector, sectors);
  return {BioMap::Kind::kRemapped, s.origin, sector, 0};
}

BioMap SnapshotMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  return SnapshotMapBio(ti, sector, 1, op);
}

// full_bio_end_io(): a chunk that has not been written has no exception.
AfterFailure SnapshotIoFailed(const DmTarget& ti, const DmBio&,
                              const DmIoFailure& failure) {
  if (failure.map.choice != kFullBio) return AfterFailure::kFails;
  SnapLock lock(SnapMutex());
  ti.Private<Snapshot>().Invalidate(Snapshot::Copied::kFailed);
  return AfterFailure::kFails;
}

const TargetType kSnapshotTarget = {
    .name = "snapshot",
    .versions = {{k4_14, 1, 15, 0}, {k5_10, 1, 16, 0}},
    .registered = 6,
    .knows_others = true,
    .ctr = SnapshotCtr,
    .map = SnapshotMap,
    .map_bio = SnapshotMapBio,
    .io_failed = SnapshotIoFailed,
    .status = SnapshotStatus,
    .preresume = SnapshotPreresume,
    .resume = SnapshotResume,
    .iterate_devices = SnapshotIterateDevices,
    .io_hints = SnapshotIoHints,
    .save_state = SnapshotSaveState,
    .restore_state = SnapshotRestoreState,
    .example = {.length = 2048, .params = "/dev/sda /dev/mem0 N 8"},
};
DM_REGISTER_TARGET(kSnapshotTarget);

}  // namespace
}  // namespace dmdax
