// SPDX-License-Identifier: Apache-2.0
//
// What the files of the raid target share: a set as its table line says it,
// and what md makes of it.
// Mirrors: struct raid_set of drivers/md/dm-raid.c (4.14 to 7.2).
// Threading: nothing changes once the constructor is done.
#ifndef DMDAX_DM_TARGETS_RAID_DM_RAID_H_
#define DMDAX_DM_TARGETS_RAID_DM_RAID_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/targets/owned_mutex.h"

namespace dmdax {

// The formats of raid10; of other levels, none is a number below these.
enum RaidAlgorithm { kRaid10Default = 0, kNear, kOffset, kFar };

struct RaidType {
  absl::string_view name;
  uint32_t parity_devs;
  uint32_t minimal_devs;
  uint32_t level;
  int algorithm;  // md's number of the layout

  bool is_raid0() const { return level == 0; }
  bool is_raid1() const { return level == 1; }
  bool is_raid10() const { return level == 10; }
  bool is_raid456() const { return level >= 4 && level <= 6; }
};

struct RaidDev {
  const DmDev* meta = nullptr;
  const DmDev* data = nullptr;  // null: "-"
  bool rebuild = false;         // not In_sync
  bool write_mostly = false;
};

// CTR_FLAG_*: which parameters were given.
enum RaidFlag : uint32_t {
  kSync = 1 << 0,
  kNosync = 1 << 1,
  kRebuild = 1 << 2,
  kDaemonSleep = 1 << 3,
  kMinRecoveryRate = 1 << 4,
  kMaxRecoveryRate = 1 << 5,
  kWriteMostly = 1 << 6,
  kMaxWriteBehind = 1 << 7,
  kStripeCache = 1 << 8,
  kRegionSize = 1 << 9,
  kRaid10Copies = 1 << 10,
  kRaid10Format = 1 << 11,
  kDeltaDisks = 1 << 12,
  kDataOffset = 1 << 13,
  kJournalDev = 1 << 14,
  kJournalMode = 1 << 15,
  kRaid10UseNearSets = 1 << 16,
};

struct RaidSet : DmTargetPrivate {
  const RaidType* type = nullptr;
  std::vector<RaidDev> devs;
  uint32_t flags = 0;  // RaidFlag

  uint32_t chunk_sectors = 0;
  int daemon_sleep = 0;
  int min_recovery_rate = 0, max_recovery_rate = 0;
  int max_write_behind = 0;  // as the table shows it: half of what was given
  int stripe_cache = 256;    // entries
  uint64_t region_size = 0;  // sectors
  int delta_disks = 0;
  int data_offset = 0;  // as given, sectors
  int raid10_format = kRaid10Default;
  uint32_t raid10_copies = 2;
  const DmDev* journal_dev = nullptr;
  bool journal_writeback = false;

  bool has_metadata = false;  // blank, on every device
  bool is_new = false;        // MD_ARRAY_FIRST_USE: to be resynchronised
  bool resumed = false;
  // MD_RECOVERY_FROZEN, where a message has said so; else a set that is
  // suspended is frozen.
  std::optional<bool> frozen;
  // "check" or "repair", that waits for the set to be resumed.
  std::string pending;
  // Held while a row of chunks is written: parity is that of all its data.
  mutable OwnedMutex stripes;

  uint64_t dev_sectors = 0;         // of each device
  uint64_t resync_max_sectors = 0;  // what a resync goes through

  bool Has(RaidFlag flag) const { return (flags & flag) != 0; }
  // Whether a resync is to make all devices alike.
  bool NeedsResync() const { return is_new && !Has(kNosync); }
  // Where data begins on each device, in sectors: devices that come want room
  // before it, those that go behind it.
  uint64_t data_begin() const {
    return delta_disks > 0 ? static_cast<uint64_t>(data_offset) : 0;
  }
  uint32_t disks() const { return static_cast<uint32_t>(devs.size()); }
  uint32_t data_stripes() const { return disks() - type->parity_devs; }
};

// parse_raid_params(): the words from the chunk size on.
absl::Status ParseRaidParams(DmTarget& ti, DmArgSet& as, uint32_t count,
                             RaidSet* rs);

// A pair whose value is a number.
absl::Status ParseRaidNumber(const DmTarget& ti, const std::string& key,
                             const std::string& value, RaidSet* rs);
// kstrtoint(s, 10).
std::optional<int> ParseRaidInt(absl::string_view text);
// Sets a flag that may be given once, or refuses with `error`.
absl::Status SetRaidFlag(RaidFlag flag, absl::string_view error, RaidSet* rs);

// md_run() and what follows it: whether md can start the set, in md's words.
absl::Status RunRaid(DmTarget& ti, RaidSet* rs);

// ->resume: a new set is resynchronised, at once.
void RaidResume(DmTarget& ti);
void RaidPostsuspend(DmTarget& ti);
// A check or a repair goes through the set, and has nothing to tell.
void RunRaidAction(const DmTarget& ti, absl::string_view word);

// ->status, ->message, ->map, ->submit.
void RaidStatus(const DmTarget& ti, StatusType type, std::string* out);
absl::StatusOr<std::string> RaidMessage(DmTarget& ti,
                                        absl::Span<const std::string> argv);
BioMap RaidMap(const DmTarget& ti, sector_t sector, ReqOp op);
std::optional<int> RaidSubmit(const DmTarget& ti, const DmBio& bio);

// A resync: the first copy goes to the others, and parity is made anew.  Of a
// set of more than 32 MiB the legs stay as they are.
void ResyncLegs(const RaidSet& rs);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_RAID_DM_RAID_H_
