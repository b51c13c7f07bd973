// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/raid/dm_raid_md.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/since.h"
#include "dm/bio_map.h"
#include "dm/targets/raid/dm_raid_layout.h"

namespace dmdax {
namespace {

absl::string_view Personality(const RaidSet& rs) {
  if (rs.type->is_raid1()) return "raid1";
  return rs.type->is_raid10() ? "raid10" : "raid";
}

// raid*_error(), in md's words.
void SayFailed(const DmTarget& ti, const RaidSet& rs, size_t dev,
               uint32_t degraded, bool enough) {
  const std::string md = absl::StrCat("md/", Personality(rs), ":mdX: ");
  const std::string failed =
      absl::StrCat(md, "Disk failure on ", rs.devs[dev].data->bdev->name(),
                   ", disabling device.");
  const std::string left = absl::StrCat(md, "Operation continuing on ",
                                        rs.disks() - degraded, " devices.");
  KernelLog& log = MachineOf(ti).log();
  if (!rs.type->is_raid456()) {
    log.Printk(KernLevel::kCrit, absl::StrCat(failed, "\n", left));
    return;
  }
  log.Printk(KernLevel::kCrit, failed);
  log.Printk(KernLevel::kCrit,
             enough ? left
                    : absl::StrCat(md, "Cannot continue operation (", degraded,
                                   "/", rs.disks(), " failed)."));
}

// What one call of md_error() has come to.
enum class Failure { kNothing, kLast, kPutOut };

Failure PutOut(const RaidSet& rs, size_t dev, uint32_t* degraded,
               bool* enough) {
  std::vector<RaidMember> after = rs.Members();
  absl::MutexLock lock(&rs.mu);
  RaidMember& member = rs.md.members[dev];
  if (member.faulty) return Failure::kNothing;
  after[dev].faulty = true;
  *degraded = RaidDegraded(rs, after);
  *enough = RaidHasEnough(rs, after);
  if (!*enough && member.in_sync) {
    if (!rs.type->is_raid10()) rs.md.recovery_disabled = true;
    // A parity set fails with it.
    if (!rs.type->is_raid456()) return Failure::kLast;
  }
  member.faulty = true;
  member.in_sync = false;
  return Failure::kPutOut;
}

// md_super_write(): a synchronous write with flush and FUA, later REQ_META and
// REQ_IDLE as well.
constexpr Since<unsigned> kSuperWrite[] = {{k4_14, 0x60801}, {k6_1, 0x69801}};

bool WriteBlock(const DmTarget& ti, const DmDev& dev, uint64_t byte,
                std::string bytes) {
  BlockDevice& bdev = *dev.bdev;
  const uint32_t block = bdev.queue().limits().logical_block_size;
  bytes.resize((bytes.size() + block - 1) / block * block, '\0');
  const sector_t at{byte >> kSectorShift};
  return !BioBeyondEnd(MachineOf(ti), kResumes, bdev, at,
                       bytes.size() >> kSectorShift,
                       ValueAt<unsigned>(kSuperWrite, ProfileOf(ti).release)) &&
         BioWrite(bdev, at, bytes).ok();
}

RaidBitmap BitmapOf(const RaidSet& rs) {
  RaidBitmap bitmap;
  bitmap.sync_size = rs.resync_max_sectors;
  bitmap.chunk_bytes = static_cast<uint32_t>(rs.region_size << kSectorShift);
  if (rs.daemon_sleep != 0) {
    bitmap.daemon_sleep = static_cast<uint32_t>(rs.daemon_sleep);
  }
  bitmap.write_behind = static_cast<uint32_t>(rs.max_write_behind);
  absl::MutexLock lock(&rs.mu);
  bitmap.events = rs.md.events;
  bitmap.events_cleared = rs.md.dirty.empty() ? rs.md.events : 0;
  bitmap.dirty = rs.md.dirty;
  return bitmap;
}

// super_sync(), but for what differs between devices.
RaidSuper SuperOf(const RaidSet& rs, const std::vector<RaidMember>& members) {
  RaidSuper sb;
  sb.num_devices = rs.disks();
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    if (rs.devs[i].data == nullptr || members[i].faulty) {
      sb.failed_devices[i / 64] |= uint64_t{1} << (i % 64);
    }
  }
  sb.level = sb.new_level = rs.type->level;
  sb.layout = sb.new_layout = RaidLayoutNumber(rs);
  sb.stripe_sectors = sb.new_stripe_sectors = rs.chunk_sectors;
  sb.array_sectors = rs.array_sectors;
  sb.sectors = rs.rdev_sectors;
  absl::MutexLock lock(&rs.mu);
  sb.events = rs.md.events;
  sb.array_resync_offset = rs.md.recovery_cp;
  return sb;
}

}  // namespace

std::vector<RaidMember> RaidSet::Members() const {
  absl::MutexLock lock(&mu);
  return md.members;
}

bool RaidTakes(const RaidSet& rs, const std::vector<RaidMember>& members,
               size_t dev) {
  // raid0 does without md's opinion.
  return rs.devs[dev].data != nullptr &&
         (!members[dev].faulty || rs.type->is_raid0());
}

bool RaidServes(const RaidSet& rs, const std::vector<RaidMember>& members,
                size_t dev) {
  return RaidTakes(rs, members, dev) &&
         (members[dev].in_sync || rs.type->is_raid0());
}

uint32_t RaidDegraded(const RaidSet& rs,
                      const std::vector<RaidMember>& members) {
  uint32_t degraded = 0;
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    if (!RaidServes(rs, members, i)) ++degraded;
  }
  return degraded;
}

bool RaidHasEnough(const RaidSet& rs, const std::vector<RaidMember>& members) {
  const uint32_t degraded = RaidDegraded(rs, members);
  if (rs.type->is_raid1()) return degraded < rs.disks();
  if (!rs.type->is_raid10()) return degraded <= rs.type->parity_devs;
  // Of each group of neighbours that are copies, one is there.
  const size_t n = rs.devs.size();
  size_t first = 0;
  do {
    bool any = false;
    for (uint32_t i = 0; i < rs.raid10_copies; ++i) {
      any |= RaidServes(rs, members, (first + i) % n);
    }
    if (!any) return false;
    first = (first + rs.raid10_copies) % n;
  } while (first != 0);
  return true;
}

uint32_t RaidLayoutNumber(const RaidSet& rs) {
  if (!rs.type->is_raid10()) return static_cast<uint32_t>(rs.type->algorithm);
  constexpr uint32_t kOffsetBit = 1 << 16, kFarSets = 1 << 17;
  const uint32_t copies = rs.raid10_copies;
  if (rs.raid10_format == kRaid10Default || rs.raid10_format == kNear) {
    return 1 << 8 | copies;
  }
  uint32_t layout = copies << 8 | 1;
  if (rs.raid10_format == kOffset) layout |= kOffsetBit;
  if (!rs.Has(kRaid10UseNearSets)) layout |= kFarSets;
  return layout;
}

void RaidError(const DmTarget& ti, absl::Span<const uint32_t> devs,
               uint64_t request) {
  const RaidSet& rs = ti.Private<RaidSet>();
  if (rs.type->is_raid0()) return;
  bool told = false, update = false;
  for (const uint32_t dev : devs) {
    uint32_t degraded;
    bool enough;
    const Failure failure = PutOut(rs, dev, &degraded, &enough);
    if (failure == Failure::kNothing) continue;
    told = true;
    if (failure != Failure::kPutOut) continue;
    update = true;
    SayFailed(ti, rs, dev, degraded, enough);
  }
  if (told) {
    absl::MutexLock lock(&rs.mu);
    told = request == 0 || rs.md.told != request;
    rs.md.told = request;
  }
  if (told) DmTableEvent(ti);
  if (update) RaidUpdateSupers(ti);
}

bool RaidWritesWait(const RaidSet& rs, const std::vector<RaidMember>& members) {
  return !rs.has_metadata && !rs.type->is_raid0() &&
         std::any_of(members.begin(), members.end(),
                     [](const RaidMember& member) { return member.faulty; });
}

namespace {

// super_written()
void SuperNotWritten(const DmTarget& ti, size_t i) {
  MachineOf(ti).log().Printk(KernLevel::kErr,
                             "md: super_written gets error=-5");
  const auto dev = static_cast<uint32_t>(i);
  RaidError(ti, {&dev, 1});
}

// md_bitmap_update_sb(), which is done before a superblock is written: where
// there is no room for the bitmap, there never is a superblock.
void UpdateBitmaps(const DmTarget& ti) {
  const RaidSet& rs = ti.Private<RaidSet>();
  if (!rs.has_bitmap) return;
  const std::string bitmap = FormatRaidBitmap(BitmapOf(rs), RaidRegions(rs));
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    const DmDev* meta = rs.devs[i].meta;
    if (meta == nullptr || !RaidTakes(rs, rs.Members(), i)) continue;
    if (!WriteBlock(ti, *meta, kRaidBitmapOffset, bitmap)) {
      SuperNotWritten(ti, i);
    }
  }
}

}  // namespace

void RaidUpdateSupers(const DmTarget& ti) {
  const RaidSet& rs = ti.Private<RaidSet>();
  if (!rs.has_metadata || rs.type->is_raid0()) return;
  {
    absl::MutexLock lock(&rs.mu);
    ++rs.md.events;
  }
  UpdateBitmaps(ti);
  const std::vector<RaidMember> members = rs.Members();
  RaidSuper sb = SuperOf(rs, members);
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    const DmDev* meta = rs.devs[i].meta;
    if (meta == nullptr || !RaidTakes(rs, members, i)) continue;
    sb.array_position = static_cast<uint32_t>(i);
    sb.disk_recovery_offset = members[i].in_sync ? kRaidMaxSector : 0;
    if (!WriteBlock(ti, *meta, 0, FormatRaidSuper(sb))) SuperNotWritten(ti, i);
  }
}

void RaidWriteStart(const DmTarget& ti, uint64_t sector, uint64_t count) {
  const RaidSet& rs = ti.Private<RaidSet>();
  const bool degraded = RaidDegraded(rs, rs.Members()) != 0;
  bool update;
  {
    absl::MutexLock lock(&rs.mu);
    update = std::exchange(rs.md.clean, false);
    if (degraded && rs.has_bitmap) {
      const uint64_t last = (sector + count - 1) / rs.region_size;
      for (uint64_t i = sector / rs.region_size; i <= last; ++i) {
        update |= rs.md.dirty.insert(i).second;
      }
    }
  }
  if (update) RaidUpdateSupers(ti);
}

namespace {

// Later kernels try again what has failed when too few were left.
constexpr Since<bool> kTriesAgain[] = {{k7_2, true}};

}  // namespace

void RaidRevive(const DmTarget& ti) {
  const RaidSet& rs = ti.Private<RaidSet>();
  if (rs.type->is_raid0()) return;
  const std::vector<RaidMember> members = rs.Members();
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    const DmDev* meta = rs.devs[i].meta;
    if (!members[i].faulty || meta == nullptr) continue;
    std::string block(
        std::max<uint32_t>(meta->bdev->queue().limits().logical_block_size,
                           kRaidSuperBytes),
        '\0');
    if (!BioRead(*meta->bdev, sector_t{0}, absl::MakeSpan(block)).ok()) {
      DmLog(MachineOf(ti), KernLevel::kErr, "raid",
            "Failed to read superblock of device at position -1");
      continue;
    }
    DmLog(MachineOf(ti), KernLevel::kInfo, "raid",
          absl::StrCat("Faulty ", rs.asked->name, " device #", i,
                       " has readable super block.  Attempting to revive it."));
    const bool again = ValueAt<bool>(kTriesAgain, ProfileOf(ti).release);
    absl::MutexLock lock(&rs.mu);
    if (again || !rs.md.recovery_disabled) rs.md.members[i].faulty = false;
  }
}

uint64_t RaidRegions(const RaidSet& rs) {
  return (rs.resync_max_sectors + rs.region_size - 1) / rs.region_size;
}

namespace {

// What a saved set says of itself in one word, as letters.
struct SavedFlag {
  char letter;
  bool RaidSet::*flag;
};
constexpr SavedFlag kSavedFlags[] = {
    {'r', &RaidSet::resumed},    {'p', &RaidSet::preresumed},
    {'n', &RaidSet::is_new},     {'u', &RaidSet::update_sbs},
    {'m', &RaidSet::new_bitmap}, {'g', &RaidSet::grows},
    {'b', &RaidSet::has_bitmap}};

// And of each of its devices.
struct SavedMember {
  int bit;
  bool RaidMember::*flag;
};
constexpr SavedMember kSavedMembers[] = {{1, &RaidMember::in_sync},
                                         {2, &RaidMember::faulty},
                                         {4, &RaidMember::rebuild_all},
                                         {8, &RaidMember::first_use}};

}  // namespace

// "1 <type> <chunk> <array sectors> <flags> <frozen> <pending> <events>
// <recovery_cp> <recovery disabled> <mismatches> <members> <dirty regions>
// <job> <done>"
std::string RaidSaveState(const DmTarget& ti) {
  const RaidSet& rs = ti.Private<RaidSet>();
  absl::MutexLock lock(&rs.mu);
  std::string flags = "-", members;
  for (const SavedFlag& f : kSavedFlags) {
    if (rs.*f.flag) flags.push_back(f.letter);
  }
  for (const RaidMember& member : rs.md.members) {
    int bits = 0;
    for (const SavedMember& m : kSavedMembers) {
      if (member.*m.flag) bits |= m.bit;
    }
    members.push_back(static_cast<char>('0' + bits));
  }
  const int frozen = !rs.frozen ? 2 : *rs.frozen ? 1 : 0;
  return absl::StrCat(
      "1 ", rs.type->name, " ", rs.chunk_sectors, " ", rs.array_sectors, " ",
      flags, " ", frozen, " ", rs.pending.empty() ? "-" : rs.pending, " ",
      rs.md.events, " ", rs.md.recovery_cp, " ",
      rs.md.recovery_disabled ? 1 : 0, " ", rs.md.mismatches, " ", members, " ",
      rs.md.dirty.empty() ? "-" : absl::StrJoin(rs.md.dirty, ","), " ",
      rs.job ? rs.job->copy.Save() : "-", " ", rs.job ? rs.job->done : 0);
}

bool RaidRestoreState(DmTarget& ti, absl::string_view state) {
  RaidSet& rs = ti.Private<RaidSet>();
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  if (words.size() != 15 || words[0] != "1") return false;
  const RaidType* type = FindRaidType(words[1]);
  if (type == nullptr || words[11].size() != rs.devs.size()) return false;
  rs.type = type;
  for (const SavedFlag& f : kSavedFlags) {
    rs.*f.flag = absl::StrContains(words[4], f.letter);
  }
  if (words[5] != "2") rs.frozen = words[5] == "1";
  if (words[6] != "-") rs.pending = std::string(words[6]);
  if (words[13] != "-" && (!rs.job.emplace().copy.Restore(words[13]) ||
                           !absl::SimpleAtoi(words[14], &rs.job->done))) {
    return false;
  }
  absl::MutexLock lock(&rs.mu);
  if (!absl::SimpleAtoi(words[2], &rs.chunk_sectors) ||
      !absl::SimpleAtoi(words[3], &rs.array_sectors) ||
      !absl::SimpleAtoi(words[7], &rs.md.events) ||
      !absl::SimpleAtoi(words[8], &rs.md.recovery_cp) ||
      !absl::SimpleAtoi(words[10], &rs.md.mismatches)) {
    return false;
  }
  rs.md.recovery_disabled = words[9] == "1";
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    for (const SavedMember& m : kSavedMembers) {
      rs.md.members[i].*m.flag = ((words[11][i] - '0') & m.bit) != 0;
    }
  }
  rs.md.dirty.clear();
  if (words[12] == "-") return true;
  for (absl::string_view word : absl::StrSplit(words[12], ',')) {
    uint64_t region;
    if (!absl::SimpleAtoi(word, &region)) return false;
    rs.md.dirty.insert(region);
  }
  return true;
}

}  // namespace dmdax
