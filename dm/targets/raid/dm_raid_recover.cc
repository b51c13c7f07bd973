// SPDX-License-Identifier: Apache-2.0
//
// raid: what md's sync thread does: a resync makes all devices alike, a
// recovery brings one back, a check counts what differs.
//
// It is done at once; or, where targets below delay I/O, when it would have
// come to its end.  A resync of a set too large for that changes nothing; a
// recovery of more than 1 GiB of a device would take its time, and is not done.
// Mirrors: md_do_sync of drivers/md/md.c, raid1_sync_request,
// raid10_sync_request, raid5_sync_request of drivers/md/raid*.c (4.14 to 7.3).
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/since.h"
#include "dm/bio_map.h"
#include "dm/targets/dm_delay.h"
#include "dm/targets/raid/dm_raid.h"
#include "dm/targets/raid/dm_raid_layout.h"
#include "dm/targets/raid/dm_raid_md.h"
#include "dm/targets/raid/dm_raid_row.h"

namespace dmdax {
namespace {

using Members = std::vector<RaidMember>;

void MdLog(const DmTarget& ti, KernLevel level, absl::string_view text) {
  MachineOf(ti).log().Printk(level, text);
}

// RESYNC_SECTORS.
constexpr uint64_t kResyncSectors = 128;

// What goes through a set: a resync and a repair write, a check counts, a
// recovery writes to devices that are not in sync.
enum class Action { kResync, kRecover, kCheck, kRepair };

struct Passed {
  uint64_t mismatches = 0;  // sectors
  bool interrupted = false;
};

// The sectors [at, at + n) of the copies of what lies at `offset`.
class CopyPass {
 public:
  CopyPass(const DmTarget& ti, Action action)
      : ti_(ti), rs_(ti.Private<RaidSet>()), action_(action) {}

  void Go(uint64_t offset, uint64_t sectors, Passed* passed) {
    const Members members = rs_.Members();
    const std::vector<RaidPlace> places =
        rs_.type->is_raid1() ? LegsOf(rs_, offset) : CopiesOf(rs_, offset);
    bytes_.resize(sectors << kSectorShift);
    const auto from =
        std::find_if(places.begin(), places.end(), [&](const RaidPlace& p) {
          return RaidServes(rs_, members, p.dev) && Read(p, &bytes_);
        });
    if (from == places.end()) {
      passed->interrupted |= action_ == Action::kRecover;
      return;
    }
    bool differs = false;
    for (const RaidPlace& place : places) {
      if (&place == &*from || !RaidTakes(rs_, members, place.dev)) continue;
      const bool in_sync = members[place.dev].in_sync;
      if (in_sync == (action_ == Action::kRecover)) continue;
      now_.resize(bytes_.size());
      if (action_ != Action::kRecover && Read(place, &now_) && now_ == bytes_) {
        continue;
      }
      differs = true;
      if (action_ == Action::kCheck) continue;
      if (BioWrite(*rs_.devs[place.dev].data->bdev, At(place), bytes_).ok()) {
        continue;
      }
      RaidError(ti_, {&place.dev, 1});
      passed->interrupted = true;
    }
    if (differs) passed->mismatches += sectors;
  }

 private:
  sector_t At(const RaidPlace& place) const {
    return sector_t(place.sector + rs_.data_begin());
  }
  bool Read(const RaidPlace& place, std::vector<char>* bytes) const {
    return BioRead(*rs_.devs[place.dev].data->bdev, At(place),
                   absl::MakeSpan(*bytes))
        .ok();
  }

  const DmTarget& ti_;
  const RaidSet& rs_;
  const Action action_;
  std::vector<char> bytes_, now_;
};

// Of which regions a recovery is; nothing: of all.
std::optional<std::set<uint64_t>> RegionsOf(const RaidSet& rs, Action action) {
  if (action != Action::kRecover || !rs.has_bitmap) return std::nullopt;
  absl::MutexLock lock(&rs.mu);
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    const RaidMember& member = rs.md.members[i];
    if (!member.in_sync && !member.faulty && member.rebuild_all) {
      return std::nullopt;
    }
  }
  return rs.md.dirty;
}

Passed PassCopies(const DmTarget& ti, Action action) {
  const RaidSet& rs = ti.Private<RaidSet>();
  const std::optional<std::set<uint64_t>> regions = RegionsOf(rs, action);
  uint64_t unit = rs.chunk_sectors != 0
                      ? std::min<uint64_t>(rs.chunk_sectors, kResyncSectors)
                      : kResyncSectors;
  CopyPass pass(ti, action);
  Passed passed;
  for (uint64_t at = 0; at < rs.array_sectors && !passed.interrupted;
       at += unit) {
    if (regions && !regions->contains(at / rs.region_size)) continue;
    pass.Go(at, std::min(unit, rs.array_sectors - at), &passed);
  }
  return passed;
}

Passed PassStripes(const DmTarget& ti, Action action) {
  const RaidSet& rs = ti.Private<RaidSet>();
  const std::optional<std::set<uint64_t>> regions = RegionsOf(rs, action);
  Passed passed;
  for (uint64_t row = 0; row < rs.dev_sectors / rs.chunk_sectors; ++row) {
    const uint64_t first = row * rs.chunk_sectors * rs.data_stripes();
    for (uint64_t at = 0; at < rs.chunk_sectors; at += kRaidPage) {
      const RaidStripe stripe = StripeOf(rs, first + at);
      if (regions && !regions->contains(stripe.sector / rs.region_size)) {
        continue;
      }
      const Members members = rs.Members();
      RaidRow of_page(rs, members, stripe);
      bool differs = false;
      if (action == Action::kCheck || action == Action::kRepair) {
        differs = of_page.Mismatches();
      }
      if (differs) passed.mismatches += kRaidPage;
      if (differs && action == Action::kCheck) {
        MachineOf(ti).log().PrintkRatelimited(
            "raid5 mismatch", KernLevel::kWarn,
            absl::StrCat("mdX: mismatch sector in range ", stripe.sector, "-",
                         stripe.sector + kRaidPage));
      }
      if (action != Action::kCheck && !of_page.Sync()) {
        passed.interrupted |= action == Action::kRecover;
      }
      RaidError(ti, of_page.errors());
      if (passed.interrupted) return passed;
    }
  }
  return passed;
}

Passed Pass(const DmTarget& ti, Action action) {
  const RaidSet& rs = ti.Private<RaidSet>();
  if (rs.stripes.HeldHere()) return {};
  if (action != Action::kRecover && RaidTooLarge(rs)) return {};
  OwnedLock lock(&rs.stripes);
  return rs.type->is_raid456() ? PassStripes(ti, action)
                               : PassCopies(ti, action);
}

// What there is to recover.
bool WantsRecovery(const RaidSet& rs) {
  constexpr uint64_t kMost = 1 << (30 - kSectorShift);
  const Members members = rs.Members();
  if (rs.dev_sectors > kMost) return false;
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    if (RaidTakes(rs, members, i) && !members[i].in_sync) return true;
  }
  return false;
}

constexpr Since<bool> kNamesActions[] = {{{6, 8}, true}};

bool NamesActions(const DmTarget& ti) {
  return ValueAt<bool>(kNamesActions, ProfileOf(ti).release);
}

absl::string_view RecoveryName(const DmTarget& ti) {
  return NamesActions(ti) ? "recover" : "recovery";
}

// One recovery.  Whether it has come to its end.
bool Recover(const DmTarget& ti) {
  const RaidSet& rs = ti.Private<RaidSet>();
  const absl::string_view name = RecoveryName(ti);
  Passed passed;
  const Members before = rs.Members();
  if (RaidHasEnough(rs, before)) {
    passed = Pass(ti, Action::kRecover);
  } else {
    // There is nothing to recover it from.
    std::vector<uint32_t> lost;
    for (uint32_t i = 0; i < rs.disks(); ++i) {
      if (RaidTakes(rs, before, i) && !before[i].in_sync) lost.push_back(i);
    }
    RaidError(ti, lost);
    passed.interrupted = true;
  }
  MdLog(ti, KernLevel::kInfo,
        absl::StrCat("md: mdX: ", name,
                     passed.interrupted ? " interrupted." : " done."));
  {
    absl::MutexLock lock(&rs.mu);
    bool degraded = false;
    for (size_t i = 0; i < rs.devs.size(); ++i) {
      RaidMember& member = rs.md.members[i];
      const bool there = rs.devs[i].data != nullptr && !member.faulty;
      if (there && !passed.interrupted) {
        member.in_sync = true;
        member.rebuild_all = false;
      }
      degraded |= !there || !member.in_sync;
    }
    if (!degraded) rs.md.dirty.clear();
  }
  RaidUpdateSupers(ti);
  DmTableEvent(ti);
  return !passed.interrupted;
}

// Later kernels do not say that what has grown asked for it.
constexpr Since<bool> kGrowsUnasked[] = {{{7, 3}, true}};

// What a resync of a set that is not new is called.
absl::string_view ResyncName(const DmTarget& ti, const RaidSet& rs) {
  if (rs.is_new || ValueAt<bool>(kGrowsUnasked, ProfileOf(ti).release)) {
    return "resync";
  }
  return NamesActions(ti) ? "repair" : "requested-resync";
}

void Resync(const DmTarget& ti) {
  const RaidSet& rs = ti.Private<RaidSet>();
  const absl::string_view name = ResyncName(ti, rs);
  (void)Pass(ti, Action::kResync);
  MdLog(ti, KernLevel::kInfo, absl::StrCat("md: mdX: ", name, " done."));
  {
    absl::MutexLock lock(&rs.mu);
    rs.md.recovery_cp = kRaidMaxSector;
  }
  RaidUpdateSupers(ti);
  DmTableEvent(ti);
}

int Preresume(const DmTarget& ti, RaidSet& rs) {
  // raid1_reshape(): it gives no leg away that is there.
  if (rs.type->is_raid1() && rs.delta_disks < 0) {
    DmLog(MachineOf(ti), KernLevel::kInfo, "raid",
          "Failed to check/start reshape, continuing without change");
  }
  if (rs.update_sbs) RaidUpdateSupers(ti);
  if (rs.new_bitmap) {
    MdLog(ti, KernLevel::kInfo,
          "mdX: bitmap file is out of date, doing full recovery");
  }
  const int err = LoadRaidBitmap(ti, TakesBitmap::kYes, &rs);
  if (err != 0) {
    MdLog(ti, KernLevel::kWarn,
          absl::StrCat("mdX: bitmap initialisation failed: ", -err));
    DmLog(MachineOf(ti), KernLevel::kErr, "raid", "Failed to load bitmap");
    return err;
  }
  {
    absl::MutexLock lock(&rs.mu);
    for (RaidMember& member : rs.md.members) member.first_use = false;
  }
  return 0;
}

// The longest that targets below delay what is read and what is written.
uint64_t DelayMs(const RaidSet& rs) {
  const Members members = rs.Members();
  uint64_t read_ms = 0, write_ms = 0;
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    if (!RaidTakes(rs, members, i)) continue;
    BlockDevice& bdev = *rs.devs[i].data->bdev;
    const sector_t first(rs.data_begin());
    if (members[i].in_sync) {
      read_ms = std::max(read_ms, DelayBelowMs(bdev, first, ReqOp::kRead));
    }
    write_ms = std::max(write_ms, DelayBelowMs(bdev, first, ReqOp::kWrite));
  }
  return read_ms + write_ms;
}

void SayBegins(const DmTarget& ti, absl::string_view name) {
  MdLog(ti, KernLevel::kInfo, absl::StrCat("md: ", name, " of RAID array mdX"));
}

// All that there is to do, the first of it said already where there was a job.
void FinishSync(const DmTarget& ti, RaidSet& rs) {
  bool said = rs.job.has_value();
  rs.job.reset();
  // Each attempt that is interrupted has put a device out.
  for (uint32_t i = 0; i <= rs.disks() && WantsRecovery(rs); ++i) {
    if (!std::exchange(said, false)) SayBegins(ti, RecoveryName(ti));
    (void)Recover(ti);
  }
  if (!rs.NeedsResync()) return;
  if (!said) SayBegins(ti, ResyncName(ti, rs));
  Resync(ti);
}

void StartSync(const DmTarget& ti, RaidSet& rs) {
  if (rs.job || (!WantsRecovery(rs) && !rs.NeedsResync())) return;
  if (DelayMs(rs) == 0) return FinishSync(ti, rs);
  const bool recovers = WantsRecovery(rs);
  // super_load() asks for it: from here on the device is one of the set, also
  // for the next table.
  if (recovers) RaidUpdateSupers(ti);
  SayBegins(ti, recovers ? RecoveryName(ti) : ResyncName(ti, rs));
  rs.job.emplace().copy.Start(MachineOf(ti).NowSeconds());
}

}  // namespace

int RaidPreresume(DmTarget& ti) {
  RaidSet& rs = ti.Private<RaidSet>();
  if (rs.resumed || std::exchange(rs.preresumed, true)) return 0;
  return Preresume(ti, rs);
}

void RaidResume(DmTarget& ti) {
  RaidSet& rs = ti.Private<RaidSet>();
  rs.frozen.reset();
  if (std::exchange(rs.resumed, true)) RaidRevive(ti);
  StartSync(ti, rs);
  if (!rs.pending.empty()) {
    RunRaidAction(ti, std::exchange(rs.pending, ""));
  }
}

void RaidPostsuspend(DmTarget& ti) {
  RaidSet& rs = ti.Private<RaidSet>();
  rs.frozen.reset();
  if (!rs.resumed) return;
  RaidUpdateSupers(ti);
  absl::MutexLock lock(&rs.mu);
  rs.md.clean = true;
}

void RaidElapse(DmTarget& ti, int64_t now) {
  RaidSet& rs = ti.Private<RaidSet>();
  {
    // safemode_delay has passed.
    absl::MutexLock lock(&rs.mu);
    rs.md.clean = true;
  }
  if (!rs.job) return;
  // As slow as md is beside other I/O.
  constexpr uint64_t kUnit = 256;
  const uint64_t delay_ms = DelayMs(rs);
  rs.job->done += rs.job->copy.Take(now, kUnit, delay_ms) * kUnit;
  if (delay_ms == 0 || rs.job->done >= rs.resync_max_sectors) {
    FinishSync(ti, rs);
  }
}

void RunRaidAction(const DmTarget& ti, absl::string_view word) {
  const RaidSet& rs = ti.Private<RaidSet>();
  const bool newer = NamesActions(ti);
  const bool checks = absl::EqualsIgnoreCase(word, "check");
  if (!checks && !absl::EqualsIgnoreCase(word, "repair")) return;
  absl::string_view name = newer ? "repair" : "requested-resync";
  if (checks) name = newer ? "check" : "data-check";
  MdLog(ti, KernLevel::kInfo, absl::StrCat("md: ", name, " of RAID array mdX"));
  const Passed passed = Pass(ti, checks ? Action::kCheck : Action::kRepair);
  MdLog(ti, KernLevel::kInfo, absl::StrCat("md: mdX: ", name, " done."));
  {
    absl::MutexLock lock(&rs.mu);
    rs.md.mismatches = checks ? passed.mismatches : 0;
  }
  DmTableEvent(ti);
}

}  // namespace dmdax
