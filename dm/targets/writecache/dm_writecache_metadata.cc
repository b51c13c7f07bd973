// SPDX-License-Identifier: Apache-2.0
//
// writecache: its metadata on the cache device.  Entries that were never used
// are zeros there, where the kernel's are all ones.
// Mirrors: init_memory, writecache_resume of drivers/md/dm-writecache.c (5.10
// to 7.3).
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/errno_status.h"
#include "dm/bio_map.h"
#include "dm/targets/writecache/dm_writecache.h"

namespace dmdax {
namespace {

// struct wc_memory_superblock, struct wc_memory_entry.
constexpr uint32_t kMagic = 0x23489321;
constexpr uint32_t kVersion = 1;
constexpr uint64_t kSuperBytes = 64, kEntryBytes = 16;
constexpr uint64_t kPieceBytes = 1 << 20;

struct Superblock {
  uint32_t magic;
  uint32_t version;
  uint32_t block_size;
  uint32_t pad;
  uint64_t n_blocks;
  uint64_t seq_count;
};

struct MemoryEntry {
  uint64_t original_sector;
  uint64_t seq_count;
};

constexpr uint64_t kFree = ~uint64_t{0};

absl::Status WriteSector(const WriteCache& wc, uint64_t number,
                         const std::vector<char>& bytes) {
  return BioWrite(*wc.ssd_dev->bdev, sector_t(wc.start_sector + number), bytes);
}

void PutSuperblock(const WriteCache& wc, uint64_t seq_count, char* bytes) {
  const Superblock sb = {kMagic, kVersion,    wc.block_size,
                         0,      wc.n_blocks, seq_count};
  memcpy(bytes, &sb, sizeof(sb));
}

absl::Status Bad(absl::string_view words) { return DmError(words); }

}  // namespace

absl::Status OpenWriteCache(WriteCache& wc) {
  std::vector<char> block(kSectorSize);
  absl::Status s = BioRead(*wc.ssd_dev->bdev, sector_t(wc.start_sector),
                           absl::MakeSpan(block));
  if (!s.ok()) {
    return ErrnoError(ErrnoOf(s), "Unable to read first block of metadata");
  }
  Superblock sb;
  memcpy(&sb, block.data(), sizeof(sb));
  if (sb.magic == 0 && sb.version == 0) {
    std::fill(block.begin(), block.end(), '\xff');
    std::fill_n(block.begin(), kSuperBytes, '\0');
    PutSuperblock(wc, 0, block.data());
    s = WriteSector(wc, 0, block);
    return s.ok() ? s : ErrnoError(ErrnoOf(s), "Unable to initialize device");
  }
  if (sb.magic != kMagic) return Bad("Invalid magic in the superblock");
  if (sb.version != kVersion) return Bad("Invalid version in the superblock");
  if (sb.block_size != wc.block_size) {
    return Bad("Block size does not match superblock");
  }
  // What fits now is what it was made for, or more.
  if (sb.n_blocks > wc.n_blocks) return Bad("Memory area is too small");
  wc.n_blocks = sb.n_blocks;
  return absl::OkStatus();
}

uint64_t NextFree(const WriteCache& wc, uint64_t slot) {
  if (wc.used.size() >= wc.n_blocks) return wc.n_blocks;
  for (slot %= wc.n_blocks; wc.used.contains(slot);) {
    slot = (slot + 1) % wc.n_blocks;
  }
  return slot;
}

void TouchEntry(const WriteCache& wc, uint64_t slot) {
  wc.dirty.insert((kSuperBytes + slot * kEntryBytes) >> kSectorShift);
}

void WriteEntries(const WriteCache& wc) {
  if (wc.dirty.empty()) return;
  std::map<uint64_t, MemoryEntry> by_slot;
  for (const auto& [block, entry] : wc.cached) {
    by_slot[entry.slot] = {block * wc.block_sectors(), entry.seq};
  }
  wc.dirty.insert(0);
  for (const uint64_t sector : wc.dirty) {
    std::vector<char> bytes(kSectorSize, '\xff');
    for (uint64_t at = 0; at < kSectorSize; at += kEntryBytes) {
      const uint64_t byte = (sector << kSectorShift) + at;
      if (byte < kSuperBytes) continue;
      const auto found = by_slot.find((byte - kSuperBytes) / kEntryBytes);
      if (found != by_slot.end()) memcpy(&bytes[at], &found->second, 16);
    }
    if (sector == 0) {
      std::fill_n(bytes.begin(), kSuperBytes, '\0');
      PutSuperblock(wc, wc.seq_count, bytes.data());
    }
    if (!WriteSector(wc, sector, bytes).ok()) return;
  }
  wc.dirty.clear();
}

void ReadEntries(WriteCache& wc, int64_t now) {
  wc.cached.clear();
  wc.used.clear();
  wc.stale.clear();
  const uint64_t end = kSuperBytes + wc.n_blocks * kEntryBytes;
  std::vector<char> bytes(std::min<uint64_t>(
      (end + kSectorSize - 1) / kSectorSize * kSectorSize, kPieceBytes));
  for (uint64_t start = 0; start < end; start += bytes.size()) {
    const uint64_t n =
        std::min<uint64_t>(bytes.size(), (end - start + kSectorSize - 1) /
                                             kSectorSize * kSectorSize);
    if (!BioRead(*wc.ssd_dev->bdev,
                 sector_t(wc.start_sector + (start >> kSectorShift)),
                 absl::MakeSpan(bytes).first(n))
             .ok()) {
      return;
    }
    // Blocks are used from the first on: behind so many that never were, there
    // are none.
    if (std::all_of(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n),
                    [](char c) { return c == 0; })) {
      break;
    }
    if (start == 0) {
      Superblock sb;
      memcpy(&sb, bytes.data(), sizeof(sb));
      wc.seq_count = sb.seq_count;
    }
    bool unused = false;  // a sector
    for (uint64_t at = start == 0 ? kSuperBytes : 0; at < n;
         at += kEntryBytes) {
      MemoryEntry entry;
      memcpy(&entry, &bytes[at], sizeof(entry));
      const uint64_t slot = (start + at - kSuperBytes) / kEntryBytes;
      if (at % kSectorSize == 0 || at == kSuperBytes) {
        const auto from = bytes.begin() + static_cast<ptrdiff_t>(at);
        const auto to =
            bytes.begin() +
            static_cast<ptrdiff_t>(at - at % kSectorSize + kSectorSize);
        unused = std::all_of(from, to, [](char c) { return c == 0; });
      }
      if (slot >= wc.n_blocks || unused || entry.seq_count == kFree ||
          entry.seq_count >= wc.seq_count) {
        continue;
      }
      const uint64_t block = entry.original_sector / wc.block_sectors();
      wc.cached[block] = {slot, entry.seq_count, wc.next_born++, now};
      wc.used.insert(slot);
    }
  }
  wc.next_free = NextFree(wc, 0);
}

}  // namespace dmdax
