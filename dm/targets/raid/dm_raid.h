// SPDX-License-Identifier: Apache-2.0
//
// What the files of the raid target share: a set as its table line says it,
// and what md makes of it.
// Mirrors: struct raid_set of drivers/md/dm-raid.c (4.14 to 7.3).
// Threading: what md knows of a set changes with its I/O, under `mu`; the rest
// changes with commands alone.
#ifndef DMDAX_DM_TARGETS_RAID_DM_RAID_H_
#define DMDAX_DM_TARGETS_RAID_DM_RAID_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/targets/background.h"
#include "dm/targets/owned_mutex.h"
#include "dm/targets/raid/dm_raid_super.h"

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
  bool rebuild = false;
  bool write_mostly = false;
};

// What md knows of one: flags of struct md_rdev.
struct RaidMember {
  bool in_sync = true;     // it has what it should have
  bool faulty = false;     // md has put it out
  bool first_use = false;  // its superblock is to be made
  // To be recovered as a whole, and not where the bitmap says so.
  bool rebuild_all = false;
};

// What md knows of a set beside the words of its table: parts of struct mddev.
struct RaidMd {
  std::vector<RaidMember> members;  // one for each of RaidSet::devs
  uint64_t events = 0;
  // How far a resync has come, in sectors; kRaidMaxSector: the set is clean.
  uint64_t recovery_cp = kRaidMaxSector;
  // Regions of the bitmap that are not alike everywhere.
  std::set<uint64_t> dirty;
  // recovery_disabled: too few devices were left when one more failed, and
  // none comes back until there is a new table.
  bool recovery_disabled = false;
  // Nothing was written since the superblocks were (mddev->in_sync).
  bool clean = true;
  // The request of whose failures an event has told.
  uint64_t told = 0;
  // What the last check has found, in sectors; 0: it was no check.
  uint64_t mismatches = 0;
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

// A resync or a recovery that takes its time, for targets below delay it.
struct RaidJob {
  BackgroundCopy copy;
  uint64_t done = 0;  // sectors
};

struct RaidSet : DmTargetPrivate {
  const RaidType* asked = nullptr;  // as the table shows it
  // What the set is: another if it were to be reshaped, and has no room for it.
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

  bool has_metadata = false;  // on some device
  bool has_bitmap = false;
  bool is_new = false;  // MD_ARRAY_FIRST_USE: to be resynchronised
  bool new_bitmap = false;
  bool update_sbs = false;  // by the first resume
  bool grows = false;
  bool preresumed = false;
  bool resumed = false;
  // MD_RECOVERY_FROZEN, where a message has said so; else a set that is
  // suspended is frozen.
  std::optional<bool> frozen;
  std::optional<RaidJob> job;
  // "check" or "repair", that waits for the set to be resumed.
  std::string pending;
  // Held while a row of chunks is written: parity is that of all its data.
  mutable OwnedMutex stripes;

  mutable absl::Mutex mu;
  mutable RaidMd md ABSL_GUARDED_BY(mu);

  uint64_t dev_sectors = 0;         // of each device
  uint64_t rdev_sectors = 0;        // the same, as its superblock has it
  uint64_t array_sectors = 0;       // of all data
  uint64_t resync_max_sectors = 0;  // what a resync goes through

  bool Has(RaidFlag flag) const { return (flags & flag) != 0; }
  // Whether a resync is to make all devices alike.
  bool NeedsResync() const {
    absl::MutexLock lock(&mu);
    return md.recovery_cp != kRaidMaxSector;
  }
  std::vector<RaidMember> Members() const;
  // Where data begins on each device, in sectors: devices that come want room
  // before it, those that go behind it.
  uint64_t data_begin() const {
    return delta_disks > 0 ? static_cast<uint64_t>(data_offset) : 0;
  }
  uint32_t disks() const { return static_cast<uint32_t>(devs.size()); }
  uint32_t data_stripes() const { return disks() - type->parity_devs; }
};

// get_raid_type(); null: there is none of that name.
const RaidType* FindRaidType(absl::string_view name);
// get_raid_type_by_ll(): by level, and by md's number of the layout.
const RaidType* FindRaidType(uint32_t level, uint32_t layout);

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

// rs_set_dev_and_array_sectors().
absl::Status DivideRaidSectors(const DmTarget& ti, RaidSet* rs);
// analyse_superblocks() and what the constructor makes of it: whether the set
// is new, known, or to become another.
absl::Status AssembleRaid(DmTarget& ti, RaidSet* rs);
// Whether what the words ask for can be had; and the set as its freshest
// superblock and the words together make it.
absl::Status CheckRaidConversion(uint32_t new_devs, const RaidSet& rs);
absl::Status ConvertRaid(const RaidSuper& sb, RaidSet* rs);
// bitmap_load(): where devices that are back differ.  0, or EIO: no device that
// is in sync has a bitmap that can be read.
enum class TakesBitmap { kNo, kYes };
int LoadRaidBitmap(const DmTarget& ti, TakesBitmap takes, RaidSet* rs);

// md_run() and what follows it: whether md can start the set, in md's words.
absl::Status RunRaid(DmTarget& ti, RaidSet* rs);

// ->preresume: superblocks and bitmap are written and read.
int RaidPreresume(DmTarget& ti);
// ->resume: what is not in sync is made so, at once.
void RaidResume(DmTarget& ti);
void RaidPostsuspend(DmTarget& ti);
void RaidElapse(DmTarget& ti, int64_t now);
// A check or a repair goes through the set.
void RunRaidAction(const DmTarget& ti, absl::string_view word);

// ->status, ->message, ->map, ->submit.
void RaidStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                std::string* out);
absl::StatusOr<std::string> RaidMessage(DmTarget& ti,
                                        absl::Span<const std::string> argv);
BioMap RaidMap(const DmTarget& ti, sector_t sector, ReqOp op);
AfterFailure RaidIoFailed(const DmTarget& ti, const DmBio& bio,
                          const DmIoFailure& failure);
std::optional<int> RaidSubmit(const DmTarget& ti, const DmBio& bio);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_RAID_DM_RAID_H_
