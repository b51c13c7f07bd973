// SPDX-License-Identifier: Apache-2.0
//
// What the three targets of dm-snap.c share: a snapshot's exceptions, and the
// list of snapshots of each origin.
//
// A chunk of the origin that is about to be overwritten is first copied to
// the COW device of every active snapshot; a chunk that a snapshot holds of
// its own is an exception.  The data really moves, where devices have bytes.
//
// Mirrors: struct dm_snapshot, struct origin, __origin_write of
// drivers/md/dm-snap.c, dm-snap-transient.c, dm-snap-persistent.c (6.1).
// Threading: one lock for all, as snapshots of one origin are entangled.
#ifndef DMDAX_DM_DM_SNAP_H_
#define DMDAX_DM_DM_SNAP_H_

#include <map>
#include <mutex>
#include <vector>

#include "dm/device_mapper.h"

namespace dmdax {

// Guards every Snapshot and the lists of them.  Recursive: the data that a
// copy moves may pass through another snapshot.
std::recursive_mutex& SnapMutex();

struct Snapshot : DmTargetPrivate {
  ~Snapshot() override;

  DmTable* table = nullptr;  // the one it is a row of
  bool merges = false;       // a snapshot-merge
  const DmDev* origin = nullptr;
  const DmDev* cow = nullptr;
  bool discard_zeroes_cow = false;
  bool discard_passdown_origin = false;
  bool registered = false;

  bool valid = true;
  bool overflowed = false;
  bool active = false;  // resumed
  // --- the exception store ---
  bool persistent = false;         // P: its metadata are on the COW device
  bool supports_overflow = false;  // PO
  uint32_t chunk_size = 0;         // sectors; 0 until a handover
  uint64_t next_free = 0;          // P: chunk; N: sector
  std::map<uint64_t, uint64_t> exceptions;  // chunk -> chunk of the COW

  // Exceptions in one chunk of metadata, for P.
  uint64_t exceptions_per_area() const {
    return (uint64_t{chunk_size} << kSectorShift) / 16;
  }
  // persistent_read_metadata(): a new store is formatted.  ENODATA when the
  // COW device has no bytes to read.
  absl::Status ReadMetadata();
  // Takes a chunk of the COW device, or false: it is full.
  bool PrepareException(uint64_t* new_chunk);
  // __find_pending_exception and start_copy: copies `chunk` of the origin,
  // or invalidates the snapshot.
  bool CopyOut(uint64_t chunk);
  void Invalidate();

 private:
  absl::Status ReadArea(uint64_t area, bool* full);
  void WriteException(uint64_t index, uint64_t chunk, uint64_t new_chunk);
};

// All that follow need SnapMutex().

// register_snapshot(), unregister_snapshot().
void RegisterSnapshot(Snapshot* snapshot);
void UnregisterSnapshot(Snapshot* snapshot);
// The snapshots of an origin.
std::vector<Snapshot*> SnapshotsOf(const BlockDevice& origin);

// do_origin(): sector `sector` of `origin` is about to be written.
void OriginWrite(const BlockDevice& origin, sector_t sector);

// The smallest chunk of the origin's snapshots, which bounds its I/O; 0: none.
uint32_t MinimumChunkSize(const BlockDevice& origin);

}  // namespace dmdax

#endif  // DMDAX_DM_DM_SNAP_H_
