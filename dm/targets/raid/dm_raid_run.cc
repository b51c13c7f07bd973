// SPDX-License-Identifier: Apache-2.0
//
// raid: starting a set, in md's words.
//
// md calls every set of device-mapper "mdX".
// Mirrors: md_run of drivers/md/md.c, raid0_run, raid1_run, raid10_run,
// raid5_run of drivers/md/raid*.c, rs_set_raid456_stripe_cache of dm-raid.c.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "dm/targets/raid/dm_raid.h"

namespace dmdax {
namespace {

constexpr char kFailed[] = "Failed to run raid array";

void MdLog(const DmTarget& ti, KernLevel level, absl::string_view text) {
  MachineOf(ti).log().Printk(level, text);
}

uint32_t Working(const RaidSet& rs) {
  return static_cast<uint32_t>(
      std::count_if(rs.devs.begin(), rs.devs.end(),
                    [](const RaidDev& dev) { return dev.data != nullptr; }));
}

// Two devices of one disk do not protect each other.
void WarnOfSharedDisks(const DmTarget& ti, const RaidSet& rs) {
  bool warned = false;
  for (size_t i = 0; i < rs.devs.size(); ++i) {
    for (size_t j = i + 1; j < rs.devs.size(); ++j) {
      const DmDev* a = rs.devs[i].data;
      const DmDev* b = rs.devs[j].data;
      if (a == nullptr || b == nullptr ||
          &a->bdev->whole() != &b->bdev->whole()) {
        continue;
      }
      MdLog(ti, KernLevel::kWarn,
            absl::StrCat("mdX: WARNING: ", a->bdev->name(),
                         " appears to be on the same physical disk as ",
                         b->bdev->name(), "."));
      warned = true;
    }
  }
  if (!warned) return;
  MdLog(ti, KernLevel::kWarn,
        "True protection against single-disk failure might be compromised.");
}

absl::Status Fail(const DmTarget& ti, int err, absl::string_view line) {
  MdLog(ti, KernLevel::kWarn, line);
  return ErrnoError(err, kFailed);
}

absl::Status RunRaid0(const DmTarget& ti, RaidSet* rs) {
  uint32_t block = 512;
  for (const RaidDev& dev : rs->devs) {
    if (dev.data == nullptr) continue;
    block =
        std::max(block, dev.data->bdev->queue().limits().logical_block_size);
  }
  const uint32_t chunk = rs->chunk_sectors << kSectorShift;
  if (chunk % block != 0) {
    return Fail(ti, EINVAL,
                absl::StrCat("md/raid0:mdX: chunk_size of ", chunk,
                             " not multiple of block size ", block));
  }
  if (Working(*rs) != rs->disks()) {
    return Fail(ti, EINVAL,
                absl::StrCat("md/raid0:mdX: too few disks (", Working(*rs),
                             " of ", rs->disks(), ") - aborting!"));
  }
  rs->resync_max_sectors = rs->dev_sectors;
  return absl::OkStatus();
}

void LogNotClean(const DmTarget& ti, const RaidSet& rs,
                 absl::string_view personality) {
  if (!rs.NeedsResync()) return;
  MdLog(ti, KernLevel::kInfo,
        absl::StrCat("md/", personality,
                     ":mdX: not clean -- starting background reconstruction"));
}

absl::Status RunRaid1(const DmTarget& ti, RaidSet* rs) {
  LogNotClean(ti, *rs, "raid1");
  MdLog(ti, KernLevel::kInfo,
        absl::StrCat("md/raid1:mdX: active with ", Working(*rs), " out of ",
                     rs->disks(), " mirrors"));
  rs->resync_max_sectors = rs->dev_sectors;
  return absl::OkStatus();
}

// enough(): of each group of neighbours that are copies, one is there.
bool EnoughMirrors(const RaidSet& rs) {
  const size_t n = rs.devs.size();
  size_t first = 0;
  do {
    bool any = false;
    for (uint32_t i = 0; i < rs.raid10_copies; ++i) {
      any |= rs.devs[(first + i) % n].data != nullptr;
    }
    if (!any) return false;
    first = (first + rs.raid10_copies) % n;
  } while (first != 0);
  return true;
}

absl::Status RunRaid10(const DmTarget& ti, RaidSet* rs) {
  // Only a set that is new gets md's number for its format; another keeps
  // device-mapper's own, which md does not know.
  if (!rs->is_new) {
    return Fail(ti, EINVAL,
                absl::StrFormat("md/raid10:mdX: unsupported raid10 layout: "
                                "0x%8x",
                                rs->type->algorithm));
  }
  const bool near =
      rs->raid10_format == kRaid10Default || rs->raid10_format == kNear;
  const uint64_t near_copies = near ? rs->raid10_copies : 1;
  const uint64_t far_copies = near ? 1 : rs->raid10_copies;
  // calc_sectors(): whole chunks of the array, then of each device.
  uint64_t chunks = rs->dev_sectors / rs->chunk_sectors / far_copies *
                    rs->disks() / near_copies;
  const uint64_t used = (chunks * rs->raid10_copies + rs->disks() - 1) /
                        rs->disks() * rs->chunk_sectors;
  chunks = used / rs->chunk_sectors / far_copies * rs->disks() / near_copies;
  if (!EnoughMirrors(*rs)) {
    return Fail(ti, EIO, "md/raid10:mdX: not enough operational mirrors.");
  }
  LogNotClean(ti, *rs, "raid10");
  MdLog(ti, KernLevel::kInfo,
        absl::StrCat("md/raid10:mdX: active with ", Working(*rs), " out of ",
                     rs->disks(), " devices"));
  rs->dev_sectors = used;
  rs->resync_max_sectors = chunks * rs->chunk_sectors;
  return absl::OkStatus();
}

// rs_set_raid456_stripe_cache().
absl::Status SetStripeCache(const DmTarget& ti, RaidSet* rs) {
  constexpr int kInitial = 256, kLeast = 17, kMost = 32768;
  const int least = static_cast<int>(rs->chunk_sectors / 2);
  if (rs->stripe_cache < least) {
    DmLog(MachineOf(ti), KernLevel::kInfo, "raid",
          absl::StrCat("Adjusting requested ", rs->stripe_cache,
                       " stripe cache entries to ", least,
                       " to suit stripe size"));
    rs->stripe_cache = least;
  }
  if (rs->stripe_cache == kInitial) return absl::OkStatus();
  if (rs->stripe_cache < kLeast || rs->stripe_cache > kMost) {
    return DmError("Failed to set raid4/5/6 stripe cache size");
  }
  DmLog(MachineOf(ti), KernLevel::kInfo, "raid",
        absl::StrCat(rs->stripe_cache, " stripe cache entries"));
  return absl::OkStatus();
}

absl::Status RunRaid456(const DmTarget& ti, RaidSet* rs) {
  constexpr uint32_t kLeastRaid6 = 4;
  LogNotClean(ti, *rs, "raid");
  if (rs->type->level == 6 && rs->disks() < kLeastRaid6) {
    return Fail(ti, EINVAL,
                absl::StrCat("md/raid:mdX: not enough configured devices (",
                             rs->disks(), ", minimum ", kLeastRaid6, ")"));
  }
  for (size_t i = 0; i < rs->devs.size(); ++i) {
    if (rs->devs[i].data == nullptr) continue;
    MdLog(ti, KernLevel::kInfo,
          absl::StrCat("md/raid:mdX: device ", rs->devs[i].data->bdev->name(),
                       " operational as raid disk ", i));
  }
  const uint32_t missing = rs->disks() - Working(*rs);
  if (missing > rs->type->parity_devs) {
    MdLog(ti, KernLevel::kErr,
          absl::StrCat("md/raid:mdX: not enough operational devices (", missing,
                       "/", rs->disks(), " failed)"));
    return Fail(ti, EIO, "md/raid:mdX: failed to run raid set.");
  }
  // Parity that may be wrong stands for nothing.
  if (missing > 0 && rs->NeedsResync()) {
    MdLog(ti, KernLevel::kCrit,
          "md/raid:mdX: cannot start dirty degraded array.");
    return Fail(ti, EIO, "md/raid:mdX: failed to run raid set.");
  }
  rs->dev_sectors -= rs->dev_sectors % rs->chunk_sectors;
  rs->resync_max_sectors = rs->dev_sectors;
  MdLog(ti, KernLevel::kInfo,
        absl::StrCat("md/raid:mdX: raid level ", rs->type->level,
                     " active with ", Working(*rs), " out of ", rs->disks(),
                     " devices, algorithm ", rs->type->algorithm));
  return SetStripeCache(ti, rs);
}

absl::Status RunPersonality(const DmTarget& ti, RaidSet* rs) {
  switch (rs->type->level) {
    case 0:
      return RunRaid0(ti, rs);
    case 1:
      return RunRaid1(ti, rs);
    case 10:
      return RunRaid10(ti, rs);
    default:
      return RunRaid456(ti, rs);
  }
}

}  // namespace

absl::Status RunRaid(DmTarget& ti, RaidSet* rs) {
  if (!rs->type->is_raid0()) WarnOfSharedDisks(ti, *rs);
  absl::Status s = RunPersonality(ti, rs);
  if (!s.ok() && s.message() == kFailed) {
    MdLog(ti, KernLevel::kWarn, "md: pers->run() failed ...");
  }
  return s;
}

void RaidResume(DmTarget& ti) {
  RaidSet& rs = ti.Private<RaidSet>();
  rs.frozen.reset();
  if (!rs.pending.empty()) {
    RunRaidAction(ti, std::exchange(rs.pending, ""));
  }
  if (std::exchange(rs.resumed, true)) return;
  // raid1_reshape(): it gives no leg away that is there.
  if (rs.type->is_raid1() && rs.delta_disks < 0) {
    DmLog(MachineOf(ti), KernLevel::kInfo, "raid",
          "Failed to check/start reshape, continuing without change");
  }
  if (rs.has_metadata && rs.is_new) {
    MdLog(ti, KernLevel::kInfo,
          "mdX: bitmap file is out of date, doing full recovery");
  }
  if (!rs.NeedsResync()) return;
  MdLog(ti, KernLevel::kInfo, "md: resync of RAID array mdX");
  ResyncLegs(rs);
  MdLog(ti, KernLevel::kInfo, "md: mdX: resync done.");
  DmTableEvent(ti);
}

void RaidPostsuspend(DmTarget& ti) { ti.Private<RaidSet>().frozen.reset(); }

}  // namespace dmdax
