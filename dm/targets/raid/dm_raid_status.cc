// SPDX-License-Identifier: Apache-2.0
//
// raid: its INFO and TABLE lines, and its messages.
//
//   idle | frozen | resync | recover | check | repair
//
// What a message asks for is done at once, or when the set is resumed.
// Mirrors: raid_status, raid_message of drivers/md/dm-raid.c.
#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/since.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/raid/dm_raid.h"
#include "dm/targets/raid/dm_raid_md.h"

namespace dmdax {
namespace {

absl::string_view FormatName(int format) {
  switch (format) {
    case kOffset:
      return "offset";
    case kFar:
      return "far";
    default:
      return "near";
  }
}

// get_raid_type_by_ll(): of raid10 the format decides.
absl::string_view LayoutName(const RaidSet& rs) {
  if (!rs.type->is_raid10()) return rs.type->name;
  switch (rs.raid10_format) {
    case kOffset:
      return "raid10_offset";
    case kFar:
      return "raid10_far";
    default:
      return "raid10";
  }
}

// decipher_sync_action(): what is done at once is over.
absl::string_view SyncAction(const DmTarget& ti, const RaidSet& rs) {
  if (rs.frozen.value_or(ti.table->md().suspended())) return "frozen";
  if (!rs.pending.empty()) return rs.pending;
  if (rs.job && RaidDegraded(rs, rs.Members()) == 0) return "resync";
  // Of a recovery that takes its time nothing is done here.
  const std::vector<RaidMember> members = rs.Members();
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    const bool waits = RaidTakes(rs, members, i) && !members[i].in_sync;
    if (waits) return "recover";
  }
  return "idle";
}

// __raid_dev_status(): of a set that is resynchronised no device is in sync.
char Health(const RaidDev& dev, const RaidMember& member,
            absl::string_view action) {
  if (dev.data == nullptr) return '-';
  if (member.faulty) return 'D';
  return member.in_sync && action != "resync" ? 'A' : 'a';
}

uint64_t Mismatches(const RaidSet& rs) {
  absl::MutexLock lock(&rs.mu);
  return rs.md.mismatches;
}

void RaidInfo(const DmTarget& ti, const RaidSet& rs, std::string* out) {
  // raid1 counts legs that are to come.
  const uint32_t more = rs.type->is_raid1()
                            ? static_cast<uint32_t>(std::max(rs.delta_disks, 0))
                            : 0;
  absl::StrAppend(out, LayoutName(rs), " ", rs.disks() + more, " ");
  const absl::string_view action = SyncAction(ti, rs);
  const std::vector<RaidMember> members = rs.Members();
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    out->push_back(Health(rs.devs[i], members[i], action));
  }
  uint64_t progress = 0;
  if (action == "idle" || rs.type->is_raid0()) {
    progress = rs.resync_max_sectors;
  } else if (rs.job && action != "frozen") {
    progress = std::min(rs.job->done, rs.resync_max_sectors);
  }
  absl::StrAppend(out, " ", progress, "/", rs.resync_max_sectors, " ", action,
                  " ", Mismatches(rs), " ", rs.data_begin(), " ",
                  rs.journal_dev != nullptr ? "A" : "-");
}

// The parameters in the order of the documentation.
std::vector<std::string> Params(const RaidSet& rs) {
  std::vector<std::string> words = {absl::StrCat(rs.chunk_sectors)};
  auto alone = [&](RaidFlag flag, absl::string_view name) {
    if (rs.Has(flag)) words.emplace_back(name);
  };
  auto pair = [&](RaidFlag flag, absl::string_view name, auto value) {
    if (!rs.Has(flag)) return;
    words.emplace_back(name);
    words.push_back(absl::StrCat(value));
  };
  auto indices = [&](absl::string_view name, bool RaidDev::*field) {
    for (size_t i = 0; i < rs.devs.size(); ++i) {
      if (!(rs.devs[i].*field)) continue;
      words.emplace_back(name);
      words.push_back(absl::StrCat(i));
    }
  };
  alone(kSync, "sync");
  alone(kNosync, "nosync");
  indices("rebuild", &RaidDev::rebuild);
  pair(kDaemonSleep, "daemon_sleep", rs.daemon_sleep);
  pair(kMinRecoveryRate, "min_recovery_rate", rs.min_recovery_rate);
  pair(kMaxRecoveryRate, "max_recovery_rate", rs.max_recovery_rate);
  indices("write_mostly", &RaidDev::write_mostly);
  pair(kMaxWriteBehind, "max_write_behind", rs.max_write_behind);
  pair(kStripeCache, "stripe_cache", rs.stripe_cache);
  pair(kRegionSize, "region_size", rs.region_size);
  pair(kRaid10Copies, "raid10_copies", rs.raid10_copies);
  pair(kRaid10Format, "raid10_format", FormatName(rs.raid10_format));
  // Where nothing is reshaped md has taken back that devices go.
  pair(kDeltaDisks, "delta_disks",
       rs.type->is_raid1() ? rs.delta_disks : std::max(rs.delta_disks, 0));
  pair(kDataOffset, "data_offset", rs.data_offset);
  if (rs.journal_dev != nullptr) {
    words.insert(words.end(), {"journal_dev", rs.journal_dev->name});
  }
  return words;
}

void RaidTable(const RaidSet& rs, std::string* out) {
  const std::vector<std::string> params = Params(rs);
  // This one is counted, but not shown.
  const size_t hidden = rs.Has(kRaid10UseNearSets) ? 1 : 0;
  absl::StrAppend(out, rs.asked->name, " ", params.size() + hidden, " ",
                  absl::StrJoin(params, " "), " ", rs.disks());
  for (const RaidDev& dev : rs.devs) {
    absl::StrAppend(out, " ", dev.meta != nullptr ? dev.meta->name : "-", " ",
                    dev.data != nullptr ? dev.data->name : "-");
  }
}

// Before, a message reached a set that is suspended, and these two words ended
// what was going on and were done.
constexpr Since<bool> kIdleFallsThrough[] = {{{6, 8}, true}};

bool Is(absl::string_view word, absl::string_view known) {
  return absl::EqualsIgnoreCase(word, known);
}

// raid_message(), of a set that has something to synchronise.
absl::Status Act(const DmTarget& ti, RaidSet& rs, absl::string_view word) {
  const bool newer = ValueAt<bool>(kIdleFallsThrough, ProfileOf(ti).release);
  const bool suspended = ti.table->md().suspended();
  if (newer && suspended) return ErrnoError(EBUSY, "suspended");
  rs.frozen = !newer && Is(word, "frozen");
  if (Is(word, "idle") || Is(word, "frozen")) {
    return newer ? ErrnoError(EINVAL, "unknown action") : absl::OkStatus();
  }
  if (SyncAction(ti, rs) != "idle") return ErrnoError(EBUSY, "at work");
  const bool goes_through = Is(word, "check") || Is(word, "repair");
  if (!goes_through && !Is(word, "resync") && !Is(word, "recover")) {
    return ErrnoError(EINVAL, "unknown action");
  }
  if (suspended && goes_through) {
    rs.pending = absl::AsciiStrToLower(word);
  } else {
    RunRaidAction(ti, word);
  }
  return absl::OkStatus();
}

void RaidIma(const DmTarget& ti, const RaidSet& rs, std::string* out) {
  const absl::string_view action = SyncAction(ti, rs);
  absl::StrAppend(out, DmTargetNameVersion(ti), ",raid_type=", LayoutName(rs),
                  ",raid_disks=", rs.disks(), ",raid_state=", action);
  const std::vector<RaidMember> members = rs.Members();
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    absl::StrAppend(out, ",raid_device_", i, "_status=",
                    std::string(1, Health(rs.devs[i], members[i], action)));
  }
  if (rs.type->is_raid456()) {
    absl::StrAppend(out, ",journal_dev_mode=",
                    rs.journal_writeback ? "writeback" : "writethrough");
  }
  out->push_back(';');
}

}  // namespace

void RaidStatus(const DmTarget& ti, StatusType type, uint32_t /*status_flags*/,
                std::string* out) {
  const RaidSet& rs = ti.Private<RaidSet>();
  if (type == STATUSTYPE_INFO) RaidInfo(ti, rs, out);
  if (type == STATUSTYPE_TABLE) RaidTable(rs, out);
  if (type == STATUSTYPE_IMA) RaidIma(ti, rs, out);
}

absl::StatusOr<std::string> RaidMessage(DmTarget& ti,
                                        absl::Span<const std::string> argv) {
  RaidSet& rs = ti.Private<RaidSet>();
  // raid0 has nothing to synchronise.
  if (rs.type->is_raid0()) return ErrnoError(EINVAL, "raid0");
  absl::Status s = Act(ti, rs, argv[0]);
  if (!s.ok()) return s;
  return "";
}

}  // namespace dmdax
