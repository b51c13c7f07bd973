// SPDX-License-Identifier: Apache-2.0
//
// snapshot: a device as it was, while its origin goes on changing.
// snapshot-merge: the way back of a snapshot into its origin.
//
//   snapshot <origin> <COW dev> <P|PO|N> <chunk>
//            [<#features> discard_zeroes_cow [discard_passdown_origin]]
//
//   P, N   exceptions are kept on the COW device, or in memory; PO: and a
//          full COW device is an overflow, not the end
//   chunk  sectors; a power of two, a multiple of both logical block sizes;
//          0 with P: as on the device, or 32
//
// A merge does not proceed by itself: nothing moves here without I/O.
// Mirrors snapshot_* of drivers/md/dm-snap.c, dm-exception-store.c (4.14 to
// 7.2).
#include "dm/dm_snap.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

using SnapLock = std::lock_guard<std::recursive_mutex>;

absl::Status ParseFeatures(DmArgSet& as, Snapshot* s) {
  if (as.argc() == 0) return absl::OkStatus();
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 2, "Invalid number of feature arguments"});
  if (!count.ok()) return count.status();
  for (uint32_t i = 0; i < *count; ++i) {
    const std::string& name = *as.Shift();
    if (absl::EqualsIgnoreCase(name, "discard_zeroes_cow")) {
      s->discard_zeroes_cow = true;
    } else if (absl::EqualsIgnoreCase(name, "discard_passdown_origin")) {
      s->discard_passdown_origin = true;
    } else {
      // The dependency is looked at even so, and has the last word.
      if (!s->discard_zeroes_cow && s->discard_passdown_origin) break;
      return DmError("Unrecognised feature requested");
    }
  }
  if (!s->discard_zeroes_cow && s->discard_passdown_origin) {
    return DmError(
        "discard_passdown_origin feature depends on discard_zeroes_cow");
  }
  return absl::OkStatus();
}

uint32_t BlockSectors(const DmDev& dev) {
  return dev.bdev->queue().limits().logical_block_size >> kSectorShift;
}

// dm_exception_store_create(): whatever is wrong has one text.
bool CreateStore(const DmTarget& ti, const std::string& type,
                 const std::string& chunk, Snapshot* s) {
  const char first =
      type.empty() ? '\0'
                   : absl::ascii_toupper(static_cast<unsigned char>(type[0]));
  if (first != 'P' && first != 'N') return false;
  s->persistent = first == 'P';
  absl::StatusOr<uint32_t> size = KstrtoU32(chunk);
  if (!size.ok()) return false;
  if (*size != 0) {
    constexpr uint32_t kTooHigh = 0x7fffffff >> kSectorShift;
    if ((*size & (*size - 1)) != 0 || *size % BlockSectors(*s->cow) != 0 ||
        *size % BlockSectors(*s->origin) != 0 || *size > kTooHigh) {
      return false;
    }
  }
  s->chunk_size = *size;
  if (s->persistent && type.size() > 1) {
    if (absl::ascii_toupper(static_cast<unsigned char>(type[1])) != 'O') {
      DmLog(MachineOf(ti), KernLevel::kErr, "persistent snapshot",
            absl::StrCat("Unsupported persistent store option: ",
                         type.substr(1)));
      return false;
    }
    s->supports_overflow = true;
  }
  return true;
}

absl::Status GetDevices(DmTarget& ti, absl::Span<const std::string> argv,
                        Snapshot* s) {
  absl::StatusOr<const DmDev*> origin =
      DmGetDevice(ti, argv[0], s->merges ? FMODE_WRITE : FMODE_READ,
                  "Cannot get origin device");
  if (!origin.ok()) return origin.status();
  s->origin = *origin;
  Machine& machine = MachineOf(ti);
  absl::StatusOr<DevT> cow_dev = machine.DmGetDevT(argv[1]);
  if (std::optional<DevT> number = ScanMajorMinor(argv[1])) cow_dev = *number;
  if (cow_dev.ok() && *cow_dev == s->origin->bdev->dev()) {
    return DmError("COW device cannot be the same as origin device");
  }
  absl::StatusOr<const DmDev*> cow =
      DmGetDevice(ti, argv[1], "Cannot get COW device");
  if (!cow.ok()) return cow.status();
  s->cow = *cow;
  return absl::OkStatus();
}

// __find_snapshots_sharing_cow().
struct Sharing {
  Snapshot* src = nullptr;      // active
  Snapshot* dest = nullptr;     // not yet
  Snapshot* merging = nullptr;  // whatever its COW device
  int count = 0;
};

Sharing FindSharingCow(const Snapshot& s) {
  Sharing sharing;
  for (Snapshot* other : SnapshotsOf(*s.origin->bdev)) {
    if (other->merges) sharing.merging = other;
    if (other->cow->bdev != s.cow->bdev) continue;
    (other->active ? sharing.src : sharing.dest) = other;
    ++sharing.count;
  }
  return sharing;
}

// __validate_exception_handover(); `hands_over`: the exceptions come from an
// active snapshot, at resume.
absl::Status ValidateHandover(const Snapshot& s, bool* hands_over) {
  const Sharing sharing = FindSharingCow(s);
  *hands_over = sharing.src != nullptr;
  if (sharing.count == 2 || sharing.dest != nullptr) {
    return DmError("Snapshot cow pairing for exception table handover failed");
  }
  if (sharing.src != nullptr && s.merges && sharing.merging != nullptr) {
    return DmError("A snapshot is already merging.");
  }
  return absl::OkStatus();
}

absl::Status ReadMetadata(DmTarget& ti, Snapshot* s) {
  if (s->persistent && s->chunk_size == 0) {
    constexpr uint32_t kDefaultSectors = 32;
    s->chunk_size = std::max(kDefaultSectors, BlockSectors(*s->cow));
  }
  if (s->persistent) {
    absl::Status read = s->ReadMetadata();
    if (ErrnoOf(read) == ENODATA) {
      return ErrnoError(
          EINVAL, absl::StrCat("Failed to read snapshot "
                               "metadata: ",
                               read.message(), " here, so it is not known"));
    }
    if (!read.ok()) {
      return ErrnoError(ErrnoOf(read), "Failed to read snapshot metadata");
    }
  }
  if (s->chunk_size == 0) return DmError("Chunk size not set");
  return DmSetTargetMaxIoLen(ti, s->chunk_size);
}

absl::Status Construct(DmTarget& ti, absl::Span<const std::string> argv,
                       bool merges) {
  if (argv.size() < 4) return DmError("requires 4 or more arguments");
  auto s = std::make_unique<Snapshot>();
  s->table = ti.table;
  s->merges = merges;
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  as.Consume(4);
  if (absl::Status e = ParseFeatures(as, s.get()); !e.ok()) return e;
  if (absl::Status e = GetDevices(ti, argv, s.get()); !e.ok()) return e;
  if (!CreateStore(ti, argv[2], argv[3], s.get())) {
    return DmError("Couldn't create exception store");
  }
  if (merges && !s->persistent) {
    return DmError("Snapshot exception store does not support snapshot-merge.");
  }
  SnapLock lock(SnapMutex());
  bool hands_over;
  if (absl::Status e = ValidateHandover(*s, &hands_over); !e.ok()) return e;
  RegisterSnapshot(s.get());
  if (hands_over) {
    s->chunk_size = 0;
  } else if (absl::Status e = ReadMetadata(ti, s.get()); !e.ok()) {
    return e;
  }
  ti.num_flush_bios = merges ? 2 : 1;
  if (s->discard_zeroes_cow) {
    ti.num_discard_bios = s->discard_passdown_origin ? 2 : 1;
  }
  ti.private_data = std::move(s);
  return absl::OkStatus();
}

absl::Status SnapshotCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  return Construct(ti, argv, false);
}

absl::Status SnapshotMergeCtr(DmTarget& ti,
                              absl::Span<const std::string> argv) {
  return Construct(ti, argv, true);
}

BioMap ToCow(const Snapshot& s, uint64_t new_chunk, sector_t sector) {
  return {BioMap::Kind::kRemapped, s.cow,
          sector_t(new_chunk * s.chunk_size + sector.value() % s.chunk_size),
          0};
}

// A write to a chunk of the origin's: copied first, or there is no room.
BioMap WriteNewChunk(Snapshot& s, sector_t sector) {
  const uint64_t chunk = sector.value() / s.chunk_size;
  if (s.CopyOut(chunk)) return ToCow(s, s.exceptions[chunk], sector);
  if (!s.supports_overflow) {
    s.Invalidate();
  } else if (!s.overflowed) {
    s.overflowed = true;
    DmLog(s.table->md().machine(), KernLevel::kErr, "snapshots",
          "Snapshot overflowed: Unable to allocate exception.");
  }
  return {.kind = BioMap::Kind::kError, .err = EIO};
}

BioMap SnapshotMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  const bool reads = op == ReqOp::kRead || op == ReqOp::kReadAhead;
  if (op == ReqOp::kFlush) {
    return {BioMap::Kind::kRemapped, s.cow, sector, 0};
  }
  if (!s.valid || s.chunk_size == 0 || (s.overflowed && !reads)) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  auto e = s.exceptions.find(sector.value() / s.chunk_size);
  if (e != s.exceptions.end()) return ToCow(s, e->second, sector);
  if (op == ReqOp::kDiscard) return {.kind = BioMap::Kind::kDropped};
  if (!reads) return WriteNewChunk(s, sector);
  return {BioMap::Kind::kRemapped, s.origin, sector, 0};
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
  if (op != ReqOp::kRead && op != ReqOp::kReadAhead) {
    OriginWrite(*s.origin->bdev, sector);
  }
  return to_origin;
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

void SnapshotMergeResume(DmTarget& ti) {
  SnapshotResume(ti);
  SnapLock lock(SnapMutex());
  ti.max_io_len = MinimumChunkSize(*ti.Private<Snapshot>().origin->bdev);
}

void InfoStatus(const Snapshot& s, std::string* out) {
  if (!s.valid) {
    absl::StrAppend(out, "Invalid");
  } else if (s.overflowed) {
    absl::StrAppend(out, "Overflow");
  } else {
    const uint64_t total = s.cow->bdev->nr_sectors();
    if (!s.persistent) {
      absl::StrAppend(out, s.next_free, "/", total, " 0");
      return;
    }
    const uint64_t per_area = s.exceptions_per_area();
    const uint64_t area = per_area == 0 ? 0 : s.exceptions.size() / per_area;
    absl::StrAppend(out, s.next_free * s.chunk_size, "/", total, " ",
                    (area + 2) * s.chunk_size);
  }
}

void ImaStatus(const DmTarget& ti, const Snapshot& s, std::string* out) {
  const TargetVersion& v = ti.type->version(ProfileOf(ti));
  absl::StrAppend(out, "target_name=", ti.type->name, ",target_version=", v[0],
                  ".", v[1], ".", v[2], ",snap_origin_name=", s.origin->name,
                  ",snap_cow_name=", s.cow->name);
  absl::StrAppend(out, ",snap_valid=", s.valid ? "y" : "n",
                  ",snap_merge_failed=n,snapshot_overflowed=",
                  s.overflowed ? "y" : "n", ";");
}

void SnapshotStatus(const DmTarget& ti, StatusType type, std::string* out) {
  const Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  switch (type) {
    case STATUSTYPE_INFO:
      InfoStatus(s, out);
      break;
    case STATUSTYPE_TABLE: {
      const char* store = "N";
      if (s.persistent) store = s.supports_overflow ? "PO" : "P";
      absl::StrAppend(out, s.origin->name, " ", s.cow->name, " ", store, " ",
                      s.chunk_size);
      const int features =
          (s.discard_zeroes_cow ? 1 : 0) + (s.discard_passdown_origin ? 1 : 0);
      if (features > 0) absl::StrAppend(out, " ", features);
      if (s.discard_zeroes_cow) absl::StrAppend(out, " discard_zeroes_cow");
      if (s.discard_passdown_origin) {
        absl::StrAppend(out, " discard_passdown_origin");
      }
      break;
    }
    case STATUSTYPE_IMA:
      ImaStatus(ti, s, out);
      break;
  }
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
  const Snapshot& store = hands_over ? *sharing.src : s;
  // A number of sectors where bytes are meant, as in the kernel.
  limits.discard_granularity = store.chunk_size;
  limits.max_discard_sectors = store.chunk_size;
  limits.max_hw_discard_sectors = store.chunk_size;
}

// "<valid> <overflowed> <active> <persistent> <overflow> <chunk> <next>
// chunk:cow chunk ...".
std::string SnapshotSaveState(const DmTarget& ti) {
  const Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  std::string state =
      absl::StrCat(s.valid ? 1 : 0, " ", s.overflowed ? 1 : 0, " ",
                   s.active ? 1 : 0, " ", s.persistent ? 1 : 0, " ");
  absl::StrAppend(&state, s.supports_overflow ? 1 : 0, " ", s.chunk_size, " ",
                  s.next_free);
  for (const auto& [chunk, new_chunk] : s.exceptions) {
    absl::StrAppend(&state, " ", chunk, ":", new_chunk);
  }
  return state;
}

bool SnapshotRestoreState(DmTarget& ti, absl::string_view state) {
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  if (words.size() < 7) return false;
  Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  s.valid = words[0] == "1";
  s.overflowed = words[1] == "1";
  s.active = words[2] == "1";
  s.persistent = words[3] == "1";
  s.supports_overflow = words[4] == "1";
  if (!absl::SimpleAtoi(words[5], &s.chunk_size) ||
      !absl::SimpleAtoi(words[6], &s.next_free)) {
    return false;
  }
  s.exceptions.clear();
  for (size_t i = 7; i < words.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(words[i], absl::MaxSplits(':', 1));
    uint64_t chunk, new_chunk;
    if (!absl::SimpleAtoi(pair.first, &chunk) ||
        !absl::SimpleAtoi(pair.second, &new_chunk)) {
      return false;
    }
    s.exceptions[chunk] = new_chunk;
  }
  ti.max_io_len = s.chunk_size;
  return true;
}

const TargetType kSnapshotTarget = {
    .name = "snapshot",
    .versions = {{{1, 15, 0}, {1, 16, 0}, {1, 16, 0}, {1, 16, 0}, {1, 16, 0}}},
    .registered = 6,
    .ctr = SnapshotCtr,
    .map = SnapshotMap,
    .status = SnapshotStatus,
    .preresume = SnapshotPreresume,
    .resume = SnapshotResume,
    .iterate_devices = SnapshotIterateDevices,
    .io_hints = SnapshotIoHints,
    .save_state = SnapshotSaveState,
    .restore_state = SnapshotRestoreState,
};
DM_REGISTER_TARGET(kSnapshotTarget);

const TargetType kSnapshotMergeTarget = {
    .name = "snapshot-merge",
    .versions = {{{1, 4, 0}, {1, 5, 0}, {1, 5, 0}, {1, 5, 0}, {1, 5, 0}}},
    .registered = 8,
    .ctr = SnapshotMergeCtr,
    .map = SnapshotMergeMap,
    .status = SnapshotStatus,
    .preresume = SnapshotPreresume,
    .resume = SnapshotMergeResume,
    .iterate_devices = SnapshotIterateDevices,
    .io_hints = SnapshotIoHints,
    .save_state = SnapshotSaveState,
    .restore_state = SnapshotRestoreState,
};
DM_REGISTER_TARGET(kSnapshotMergeTarget);

}  // namespace
}  // namespace dmdax
