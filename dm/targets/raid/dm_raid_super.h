// SPDX-License-Identifier: Apache-2.0
//
// raid: what lies on a metadata device, byte for byte: the superblock in its
// first block, and the write-intent bitmap of md at byte 4096.
//
//   std::optional<RaidSuper> sb = ParseRaidSuper(block);  // 512 bytes
//   sb->events;
//   FormatRaidSuper(*sb);  // the same bytes
//
// Nothing of a reshape is kept: no set here is in one.
// Mirrors: struct dm_raid_superblock of drivers/md/dm-raid.c, bitmap_super_t of
// drivers/md/md-bitmap.h (4.14 to 7.3).
// Threading: pure functions.
#ifndef DMDAX_DM_TARGETS_RAID_DM_RAID_SUPER_H_
#define DMDAX_DM_TARGETS_RAID_DM_RAID_SUPER_H_

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// MaxSector: of a resync or a recovery that is done.
inline constexpr uint64_t kRaidMaxSector = ~uint64_t{0};

// A bit for each of 256 devices.
using RaidFailedDevices = std::array<uint64_t, 4>;

struct RaidSuper {
  uint32_t compat_features = 1;  // FEATURE_FLAG_SUPPORTS_V190
  uint32_t num_devices = 0;
  uint32_t array_position = 0;
  uint64_t events = 0;
  RaidFailedDevices failed_devices = {};
  uint64_t disk_recovery_offset = 0;
  uint64_t array_resync_offset = 0;
  uint32_t level = 0;
  uint32_t layout = 0;
  uint32_t stripe_sectors = 0;
  // From here on only with FEATURE_FLAG_SUPPORTS_V190.
  uint32_t flags = 0;  // SB_FLAG_RESHAPE_*
  uint64_t reshape_position = kRaidMaxSector;
  uint32_t new_level = 0;
  uint32_t new_layout = 0;
  uint32_t new_stripe_sectors = 0;
  int32_t delta_disks = 0;
  uint64_t array_sectors = 0;
  uint64_t data_offset = 0;
  uint64_t new_data_offset = 0;
  uint64_t sectors = 0;
  uint32_t incompat_features = 0;

  bool extended() const { return (compat_features & 1) != 0; }
};

inline constexpr size_t kRaidSuperBytes = 512;
inline constexpr size_t kRaidBitmapOffset = 4096;  // bytes

// Nothing: the magic number is another.  `block` has kRaidSuperBytes.
std::optional<RaidSuper> ParseRaidSuper(absl::string_view block);
// kRaidSuperBytes, zero behind the superblock.
std::string FormatRaidSuper(const RaidSuper& sb);

struct RaidBitmap {
  uint64_t events = 0;
  uint64_t events_cleared = 0;
  uint64_t sync_size = 0;         // sectors that the bits cover
  uint32_t chunk_bytes = 0;       // of a bit: the region size
  uint32_t daemon_sleep = 5;      // seconds
  uint32_t write_behind = 0;      // sectors
  std::set<uint64_t> dirty = {};  // regions
};

// Where it is, of `regions` bits; a multiple of 512 bytes.
size_t RaidBitmapBytes(uint64_t regions);
// Nothing: there is none.
std::optional<RaidBitmap> ParseRaidBitmap(absl::string_view bytes);
// The bits behind the last region are ones, as in a bitmap that was new.
std::string FormatRaidBitmap(const RaidBitmap& bitmap, uint64_t regions);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_RAID_DM_RAID_SUPER_H_
