// SPDX-License-Identifier: Apache-2.0
//
// raid: its parameters that are numbers.
// Mirrors: parse_raid_params of drivers/md/dm-raid.c.
#include <cstdlib>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/targets/raid/dm_raid.h"

namespace dmdax {

absl::Status SetRaidFlag(RaidFlag flag, absl::string_view error, RaidSet* rs) {
  if (rs->Has(flag)) return DmError(error);
  rs->flags |= flag;
  return absl::OkStatus();
}

std::optional<int> ParseRaidInt(absl::string_view text) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  if (negative && absl::StartsWith(text, "+")) return std::nullopt;
  absl::StatusOr<uint64_t> number = KstrtoU64(text);
  const uint64_t most = uint64_t{0x7fffffff} + (negative ? 1 : 0);
  if (!number.ok() || *number > most) return std::nullopt;
  const auto value = static_cast<int64_t>(*number);
  return static_cast<int>(negative ? -value : value);
}

namespace {

constexpr uint32_t kMaxDevices = 253;

bool IsIndex(int value, const RaidSet& rs) {
  return value >= 0 && static_cast<uint32_t>(value) < rs.disks();
}

absl::Status SetRebuild(const DmTarget&, int value, RaidSet* rs) {
  if (!IsIndex(value, *rs)) return DmError("Invalid rebuild index given");
  RaidDev& dev = rs->devs[static_cast<size_t>(value)];
  if (dev.rebuild) return DmError("rebuild for this index already given");
  dev.rebuild = true;
  rs->flags |= kRebuild;
  return absl::OkStatus();
}

absl::Status SetWriteMostly(const DmTarget&, int value, RaidSet* rs) {
  if (!rs->type->is_raid1()) {
    return DmError("write_mostly option is only valid for RAID1");
  }
  if (!IsIndex(value, *rs)) return DmError("Invalid write_mostly index given");
  rs->devs[static_cast<size_t>(value)].write_mostly = true;
  rs->flags |= kWriteMostly;
  return absl::OkStatus();
}

// What the bitmap can count; 7.2 no longer asks.
constexpr Since<int> kMaxWriteBehindKb[] = {
    {k4_14, 16383}, {k7_2, std::numeric_limits<int>::max()}};

absl::Status SetMaxWriteBehind(const DmTarget& ti, int value, RaidSet* rs) {
  if (!rs->type->is_raid1()) {
    return DmError("max_write_behind option is only valid for RAID1");
  }
  absl::Status s = SetRaidFlag(
      kMaxWriteBehind, "Only one max_write_behind argument pair allowed", rs);
  if (!s.ok()) return s;
  if (value < 0 ||
      value / 2 > ValueAt<int>(kMaxWriteBehindKb, ProfileOf(ti).release)) {
    return DmError("Max write-behind limit out of range");
  }
  rs->max_write_behind = value / 2;
  return absl::OkStatus();
}

absl::Status SetDaemonSleep(const DmTarget&, int value, RaidSet* rs) {
  absl::Status s = SetRaidFlag(
      kDaemonSleep, "Only one daemon_sleep argument pair allowed", rs);
  if (!s.ok()) return s;
  if (value < 0) return DmError("daemon sleep period out of range");
  rs->daemon_sleep = value;
  return absl::OkStatus();
}

absl::Status SetDataOffset(const DmTarget&, int value, RaidSet* rs) {
  constexpr int kMinReshapeSpace = 32;  // sectors
  absl::Status s = SetRaidFlag(
      kDataOffset, "Only one data_offset argument pair allowed", rs);
  if (!s.ok()) return s;
  if (value < 0 ||
      (value != 0 && (value < kMinReshapeSpace || value % 8 != 0))) {
    return DmError("Bogus data_offset value");
  }
  rs->data_offset = value;
  return absl::OkStatus();
}

absl::Status SetDeltaDisks(const DmTarget&, int value, RaidSet* rs) {
  absl::Status s = SetRaidFlag(
      kDeltaDisks, "Only one delta_disks argument pair allowed", rs);
  if (!s.ok()) return s;
  const int64_t size = std::llabs(value);
  if (size < 1 || size > int64_t{kMaxDevices} - rs->type->minimal_devs) {
    return DmError("Too many delta_disk requested");
  }
  rs->delta_disks = value;
  return absl::OkStatus();
}

absl::Status SetStripeCache(const DmTarget&, int value, RaidSet* rs) {
  absl::Status s = SetRaidFlag(
      kStripeCache, "Only one stripe_cache argument pair allowed", rs);
  if (!s.ok()) return s;
  if (!rs->type->is_raid456()) {
    return DmError("Inappropriate argument: stripe_cache");
  }
  if (value < 0) return DmError("Bogus stripe cache entries value");
  rs->stripe_cache = value;
  return absl::OkStatus();
}

absl::Status SetMinRate(const DmTarget&, int value, RaidSet* rs) {
  absl::Status s = SetRaidFlag(
      kMinRecoveryRate, "Only one min_recovery_rate argument pair allowed", rs);
  if (!s.ok()) return s;
  if (value < 0) return DmError("min_recovery_rate out of range");
  rs->min_recovery_rate = value;
  return absl::OkStatus();
}

absl::Status SetMaxRate(const DmTarget&, int value, RaidSet* rs) {
  absl::Status s = SetRaidFlag(
      kMaxRecoveryRate, "Only one max_recovery_rate argument pair allowed", rs);
  if (!s.ok()) return s;
  if (value < 0) return DmError("max_recovery_rate out of range");
  rs->max_recovery_rate = value;
  return absl::OkStatus();
}

absl::Status SetRegionSize(const DmTarget&, int value, RaidSet* rs) {
  absl::Status s = SetRaidFlag(
      kRegionSize, "Only one region_size argument pair allowed", rs);
  if (!s.ok()) return s;
  rs->region_size = static_cast<uint32_t>(value);
  return absl::OkStatus();
}

absl::Status SetCopies(const DmTarget&, int value, RaidSet* rs) {
  absl::Status s = SetRaidFlag(
      kRaid10Copies, "Only one raid10_copies argument pair allowed", rs);
  if (!s.ok()) return s;
  if (value < 2 || static_cast<uint32_t>(value) > rs->disks()) {
    return DmError("Bad value for 'raid10_copies'");
  }
  rs->raid10_copies = static_cast<uint32_t>(value);
  return absl::OkStatus();
}

struct NumberParam {
  absl::string_view name;
  absl::Status (*set)(const DmTarget& ti, int value, RaidSet* rs);
};
constexpr NumberParam kNumbers[] = {{"rebuild", SetRebuild},
                                    {"write_mostly", SetWriteMostly},
                                    {"max_write_behind", SetMaxWriteBehind},
                                    {"daemon_sleep", SetDaemonSleep},
                                    {"data_offset", SetDataOffset},
                                    {"delta_disks", SetDeltaDisks},
                                    {"stripe_cache", SetStripeCache},
                                    {"min_recovery_rate", SetMinRate},
                                    {"max_recovery_rate", SetMaxRate},
                                    {"region_size", SetRegionSize},
                                    {"raid10_copies", SetCopies}};

}  // namespace

absl::Status ParseRaidNumber(const DmTarget& ti, const std::string& key,
                             const std::string& value, RaidSet* rs) {
  const std::optional<int> number = ParseRaidInt(value);
  if (!number.has_value()) {
    return DmError("Bad numerical argument given in raid params");
  }
  for (const NumberParam& param : kNumbers) {
    if (absl::EqualsIgnoreCase(key, param.name)) {
      return param.set(ti, *number, rs);
    }
  }
  constexpr char kUnknown[] = "Unable to parse RAID parameter";
  DmLog(MachineOf(ti), KernLevel::kErr, "raid",
        absl::StrCat(kUnknown, ": ", key));
  return DmError(kUnknown);
}

}  // namespace dmdax
