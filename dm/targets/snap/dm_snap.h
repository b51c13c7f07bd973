// SPDX-License-Identifier: Apache-2.0
//
// What the three targets of dm-snap.c share: a snapshot's exceptions, and the
// list of snapshots of each origin.
//
// Before a chunk of the origin is overwritten, it is copied to the COW device
// of every active snapshot.  A chunk of which a snapshot has its own copy is
// called an exception.  Where devices have bytes, the data really moves.
//
// Mirrors: struct dm_snapshot, struct origin, __origin_write of
// drivers/md/dm-snap.c, dm-snap-transient.c, dm-snap-persistent.c (6.1).
// Threading: one lock for all, because the snapshots of an origin depend on
// each other.
#ifndef DMDAX_DM_TARGETS_SNAP_DM_SNAP_H_
#define DMDAX_DM_TARGETS_SNAP_DM_SNAP_H_

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "dm/device_mapper.h"
#include "dm/targets/background.h"

namespace dmdax {

// Guards every Snapshot and the lists of them.  Recursive: the data that a
// copy moves may pass through another snapshot.
std::recursive_mutex& SnapMutex();
using SnapLock = std::lock_guard<std::recursive_mutex>;

struct Snapshot : DmTargetPrivate {
  ~Snapshot() override;

  DmTable* table = nullptr;  // the one it is a row of
  bool merges = false;       // a snapshot-merge
  const DmDev* origin = nullptr;
  const DmDev* cow = nullptr;
  bool discard_zeroes_cow = false;
  bool discard_passdown_origin = false;
  uint64_t order = 0;  // of those that are registered; 0: it is not

  bool valid = true;
  bool overflowed = false;
  bool merge_failed = false;
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
  // persistent_read_metadata(): a new store is formatted.
  absl::Status ReadMetadata();
  // Takes a chunk of the COW device, or false: it is full.
  bool PrepareException(uint64_t* new_chunk);
  // __find_pending_exception and start_copy: gives `chunk` of the origin an
  // exception, and what the origin has, if the caller does not write all of it.
  enum class Copied { kDone, kNoRoom, kFailed };
  enum class Content { kOrigins, kCallers };
  Copied CopyOut(uint64_t chunk, Content content);
  // __invalidate_snapshot(): for want of room, or after an I/O error.
  void Invalidate(Copied why);
  // snapshot_merge_next_chunks(): up to `chunks` exceptions go back to the
  // origin, the newest first.
  void Merge(uint64_t chunks);
  BackgroundCopy merge;  // for a snapshot-merge

 private:
  absl::Status ReadArea(uint64_t area, bool* full);
  // False: the COW device does not take it.
  bool WriteException(uint64_t index, uint64_t chunk, uint64_t new_chunk);
  bool ZeroArea(uint64_t area);
  bool CopyChunk(uint64_t chunk, uint64_t new_chunk);
  bool WriteHeader();
  void ShutMerge(absl::string_view why);
};

// All that follow need SnapMutex().

// register_snapshot(), unregister_snapshot().
void RegisterSnapshot(Snapshot* snapshot);
void UnregisterSnapshot(Snapshot* snapshot);
// __find_snapshots_sharing_cow().
struct Sharing {
  Snapshot* src = nullptr;      // active
  Snapshot* dest = nullptr;     // not yet
  Snapshot* merging = nullptr;  // whatever its COW device
  int count = 0;
};

Sharing FindSharingCow(const Snapshot& s);

// do_origin(): sector `sector` of `origin` is about to be written.
void OriginWrite(const BlockDevice& origin, sector_t sector);

// The smallest chunk of the origin's snapshots, which bounds its I/O; 0: none.
uint32_t MinimumChunkSize(const BlockDevice& origin);

// Where a sector of a chunk that the snapshot holds of its own lies.
BioMap ToCow(const Snapshot& s, uint64_t new_chunk, sector_t sector);

// --- operations that snapshot and snapshot-merge have in common ---

absl::Status ConstructSnapshot(DmTarget& ti, absl::Span<const std::string> argv,
                               bool merges);
int SnapshotPreresume(DmTarget& ti);
void SnapshotResume(DmTarget& ti);
void SnapshotStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                    std::string* out);
int SnapshotIterateDevices(const DmTarget& ti, IterateDevicesFn fn);
void SnapshotIoHints(const DmTarget& ti, QueueLimits& limits);
std::string SnapshotSaveState(const DmTarget& ti);
bool SnapshotRestoreState(DmTarget& ti, absl::string_view state);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_SNAP_DM_SNAP_H_
