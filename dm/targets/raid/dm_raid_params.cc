// SPDX-License-Identifier: Apache-2.0
//
// raid: its parameters.
//
//   <chunk size> [sync | nosync] [rebuild <n>]... [daemon_sleep <ms>]
//   [min_recovery_rate <kB/s>] [max_recovery_rate <kB/s>] [write_mostly <n>]...
//   [max_write_behind <sectors>] [stripe_cache <entries>]
//   [region_size <sectors>] [raid10_copies <n>]
//   [raid10_format near|far|offset] [raid10_use_near_sets] [delta_disks <n>]
//   [data_offset <sectors>] [journal_dev <dev>]
//   [journal_mode writethrough|writeback]
//
// Mirrors: parse_raid_params of drivers/md/dm-raid.c.
#include <bit>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/targets/raid/dm_raid.h"

namespace dmdax {
namespace {

void RaidLog(const DmTarget& ti, KernLevel level, absl::string_view text) {
  DmLog(MachineOf(ti), level, "raid", text);
}

absl::Status ParseChunk(const DmTarget& ti, const std::string& word,
                        RaidSet* rs) {
  const std::optional<int> value = ParseRaidInt(word);
  if (!value.has_value()) {
    return DmError("Bad numerical argument given for chunk_size");
  }
  if (rs->type->is_raid1()) {
    if (*value != 0) {
      RaidLog(ti, KernLevel::kErr, "Ignoring chunk size parameter for RAID 1");
    }
    return absl::OkStatus();
  }
  if (*value <= 0 || !std::has_single_bit(static_cast<uint32_t>(*value))) {
    return DmError("Chunk size must be a power of 2");
  }
  if (*value < 8) return DmError("Chunk size value is too small");
  rs->chunk_sectors = static_cast<uint32_t>(*value);
  return absl::OkStatus();
}

// A word that stands alone; *known says whether it is one.
absl::Status ParseAlone(const std::string& word, RaidSet* rs, bool* known) {
  *known = true;
  if (absl::EqualsIgnoreCase(word, "nosync")) {
    return SetRaidFlag(kNosync, "Only one 'nosync' argument allowed", rs);
  }
  if (absl::EqualsIgnoreCase(word, "sync")) {
    return SetRaidFlag(kSync, "Only one 'sync' argument allowed", rs);
  }
  if (absl::EqualsIgnoreCase(word, "raid10_use_near_sets")) {
    return SetRaidFlag(kRaid10UseNearSets,
                       "Only one 'raid10_use_new_sets' argument allowed", rs);
  }
  *known = false;
  return absl::OkStatus();
}

absl::Status ParseFormat(const std::string& value, RaidSet* rs) {
  absl::Status s = SetRaidFlag(
      kRaid10Format, "Only one 'raid10_format' argument pair allowed", rs);
  if (!s.ok()) return s;
  if (!rs->type->is_raid10()) {
    return DmError(
        "'raid10_format' is an invalid parameter for this RAID type");
  }
  if (absl::EqualsIgnoreCase(value, "near")) {
    rs->raid10_format = kNear;
  } else if (absl::EqualsIgnoreCase(value, "offset")) {
    rs->raid10_format = kOffset;
  } else if (absl::EqualsIgnoreCase(value, "far")) {
    rs->raid10_format = kFar;
  } else {
    return DmError("Invalid 'raid10_format' value given");
  }
  return absl::OkStatus();
}

absl::Status ParseJournalDev(DmTarget& ti, const std::string& path,
                             RaidSet* rs) {
  constexpr uint64_t kMinSectors = 4 * 2048;
  absl::Status s = SetRaidFlag(
      kJournalDev, "Only one raid4/5/6 set journaling device allowed", rs);
  if (!s.ok()) return s;
  if (!rs->type->is_raid456()) {
    return DmError("'journal_dev' is an invalid parameter for this RAID type");
  }
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, path, "raid4/5/6 journal device lookup failure");
  if (!dev.ok()) return dev.status();
  rs->journal_dev = *dev;
  if ((*dev)->bdev->nr_sectors() < kMinSectors) {
    return ErrnoError(ENOSPC, "No space for raid4/5/6 journal");
  }
  return absl::OkStatus();
}

absl::Status ParseJournalMode(const std::string& value, RaidSet* rs) {
  if (!rs->Has(kJournalDev)) {
    return DmError("raid4/5/6 'journal_mode' is invalid without 'journal_dev'");
  }
  absl::Status s = SetRaidFlag(
      kJournalMode, "Only one raid4/5/6 'journal_mode' argument allowed", rs);
  if (!s.ok()) return s;
  rs->journal_writeback = absl::EqualsIgnoreCase(value, "writeback");
  if (!rs->journal_writeback &&
      !absl::EqualsIgnoreCase(value, "writethrough")) {
    return DmError("Invalid 'journal_mode' argument");
  }
  return absl::OkStatus();
}

// A pair whose value is text; *known says whether it is one.
absl::Status ParseText(DmTarget& ti, const std::string& key,
                       const std::string& value, RaidSet* rs, bool* known) {
  *known = true;
  if (absl::EqualsIgnoreCase(key, "raid10_format")) {
    return ParseFormat(value, rs);
  }
  if (absl::EqualsIgnoreCase(key, "journal_dev")) {
    return ParseJournalDev(ti, value, rs);
  }
  if (absl::EqualsIgnoreCase(key, "journal_mode")) {
    return ParseJournalMode(value, rs);
  }
  *known = false;
  return absl::OkStatus();
}

// validate_region_size().
absl::Status ChooseRegionSize(const DmTarget& ti, RaidSet* rs) {
  constexpr uint64_t kMaxRegions = uint64_t{1} << 21;
  constexpr uint64_t kDefaultRegion = 1 << 13;
  if (rs->type->is_raid0()) return absl::OkStatus();
  const uint64_t least = ti.len.value() / kMaxRegions;
  if (rs->region_size == 0) {
    rs->region_size = kDefaultRegion;
    std::string size = "4MiB";
    if (least > kDefaultRegion) {
      rs->region_size = std::bit_ceil(least);
      size = absl::StrCat(rs->region_size, " sectors");
    }
    RaidLog(ti, KernLevel::kInfo,
            absl::StrCat("Choosing default region size of ", size));
    return absl::OkStatus();
  }
  if (rs->region_size > ti.len.value()) {
    return DmError("Supplied region size is too large");
  }
  if (rs->region_size < least) {
    RaidLog(ti, KernLevel::kErr,
            absl::StrCat("Supplied region_size (", rs->region_size,
                         " sectors) below minimum (", least, ")"));
    return DmError("Supplied region size is too small");
  }
  if (!std::has_single_bit(rs->region_size)) {
    return DmError("Region size is not a power of 2");
  }
  if (rs->region_size < rs->chunk_sectors) {
    return DmError("Region size is smaller than the chunk size");
  }
  return absl::OkStatus();
}

absl::Status CheckRaid10(const RaidSet& rs) {
  if (rs.raid10_copies > rs.disks()) {
    return DmError("Not enough devices to satisfy specification");
  }
  const bool near =
      rs.raid10_format == kRaid10Default || rs.raid10_format == kNear;
  if (near && rs.Has(kRaid10UseNearSets)) {
    return DmError(
        "RAID10 format 'near' and 'raid10_use_near_sets' are incompatible");
  }
  return absl::OkStatus();
}

// rs_check_for_valid_flags(): what each level takes.
uint32_t ValidFlags(const RaidType& type) {
  constexpr uint32_t kAll = kRebuild | kDaemonSleep | kMinRecoveryRate |
                            kMaxRecoveryRate | kRegionSize | kDeltaDisks |
                            kDataOffset;
  constexpr uint32_t kJournaled = kStripeCache | kJournalDev | kJournalMode;
  switch (type.level) {
    case 0:
      return kDataOffset;
    case 1:
      return kAll | kSync | kNosync | kWriteMostly | kMaxWriteBehind;
    case 10:
      return kAll | kSync | kNosync | kRaid10Copies | kRaid10Format |
             kRaid10UseNearSets;
    case 6:
      return kAll | kSync | kJournaled;
    default:
      return kAll | kSync | kNosync | kJournaled;
  }
}

absl::Status CheckTogether(const RaidSet& rs) {
  if (rs.Has(kSync) && rs.Has(kNosync)) {
    return DmError("sync and nosync are mutually exclusive");
  }
  if (rs.Has(kRebuild) && (rs.Has(kSync) || rs.Has(kNosync))) {
    return DmError("sync/nosync and rebuild are mutually exclusive");
  }
  return absl::OkStatus();
}

// Counts what was given, not the devices: one given twice counts twice.
absl::Status CheckRates(uint32_t write_mostly, const RaidSet& rs) {
  if (write_mostly >= rs.disks()) {
    return DmError("Can't set all raid1 devices to write_mostly");
  }
  if (rs.max_recovery_rate != 0 &&
      rs.min_recovery_rate > rs.max_recovery_rate) {
    return DmError("Bogus recovery rates");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseRaidParams(DmTarget& ti, DmArgSet& as, uint32_t count,
                             RaidSet* rs) {
  absl::Status s = ParseChunk(ti, *as.Shift(), rs);
  if (!s.ok()) return s;
  uint32_t write_mostly = 0;
  // Without any parameter the count wraps, and all words that follow are read.
  const uint32_t words = count - 1;
  for (uint32_t i = 0; i < words; ++i) {
    const std::string* key = as.Shift();
    if (key == nullptr) return DmError("Not enough raid parameters given");
    bool known;
    if (s = ParseAlone(*key, rs, &known); !s.ok()) return s;
    if (known) continue;
    const std::string* value = as.Shift();
    ++i;
    if (value == nullptr) {
      return DmError("Wrong number of raid parameters given");
    }
    if (s = ParseText(ti, *key, *value, rs, &known); !s.ok()) return s;
    if (known) continue;
    if (s = ParseRaidNumber(ti, *key, *value, rs); !s.ok()) return s;
    if (absl::EqualsIgnoreCase(*key, "write_mostly")) ++write_mostly;
  }
  s = CheckTogether(*rs);
  if (s.ok()) s = CheckRates(write_mostly, *rs);
  const uint64_t asked_region = rs->region_size;
  if (s.ok()) s = ChooseRegionSize(ti, rs);
  if (s.ok()) {
    s = DmSetTargetMaxIoLen(
        ti, rs->chunk_sectors != 0 ? rs->chunk_sectors : asked_region);
  }
  if (s.ok() && rs->type->is_raid10()) s = CheckRaid10(*rs);
  if (s.ok() && (rs->flags & ~ValidFlags(*rs->type)) != 0) {
    s = DmError("Invalid flags combination");
  }
  return s;
}

}  // namespace dmdax
