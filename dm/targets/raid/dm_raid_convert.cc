// SPDX-License-Identifier: Apache-2.0
//
// raid: a set whose table asks for another than its superblocks tell of:
// another level takes it over, it grows, a raid1 gets other legs.  What would
// move data about (a reshape) is not modelled, unless there is no room for it:
// then the set stays what it is. Mirrors: rs_check_takeover, rs_setup_takeover,
// rs_reshape_requested, raid_ctr of drivers/md/dm-raid.c (5.10 to 7.3).
#include <algorithm>
#include <cerrno>

#include "base/errno_status.h"
#include "dm/targets/raid/dm_raid.h"
#include "dm/targets/raid/dm_raid_md.h"
#include "dm/targets/raid/dm_raid_super.h"

namespace dmdax {
namespace {

// rs_check_takeover(): which levels can become which.
bool CanTakeOver(const RaidSuper& from, const RaidSet& to) {
  const uint32_t level = to.type->level;
  const uint32_t layout = RaidLayoutNumber(to);
  constexpr uint32_t kParityN = 5, kOffsetBit = 1 << 16;
  const bool to45 = level == 4 || level == 5;
  const uint32_t disks = from.num_devices;
  switch (from.level) {
    case 10: {
      if ((from.layout & kOffsetBit) != 0) return false;
      const uint32_t near = from.layout & 0xff, far = from.layout >> 8 & 0xff;
      if (level == 1) return std::max(near, far) == disks;
      return to45 && disks == 2;
    }
    case 1:
      return (to45 && disks == 2) || level == 10;
    case 5:
      if (level == 1 || level == 10) return disks == 2;
      return level == 6 && ((from.layout == kParityN && layout == kParityN) ||
                            (layout >= 16 && layout <= 19));
    case 6:
      return level == 5 &&
             ((from.layout == kParityN && layout == kParityN) || layout <= 3);
    default:
      return false;
  }
}

// rs_setup_takeover(): the set is clean as another, and what is to be rebuilt
// is.
absl::Status TakeOver(const RaidSuper& from, RaidSet* rs) {
  if (rs->journal_dev != nullptr) {
    return ErrnoError(EPERM, "Can't takeover a journaled raid4/5/6 set");
  }
  if (!CanTakeOver(from, *rs)) return DmError("takeover not possible");
  const bool rebuilds = rs->Has(kRebuild);
  absl::MutexLock lock(&rs->mu);
  rs->md.recovery_cp = kRaidMaxSector;
  rs->update_sbs = true;
  // A bitmap has to be made where devices are added.
  rs->new_bitmap = rebuilds;
  return absl::OkStatus();
}

// rs_reshape_requested() without room for it: the set stays what it is.
absl::Status KeepLayout(const RaidSuper& now, RaidSet* rs) {
  if (rs->delta_disks != 0 || rs->data_offset != 0) {
    return DmNotModelled("a raid set that is reshaped", "md's reshape");
  }
  const RaidType* type = FindRaidType(now.level, now.layout);
  if (type == nullptr || type->is_raid10()) {
    return DmNotModelled("a raid10 set of another layout", "md's reshape");
  }
  rs->type = type;
  rs->chunk_sectors = now.stripe_sectors;
  return absl::OkStatus();
}

// Sizes as the superblock has them: a set that has grown is resynchronised
// from there on.
void Resize(const RaidSuper& was, RaidSet* rs) {
  absl::MutexLock lock(&rs->mu);
  if (rs->Has(kRebuild)) {
    rs->update_sbs = true;
    rs->md.recovery_cp = kRaidMaxSector;
    return;
  }
  if (!was.extended()) return;
  if (rs->dev_sectors > was.sectors) {
    rs->grows = true;
    rs->update_sbs = true;
    if (rs->type->level == 6 || !rs->Has(kNosync)) {
      rs->md.recovery_cp = std::min(rs->md.recovery_cp, was.sectors);
    }
  } else if (was.array_sectors > rs->array_sectors) {
    rs->update_sbs = true;
  }
}

// What a set asks of md beyond starting it.
absl::Status RequireModelled(const RaidSet& rs, uint32_t new_devs) {
  if (rs.delta_disks != 0 &&
      (new_devs != 0 || (rs.type->is_raid456() && rs.data_offset != 0) ||
       (rs.type->is_raid1() &&
        std::any_of(rs.devs.begin(), rs.devs.end(),
                    [](const RaidDev& dev) { return dev.data == nullptr; })))) {
    return DmNotModelled("a raid set that is reshaped", "md's reshape");
  }
  if (rs.data_offset != 0 && rs.devs[0].data == nullptr) {
    return DmNotModelled("data_offset without a first device",
                         "a kernel that survives it");
  }
  if (rs.journal_dev != nullptr && (new_devs != 0 || rs.Has(kJournalMode))) {
    return DmNotModelled("a raid set with a journal", "md's log of stripes");
  }
  return absl::OkStatus();
}

absl::Status CheckSpace(const RaidSet& rs) {
  if (std::none_of(rs.devs.begin(), rs.devs.end(),
                   [](const RaidDev& dev) { return dev.data != nullptr; })) {
    return DmError("Invalid rdev size");
  }
  if (rs.is_new && rs.type->level == 6 && rs.Has(kNosync)) {
    return DmError("'nosync' not allowed for new raid6 set");
  }
  constexpr uint64_t kMinReshapeSpace = 32;
  if (rs.data_offset != 0 && rs.devs[0].data != nullptr &&
      rs.devs[0].data->bdev->nr_sectors() - rs.dev_sectors < kMinReshapeSpace) {
    return ErrnoError(ENOSPC, rs.delta_disks > 0
                                  ? "No space for forward reshape"
                                  : "No space for backward reshape");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRaidConversion(uint32_t new_devs, const RaidSet& rs) {
  absl::Status s = CheckSpace(rs);
  return s.ok() ? RequireModelled(rs, new_devs) : s;
}

absl::Status ConvertRaid(const RaidSuper& sb, RaidSet* rs) {
  if (sb.level != rs->type->level) return TakeOver(sb, rs);
  const bool layout =
      sb.layout != RaidLayoutNumber(*rs) ||
      (!rs->type->is_raid1() && sb.stripe_sectors != rs->chunk_sectors);
  if (rs->type->is_raid1()) {
    if (sb.num_devices != rs->disks()) return absl::OkStatus();
  } else if (layout || rs->delta_disks != 0) {
    return KeepLayout(sb, rs);
  } else if (sb.num_devices != rs->disks()) {
    return DmNotModelled("a raid set of another number of devices",
                         "md's reshape");
  }
  Resize(sb, rs);
  return absl::OkStatus();
}

}  // namespace dmdax
