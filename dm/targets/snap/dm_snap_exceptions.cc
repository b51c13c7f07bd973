// SPDX-License-Identifier: Apache-2.0
//
// Exceptions and origins: the part of drivers/md/dm-snap.c (6.1) below its
// targets.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/snap/dm_snap.h"

namespace dmdax {
namespace {

// struct origin: its snapshots, the oldest first.  The kernel goes through all
// of them for those of one COW device; of thousands of snapshots each would
// cost as much as there are.
struct Origin {
  using Snapshots = std::map<uint64_t, Snapshot*>;  // by Snapshot::order
  Snapshots all, merging;
  absl::flat_hash_map<const BlockDevice*, Snapshots> by_cow;
};

// _origins.
std::map<const BlockDevice*, Origin>& Origins() {
  static auto* origins = new std::map<const BlockDevice*, Origin>;
  return *origins;
}

const Origin& OriginOf(const BlockDevice& bdev) {
  static const auto* const kNone = new Origin;
  const auto found = Origins().find(&bdev);
  return found == Origins().end() ? *kNone : found->second;
}

// --- the persistent store: little-endian, in chunks of the COW device ---

constexpr uint32_t kSnapMagic = 0x70416e53;  // "SnAp"
constexpr uint32_t kDiskVersion = 1;
constexpr uint64_t kHeaderChunks = 1;
// A chunk can be of 1 GiB, and is moved in pieces.
constexpr uint64_t kPieceBytes = 1 << 20;

uint64_t GetLe(const char* bytes, size_t n) {
  uint64_t value = 0;
  while (n-- > 0) value = value << 8 | static_cast<unsigned char>(bytes[n]);
  return value;
}

void PutLe(char* bytes, size_t n, uint64_t value) {
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(value >> (8 * i));
}

}  // namespace

std::recursive_mutex& SnapMutex() {
  static auto* mu = new std::recursive_mutex;
  return *mu;
}

Snapshot::~Snapshot() {
  std::lock_guard<std::recursive_mutex> lock(SnapMutex());
  if (order == 0) return;
  // snapshot_dtr(): who was to take over gets nothing.
  const Sharing sharing = FindSharingCow(*this);
  if (sharing.src == this && sharing.dest != nullptr) {
    sharing.dest->valid = false;
    DmLog(table->md().machine(), KernLevel::kErr, "snapshots",
          "Cancelling snapshot handover.");
  }
  UnregisterSnapshot(this);
}

bool Snapshot::PrepareException(uint64_t* new_chunk) {
  const uint64_t size = cow->bdev->nr_sectors();
  if (!persistent) {
    if (size < next_free + chunk_size) return false;
    *new_chunk = next_free / chunk_size;
    next_free += chunk_size;
    return true;
  }
  if (size < (next_free + 1) * chunk_size) return false;
  *new_chunk = next_free++;
  // After the header, every stride of chunks begins with one of metadata.
  if (next_free % (exceptions_per_area() + 1) == kHeaderChunks) ++next_free;
  return true;
}

// Reads area `area` of the exceptions.  The first is chunk 1; each is followed
// by the chunks it names, and then by the next.
absl::Status Snapshot::ReadArea(uint64_t area, bool* full) {
  const uint64_t location = kHeaderChunks + (exceptions_per_area() + 1) * area;
  const uint64_t start = location * chunk_size;
  std::vector<char> bytes(
      std::min(uint64_t{chunk_size} << kSectorShift, kPieceBytes));
  // The kernel reads all of it, also what no exception is in: dm-bufio, in one
  // bio of whoever loads the table.
  constexpr unsigned kRead = 0;
  if (BioBeyondEnd(table->md().machine(), "dmsetup", *cow->bdev,
                   sector_t(start), chunk_size, kRead)) {
    return ErrnoError(EIO, "area beyond the end");
  }
  absl::Status s = BioRead(*cow->bdev, sector_t(start + chunk_size - 1),
                           absl::MakeSpan(bytes).subspan(0, kSectorSize));
  *full = true;
  const uint64_t per_piece = bytes.size() / 16;
  for (uint64_t i = 0; s.ok() && i < exceptions_per_area(); ++i) {
    if (i % per_piece == 0) {
      s = BioRead(*cow->bdev, sector_t(start + (i * 16 >> kSectorShift)),
                  absl::MakeSpan(bytes));
      if (!s.ok()) break;
    }
    const char* const exception = &bytes[16 * (i % per_piece)];
    const uint64_t new_chunk = GetLe(exception + 8, 8);
    if (new_chunk == 0) {
      *full = false;
      break;
    }
    next_free = std::max(next_free, new_chunk + 1);
    exceptions[GetLe(exception, 8)] = new_chunk;
  }
  return s;
}

absl::Status Snapshot::ReadMetadata() {
  Machine& machine = table->md().machine();
  // All of its chunk is read, by a worker.
  if (BioBeyondEnd(machine, "kworker/0:1", *cow->bdev, sector_t{0}, chunk_size,
                   kReqSync)) {
    return ErrnoError(EIO, "header beyond the end");
  }
  std::vector<char> header(kSectorSize);
  absl::Status s = BioRead(*cow->bdev, sector_t{0}, absl::MakeSpan(header));
  if (!s.ok()) return s;
  next_free = kHeaderChunks + 1;
  const auto magic = static_cast<uint32_t>(GetLe(&header[0], 4));
  // A device that begins with zeros is formatted.
  if (magic == 0) {
    const auto fail = [&](absl::string_view what) {
      DmLog(machine, KernLevel::kWarn, "persistent snapshot", what);
      return ErrnoError(EIO, what);
    };
    if (!WriteHeader()) return fail("write_header failed");
    // One bio, by whoever loads the table.
    constexpr unsigned kSyncWrite = 1 | kReqSync;
    if (BioBeyondEnd(machine, "dmsetup", *cow->bdev,
                     sector_t(kHeaderChunks * chunk_size), chunk_size,
                     kSyncWrite) ||
        !ZeroArea(0)) {
      return fail("zero_disk_area(0) failed");
    }
    return s;
  }
  if (magic != kSnapMagic) {
    DmLog(machine, KernLevel::kWarn, "persistent snapshot",
          "Invalid or corrupt snapshot");
    return ErrnoError(ENXIO, "Invalid or corrupt snapshot");
  }
  // The chunk size on the device wins over that of the table.
  const auto on_disk = static_cast<uint32_t>(GetLe(&header[12], 4));
  if (on_disk != chunk_size) {
    DmLog(machine, KernLevel::kWarn, "persistent snapshot",
          absl::StrCat("chunk size ", on_disk,
                       " in device metadata overrides table chunk size of ",
                       chunk_size, "."));
    if (on_disk == 0 || (on_disk & (on_disk - 1)) != 0) {
      return ErrnoError(EINVAL, "bad chunk size on disk");
    }
    chunk_size = on_disk;
  }
  const uint64_t version = GetLe(&header[8], 4);
  if (version != kDiskVersion) {
    DmLog(machine, KernLevel::kWarn, "persistent snapshot",
          absl::StrCat("unable to handle snapshot disk version ", version));
    return ErrnoError(EINVAL, "unknown version");
  }
  if (GetLe(&header[4], 4) == 0) {
    DmLog(machine, KernLevel::kWarn, "snapshots",
          "Snapshot is marked invalid.");
    valid = false;
    return absl::OkStatus();
  }
  bool full = true;
  for (uint64_t area = 0; full; ++area) {
    if (s = ReadArea(area, &full); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// write_header(): its chunk, whatever else it had.
bool Snapshot::WriteHeader() {
  const uint64_t bytes = uint64_t{chunk_size} << kSectorShift;
  std::vector<char> piece(std::min(bytes, kPieceBytes));
  PutLe(&piece[0], 4, kSnapMagic);
  PutLe(&piece[4], 4, valid ? 1 : 0);
  PutLe(&piece[8], 4, kDiskVersion);
  PutLe(&piece[12], 4, chunk_size);
  for (uint64_t at = 0; at < bytes; at += piece.size()) {
    if (!BioWrite(*cow->bdev, sector_t(at >> kSectorShift), piece).ok()) {
      return false;
    }
    std::fill_n(piece.begin(), 16, '\0');
  }
  return true;
}

// zero_disk_area().
bool Snapshot::ZeroArea(uint64_t area) {
  const uint64_t location = kHeaderChunks + (exceptions_per_area() + 1) * area;
  const uint64_t bytes = uint64_t{chunk_size} << kSectorShift;
  const std::vector<char> zeros(std::min(bytes, kPieceBytes));
  for (uint64_t at = 0; at < bytes; at += zeros.size()) {
    const sector_t sector(location * chunk_size + (at >> kSectorShift));
    if (!BioWrite(*cow->bdev, sector, zeros).ok()) return false;
  }
  return true;
}

bool Snapshot::WriteException(uint64_t index, uint64_t chunk,
                              uint64_t new_chunk) {
  const uint64_t area = index / exceptions_per_area();
  const uint64_t location = kHeaderChunks + (exceptions_per_area() + 1) * area;
  const uint64_t byte = (location * chunk_size << kSectorShift) +
                        16 * (index % exceptions_per_area());
  const sector_t sector(byte >> kSectorShift);
  std::vector<char> bytes(kSectorSize);
  if (!BioRead(*cow->bdev, sector, absl::MakeSpan(bytes)).ok()) return false;
  PutLe(&bytes[byte % kSectorSize], 8, chunk);
  PutLe(&bytes[byte % kSectorSize + 8], 8, new_chunk);
  return BioWrite(*cow->bdev, sector, bytes).ok();
}

bool Snapshot::CopyChunk(uint64_t chunk, uint64_t new_chunk) {
  // The origin's last chunk may be cut short.
  const uint64_t start = chunk * chunk_size;
  const uint64_t size = origin->bdev->nr_sectors();
  const uint64_t sectors =
      start >= size ? 0 : std::min<uint64_t>(chunk_size, size - start);
  std::vector<char> bytes(std::min(sectors << kSectorShift, kPieceBytes));
  for (uint64_t at = 0; at < sectors; at += kPieceBytes >> kSectorShift) {
    const auto piece = absl::MakeSpan(bytes).subspan(
        0, std::min(kPieceBytes, (sectors - at) << kSectorShift));
    const sector_t to(new_chunk * chunk_size + at);
    if (!BioRead(*origin->bdev, sector_t(start + at), piece).ok() ||
        !BioWrite(*cow->bdev, to, piece).ok()) {
      return false;
    }
  }
  return true;
}

Snapshot::Copied Snapshot::CopyOut(uint64_t chunk, Content content) {
  uint64_t new_chunk;
  if (!PrepareException(&new_chunk)) return Copied::kNoRoom;
  if (content == Content::kOrigins && !CopyChunk(chunk, new_chunk)) {
    return Copied::kFailed;
  }
  // persistent_commit_exception(): an area that is full is followed by an empty
  // one.
  if (persistent) {
    const uint64_t index = exceptions.size();
    const uint64_t per_area = exceptions_per_area();
    if (((index + 1) % per_area == 0 && !ZeroArea(index / per_area + 1)) ||
        !WriteException(index, chunk, new_chunk)) {
      return Copied::kFailed;
    }
  }
  exceptions[chunk] = new_chunk;
  return Copied::kDone;
}

// merge_callback(): what could not be merged stays.
void Snapshot::ShutMerge(absl::string_view why) {
  DmLog(table->md().machine(), KernLevel::kErr, "snapshots",
        absl::StrCat(why, ": shutting down merge."));
  merge_failed = true;
}

void Snapshot::Merge(uint64_t chunks) {
  if (!valid || !active || merge_failed || chunk_size == 0) return;
  // As chunks of the COW device are taken in order, the highest is the newest.
  std::map<uint64_t, uint64_t> by_cow;
  for (const auto& [chunk, new_chunk] : exceptions) by_cow[new_chunk] = chunk;
  std::vector<char> bytes(uint64_t{chunk_size} << kSectorShift);
  for (auto it = by_cow.rbegin(); it != by_cow.rend() && chunks > 0;
       ++it, --chunks) {
    const auto [new_chunk, chunk] = *it;
    const uint64_t start = chunk * chunk_size;
    const uint64_t size = origin->bdev->nr_sectors();
    const uint64_t sectors =
        start >= size ? 0 : std::min<uint64_t>(chunk_size, size - start);
    const auto part = absl::MakeSpan(bytes.data(), sectors << kSectorShift);
    if (!BioRead(*cow->bdev, sector_t(new_chunk * chunk_size), part).ok()) {
      return ShutMerge("Read error");
    }
    // Other snapshots keep what the origin had: origin_write_extent().
    const uint64_t step =
        std::max<uint64_t>(MinimumChunkSize(*origin->bdev), 1);
    for (uint64_t at = 0; at < chunk_size; at += step) {
      OriginWrite(*origin->bdev, sector_t(start + at));
    }
    if (!BioWrite(*origin->bdev, sector_t(start), part).ok()) {
      return ShutMerge("Write error");
    }
    exceptions.erase(chunk);
    // persistent_commit_merge(): the entry is cleared, and what is free begins
    // behind those that are left.
    const uint64_t left = exceptions.size();
    if (!WriteException(left, 0, 0)) {
      return ShutMerge("Write error in exception store");
    }
    const uint64_t per_area = exceptions_per_area();
    next_free = kHeaderChunks + (per_area + 1) * (left / per_area) +
                left % per_area + 1;
  }
}

void Snapshot::Invalidate(Copied why) {
  if (!valid) return;
  Machine& machine = table->md().machine();
  DmLog(machine, KernLevel::kErr, "snapshots",
        why == Copied::kNoRoom
            ? "Invalidating snapshot: Unable to allocate exception."
            : "Invalidating snapshot: Error reading/writing.");
  valid = false;
  // persistent_drop_snapshot(): the next table knows it too.
  if (persistent && !WriteHeader()) {
    DmLog(machine, KernLevel::kWarn, "persistent snapshot",
          "write header failed");
  }
  table->Event();
}

void RegisterSnapshot(Snapshot* snapshot) {
  static uint64_t last = 0;
  snapshot->order = ++last;
  Origin& origin = Origins()[snapshot->origin->bdev];
  origin.all[snapshot->order] = snapshot;
  if (snapshot->merges) origin.merging[snapshot->order] = snapshot;
  origin.by_cow[snapshot->cow->bdev][snapshot->order] = snapshot;
}

void UnregisterSnapshot(Snapshot* snapshot) {
  auto origin = Origins().find(snapshot->origin->bdev);
  if (origin == Origins().end()) return;
  const uint64_t order = std::exchange(snapshot->order, 0);
  Origin& of = origin->second;
  of.all.erase(order);
  of.merging.erase(order);
  const auto sharing = of.by_cow.find(snapshot->cow->bdev);
  if (sharing != of.by_cow.end()) {
    sharing->second.erase(order);
    if (sharing->second.empty()) of.by_cow.erase(sharing);
  }
  if (of.all.empty()) Origins().erase(origin);
}

Sharing FindSharingCow(const Snapshot& s) {
  Sharing sharing;
  const Origin& origin = OriginOf(*s.origin->bdev);
  if (!origin.merging.empty()) {
    sharing.merging = origin.merging.rbegin()->second;
  }
  const auto found = origin.by_cow.find(s.cow->bdev);
  if (found == origin.by_cow.end()) return sharing;
  for (const auto& [order, other] : found->second) {
    (other->active ? sharing.src : sharing.dest) = other;
    ++sharing.count;
  }
  return sharing;
}

void OriginWrite(const BlockDevice& origin, sector_t sector) {
  for (const auto& [order, s] : OriginOf(origin).all) {
    if (s->merges || sector.value() >= s->table->size()) continue;
    if (!s->valid || !s->active || s->chunk_size == 0) continue;
    const uint64_t chunk = sector.value() / s->chunk_size;
    if (s->exceptions.contains(chunk)) continue;
    const Snapshot::Copied copied =
        s->CopyOut(chunk, Snapshot::Content::kOrigins);
    if (copied != Snapshot::Copied::kDone) s->Invalidate(copied);
  }
}

uint32_t MinimumChunkSize(const BlockDevice& origin) {
  uint32_t least = 0;
  for (const auto& [order, s] : OriginOf(origin).all) {
    if (s->chunk_size == 0) continue;
    least = least == 0 ? s->chunk_size : std::min(least, s->chunk_size);
  }
  return least;
}

}  // namespace dmdax
