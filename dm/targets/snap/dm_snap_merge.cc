// SPDX-License-Identifier: Apache-2.0
//
// snapshot-merge: the way back of a snapshot into its origin.
//
//   snapshot-merge <origin> <COW dev> <P|PO> <chunk> [features of snapshot]
//
// A merge proceeds as the machine's clock goes on.
// Mirrors snapshot_merge_* of drivers/md/dm-snap.c (4.14 to 7.2).
#include "dm/targets/dm_delay.h"
#include "dm/targets/snap/dm_snap.h"

namespace dmdax {
namespace {

absl::Status SnapshotMergeCtr(DmTarget& ti,
                              absl::Span<const std::string> argv) {
  return ConstructSnapshot(ti, argv, true);
}

BioMap SnapshotMergeMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  const BioMap to_origin = {BioMap::Kind::kRemapped, s.origin, sector, 0};
  if (op == ReqOp::kFlush) return to_origin;
  if (op == ReqOp::kDiscard) return {.kind = BioMap::Kind::kDropped};
  if (s.valid && s.chunk_size != 0) {
    auto e = s.exceptions.find(sector.value() / s.chunk_size);
    if (e != s.exceptions.end()) return ToCow(s, e->second, sector);
  }
  if (!IsRead(op)) {
    OriginWrite(*s.origin->bdev, sector);
  }
  return to_origin;
}

void SnapshotMergeResume(DmTarget& ti) {
  SnapshotResume(ti);
  SnapLock lock(SnapMutex());
  Snapshot& s = ti.Private<Snapshot>();
  ti.max_io_len = MinimumChunkSize(*s.origin->bdev);
  if (!s.valid) {
    DmLog(MachineOf(ti), KernLevel::kErr, "snapshots",
          "Snapshot is invalid: can't merge");
    return;
  }
  s.merge.Start(MachineOf(ti).NowSeconds());
}

void SnapshotMergeElapse(DmTarget& ti, int64_t now) {
  Snapshot& s = ti.Private<Snapshot>();
  {
    SnapLock lock(SnapMutex());
    if (s.exceptions.empty()) return;
  }
  const uint64_t delay_ms =
      DelayBelowMs(*s.cow->bdev, sector_t{0}, ReqOp::kRead) +
      DelayBelowMs(*s.origin->bdev, sector_t{0}, ReqOp::kWrite);
  SnapLock lock(SnapMutex());
  if (s.chunk_size != 0) s.Merge(s.merge.Take(now, s.chunk_size, delay_ms));
}

const TargetType kSnapshotMergeTarget = {
    .name = "snapshot-merge",
    .versions = {{k4_14, 1, 4, 0}, {k5_10, 1, 5, 0}},
    .registered = 8,
    .knows_others = true,
    .ctr = SnapshotMergeCtr,
    .map = SnapshotMergeMap,
    .status = SnapshotStatus,
    .preresume = SnapshotPreresume,
    .resume = SnapshotMergeResume,
    .elapse = SnapshotMergeElapse,
    .iterate_devices = SnapshotIterateDevices,
    .io_hints = SnapshotIoHints,
    .save_state = SnapshotSaveState,
    .restore_state = SnapshotRestoreState,
    .example = {.length = 2048,
                .params = "/dev/sda /dev/mem0 P 8",
                .below = {"snapshot-origin", "/dev/sda", ""}},
};
DM_REGISTER_TARGET(kSnapshotMergeTarget);

}  // namespace
}  // namespace dmdax
