// SPDX-License-Identifier: Apache-2.0
//
// raid: what the superblocks say, and what the constructor makes of it.
//
// A set is new, if no device has a superblock; or as its freshest superblock
// says, with devices that have failed then and are back, or that are to be
// rebuilt.
// Mirrors: analyse_superblocks, super_load, super_init_validation,
// super_validate, validate_raid_redundancy of drivers/md/dm-raid.c (5.10 to
// 7.3).
#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/since.h"
#include "dm/bio_map.h"
#include "dm/dm_table.h"
#include "dm/targets/raid/dm_raid.h"
#include "dm/targets/raid/dm_raid_md.h"
#include "dm/targets/raid/dm_raid_super.h"

namespace dmdax {
namespace {

constexpr char kInvalid[] = "Unable to assemble array: Invalid superblocks";

// "sync" makes a set new, which is then resynchronised.
constexpr Since<bool> kSyncMakesNew[] = {{{6, 17}, true}};

void Say(const DmTarget& ti, KernLevel level, absl::string_view text) {
  DmLog(MachineOf(ti), level, "raid", text);
}

// The superblocks of a set as they are read, one for each device.
struct Supers {
  std::vector<std::optional<RaidSuper>> of;  // none: blank, or no device
  std::vector<bool> unreadable;
  std::optional<size_t> freshest;
  uint32_t new_devs = 0;
};

bool ReadSuper(const DmDev& meta, std::optional<RaidSuper>* sb) {
  const uint32_t block = std::max<uint32_t>(
      meta.bdev->queue().limits().logical_block_size, kRaidSuperBytes);
  std::string bytes(block, '\0');
  if (!BioRead(*meta.bdev, sector_t{0}, absl::MakeSpan(bytes)).ok()) {
    return false;
  }
  *sb = ParseRaidSuper(bytes);
  return true;
}

// super_load() of each device.
Supers LoadSupers(const DmTarget& ti, RaidSet* rs) {
  Supers supers;
  supers.of.resize(rs->devs.size());
  supers.unreadable.resize(rs->devs.size());
  absl::MutexLock lock(&rs->mu);
  uint64_t events = 0;
  for (size_t i = 0; i < rs->devs.size(); ++i) {
    const RaidDev& dev = rs->devs[i];
    RaidMember& member = rs->md.members[i];
    if (dev.meta == nullptr || dev.data == nullptr) continue;
    rs->has_metadata = true;
    if (rs->Has(kSync)) continue;
    std::optional<RaidSuper> sb;
    if (!ReadSuper(*dev.meta, &sb)) {
      Say(ti, KernLevel::kErr,
          absl::StrCat("Failed to read superblock of device at position ", i));
      member.faulty = true;
      member.in_sync = false;
      supers.unreadable[i] = true;
      continue;
    }
    if (!sb || dev.rebuild) {
      member.first_use = true;
      ++supers.new_devs;
      if (!supers.freshest) supers.freshest = i;
      continue;
    }
    if (!supers.freshest || sb->events > events) {
      supers.freshest = i;
      events = sb->events;
    }
    supers.of[i] = sb;
  }
  return supers;
}

absl::Status CheckNewDevices(const DmTarget& ti, const Supers& supers,
                             RaidSet* rs) {
  uint32_t rebuilds = 0, rebuild_and_new = 0;
  for (size_t i = 0; i < rs->devs.size(); ++i) {
    if (!rs->devs[i].rebuild || rs->devs[i].data == nullptr) continue;
    Say(ti, KernLevel::kInfo,
        absl::StrCat("Device ", i,
                     " specified for rebuild; clearing superblock"));
    ++rebuilds;
    if (rs->devs[i].meta != nullptr) ++rebuild_and_new;
  }
  const uint32_t new_devs = supers.new_devs;
  if (new_devs == rs->disks()) {
    Say(ti, KernLevel::kInfo, "Superblocks created for new raid set");
    rs->is_new = true;
    return absl::OkStatus();
  }
  if (rebuilds == 0) {
    if (new_devs == 0 || static_cast<int64_t>(new_devs) == rs->delta_disks) {
      return absl::OkStatus();
    }
    Say(ti, KernLevel::kErr,
        "New device injected into existing raid set without 'delta_disks' or "
        "'rebuild' parameter specified");
    return DmError(kInvalid);
  }
  if (new_devs != 0 && new_devs != rebuilds) {
    Say(ti, KernLevel::kErr,
        absl::StrCat(rebuilds,
                     " 'rebuild' devices cannot be injected into a "
                     "raid set with ",
                     new_devs, " other first-time devices"));
    return DmError(kInvalid);
  }
  if (rebuild_and_new != 0 && rebuilds != rebuild_and_new) {
    Say(ti, KernLevel::kErr,
        absl::StrCat("new device", new_devs > 1 ? "s" : "",
                     " provided without 'rebuild'"));
    return DmError(kInvalid);
  }
  return absl::OkStatus();
}

bool Failed(const RaidSuper& sb, uint32_t dev) {
  return dev < 64 * sb.failed_devices.size() &&
         (sb.failed_devices[dev / 64] >> (dev % 64) & 1) != 0;
}

// Whether a device may stand in another place than it had.
absl::Status CheckPosition(const DmTarget& ti, const RaidSuper& was, size_t now,
                           const RaidSet& rs) {
  const bool near10 = was.level == 10 && (was.layout & 0xff) > 1;
  const bool between_0_and_10 = (was.level == 10 && rs.type->is_raid0()) ||
                                (was.level == 0 && rs.type->is_raid10());
  if (near10) {
    if (was.num_devices % (was.layout & 0xff) != 0 ||
        rs.disks() % rs.raid10_copies != 0) {
      return DmError("Cannot change raid10 near set to odd # of devices!");
    }
  } else if (!between_0_and_10 && !rs.type->is_raid1()) {
    return DmError("Cannot change device positions in raid set");
  }
  Say(ti, KernLevel::kInfo,
      absl::StrCat("raid device #", was.array_position, " now at position #",
                   now));
  return absl::OkStatus();
}

// super_init_validation() by the freshest superblock, and super_validate().
absl::Status ValidateSupers(const DmTarget& ti, const Supers& supers,
                            const RaidSuper& freshest, RaidSet* rs) {
  if ((freshest.flags & 1) != 0 || freshest.data_offset != 0 ||
      freshest.new_data_offset != 0) {
    return DmNotModelled("a raid set that is reshaped", "md's reshape");
  }
  {
    absl::MutexLock lock(&rs->mu);
    rs->md.events = std::max<uint64_t>(freshest.events, 1);
    if (!rs->Has(kNosync)) rs->md.recovery_cp = freshest.array_resync_offset;
  }
  if (absl::Status s = CheckNewDevices(ti, supers, rs); !s.ok()) return s;
  for (size_t i = 0; i < rs->devs.size(); ++i) {
    const std::optional<RaidSuper>& sb = supers.of[i];
    if (!sb) continue;
    if (sb->array_position != i) {
      absl::Status s = CheckPosition(ti, *sb, i, *rs);
      if (!s.ok()) return s;
    }
    if (sb->compat_features > 1) {
      return DmError(
          "Unable to assemble array: Unknown flag(s) in compatible feature "
          "flags");
    }
    if (sb->incompat_features != 0) {
      return DmError(
          "Unable to assemble array: No incompatible feature flags supported "
          "yet");
    }
    absl::MutexLock lock(&rs->mu);
    RaidMember& member = rs->md.members[i];
    member.in_sync = sb->disk_recovery_offset == kRaidMaxSector;
    member.rebuild_all = !member.in_sync;
    // What comes back is not in sync, but where the bitmap says it is.
    if (Failed(freshest, sb->array_position)) member.in_sync = false;
  }
  return absl::OkStatus();
}

// validate_raid_redundancy(), with what the freshest superblock has said.
absl::Status CheckRedundancy(const RaidSet& rs, uint32_t level) {
  constexpr char kTooFew[] = "Insufficient redundancy to activate array";
  absl::MutexLock lock(&rs.mu);
  auto lacks = [&](size_t i) ABSL_EXCLUSIVE_LOCKS_REQUIRED(rs.mu) {
    return rs.devs[i].meta == nullptr || rs.devs[i].rebuild ||
           rs.md.members[i].faulty;
  };
  uint32_t rebuilds = 0;
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    if (!rs.md.members[i].first_use && lacks(i)) ++rebuilds;
  }
  if (level == 1 && rebuilds >= rs.disks()) return DmError(kTooFew);
  if (level >= 4 && level <= 6 && rebuilds > rs.type->parity_devs) {
    return DmError(kTooFew);
  }
  const uint32_t copies = rs.raid10_copies;
  if (level != 10 || rebuilds < copies) return absl::OkStatus();
  const bool near =
      rs.raid10_format == kRaid10Default || rs.raid10_format == kNear;
  const uint32_t group = near ? copies : rs.disks() / copies;
  const uint32_t last_group = (rs.disks() / group - 1) * group;
  uint32_t in_group = 0;
  for (uint32_t i = 0; i < rs.disks(); ++i) {
    if (i % copies == 0 && (near || i <= last_group)) in_group = 0;
    if (lacks(i) && ++in_group >= copies) return DmError(kTooFew);
  }
  return absl::OkStatus();
}

// read_sb_page(), of a device's whole bitmap.
std::optional<std::string> ReadBitmap(const DmTarget& ti, const RaidSet& rs,
                                      BlockDevice& meta) {
  constexpr unsigned kRead = 1 << 11;  // REQ_SYNC
  std::string bits(RaidBitmapBytes(RaidRegions(rs)), '\0');
  const sector_t at{kRaidBitmapOffset >> kSectorShift};
  if (BioBeyondEnd(MachineOf(ti), kResumes, meta, at,
                   bits.size() >> kSectorShift, kRead) ||
      !BioRead(meta, at, absl::MakeSpan(bits)).ok()) {
    return std::nullopt;
  }
  return bits;
}

void TakeBitmap(const std::string& bits, RaidSet* rs) {
  const std::optional<RaidBitmap> bitmap = ParseRaidBitmap(bits);
  absl::MutexLock lock(&rs->mu);
  // A region of another size, or no bitmap: all of it may differ.
  if (!bitmap || bitmap->chunk_bytes != rs->region_size << kSectorShift) {
    for (RaidMember& member : rs->md.members) {
      member.rebuild_all |= !member.in_sync;
    }
    return;
  }
  rs->md.dirty = bitmap->dirty;
}

}  // namespace

absl::Status AssembleRaid(DmTarget& ti, RaidSet* rs) {
  const bool restoring = ti.table->restoring();
  {
    absl::MutexLock lock(&rs->mu);
    for (size_t i = 0; i < rs->devs.size(); ++i) {
      // What is restored tells what has become of it.
      const bool rebuild = rs->devs[i].rebuild && !restoring;
      rs->md.members[i].in_sync = !rebuild;
      rs->md.members[i].rebuild_all = rebuild;
    }
  }
  Supers supers;
  if (!restoring) supers = LoadSupers(ti, rs);
  absl::Status s;
  std::optional<RaidSuper> freshest;
  if (supers.freshest && !rs->type->is_raid0()) {
    freshest = supers.of[*supers.freshest];
    rs->has_bitmap = rs->journal_dev == nullptr;
    s = freshest ? ValidateSupers(ti, supers, *freshest, rs)
                 : CheckNewDevices(ti, supers, rs);
    if (s.ok() && !rs->is_new) {
      s = CheckRedundancy(*rs, freshest ? freshest->level : rs->type->level);
    }
  }
  if (s.ok()) s = CheckRaidConversion(supers.new_devs, *rs);
  if (s.ok() && freshest && !rs->is_new) s = ConvertRaid(*freshest, rs);
  if (!s.ok()) return s;
  if (rs->Has(kSync) && ValueAt<bool>(kSyncMakesNew, ProfileOf(ti).release)) {
    rs->is_new = true;
  }
  if (rs->is_new) {
    rs->update_sbs = true;
    rs->new_bitmap = rs->has_bitmap;
    absl::MutexLock lock(&rs->mu);
    if (rs->type->level == 6 || !rs->Has(kNosync)) rs->md.recovery_cp = 0;
  }
  if (restoring) {
    for (const RaidDev& dev : rs->devs) rs->has_metadata |= dev.meta != nullptr;
    rs->has_bitmap = rs->has_metadata && !rs->Has(kSync) &&
                     rs->journal_dev == nullptr && !rs->type->is_raid0();
  }
  return absl::OkStatus();
}

int LoadRaidBitmap(const DmTarget& ti, TakesBitmap takes, RaidSet* rs) {
  if (!rs->has_bitmap) return 0;
  bool failed = false;
  const std::vector<RaidMember> members = rs->Members();
  for (size_t i = 0; i < rs->devs.size(); ++i) {
    const DmDev* const meta = rs->devs[i].meta;
    if (meta == nullptr || !RaidServes(*rs, members, i)) continue;
    const std::optional<std::string> bits = ReadBitmap(ti, *rs, *meta->bdev);
    if (!bits) {
      failed = true;
      continue;
    }
    const bool known = !rs->is_new && !rs->new_bitmap && !members[i].first_use;
    if (known && takes == TakesBitmap::kYes) TakeBitmap(*bits, rs);
    return 0;
  }
  return failed ? EIO : 0;
}

}  // namespace dmdax
