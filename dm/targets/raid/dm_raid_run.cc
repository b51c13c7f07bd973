// SPDX-License-Identifier: Apache-2.0
//
// raid: starting a set, in md's words.
//
// md calls every set of device-mapper "mdX".
// Mirrors: md_run of drivers/md/md.c, raid0_run, raid1_run, raid10_run,
// raid5_run of drivers/md/raid*.c, rs_set_raid456_stripe_cache of dm-raid.c.
#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "dm/dm_table.h"
#include "dm/targets/raid/dm_raid.h"
#include "dm/targets/raid/dm_raid_md.h"

namespace dmdax {
namespace {

constexpr char kFailed[] = "Failed to run raid array";

void MdLog(const DmTarget& ti, KernLevel level, absl::string_view text) {
  MachineOf(ti).log().Printk(level, text);
}

uint32_t Working(const RaidSet& rs) {
  return rs.disks() - RaidDegraded(rs, rs.Members());
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
  if (Working(*rs) == 0) return ErrnoError(EINVAL, kFailed);
  LogNotClean(ti, *rs, "raid1");
  MdLog(ti, KernLevel::kInfo,
        absl::StrCat("md/raid1:mdX: active with ", Working(*rs), " out of ",
                     rs->disks(), " mirrors"));
  rs->resync_max_sectors = rs->dev_sectors;
  return absl::OkStatus();
}

absl::Status RunRaid10(const DmTarget& ti, RaidSet* rs) {
  // Without superblocks its format is device-mapper's own number, which md
  // does not know.
  if (!rs->is_new && !rs->has_bitmap && !ti.table->restoring()) {
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
  if (!RaidHasEnough(*rs, rs->Members())) {
    return Fail(ti, EIO, "md/raid10:mdX: not enough operational mirrors.");
  }
  LogNotClean(ti, *rs, "raid10");
  MdLog(ti, KernLevel::kInfo,
        absl::StrCat("md/raid10:mdX: active with ", Working(*rs), " out of ",
                     rs->disks(), " devices"));
  rs->dev_sectors = used;
  rs->array_sectors = rs->resync_max_sectors = chunks * rs->chunk_sectors;
  // What has grown is counted as of one device.
  if (rs->grows) rs->resync_max_sectors = rs->dev_sectors;
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

// only_parity(): how many devices that are there, but not in sync, have nothing
// but parity.
uint32_t ParityToCome(const RaidSet& rs) {
  constexpr int kParity0 = 4, kParityN = 5, kLeftAsymmetric6 = 16;
  const std::vector<RaidMember> members = rs.Members();
  const uint32_t disks = rs.disks(), parity = rs.type->parity_devs;
  const int algorithm = rs.type->algorithm;
  uint32_t count = 0;
  for (uint32_t i = 0; i < disks; ++i) {
    if (!RaidTakes(rs, members, i) || members[i].in_sync) continue;
    const bool only = algorithm == kParity0 ? i < parity
                      : algorithm == kParityN
                          ? i >= disks - parity
                          : algorithm >= kLeftAsymmetric6 && i == disks - 1;
    if (only) ++count;
  }
  return count;
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
    if (!RaidServes(*rs, rs->Members(), i)) continue;
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
  if (missing > ParityToCome(*rs) && rs->NeedsResync()) {
    MdLog(ti, KernLevel::kCrit,
          "md/raid:mdX: cannot start dirty degraded array.");
    return Fail(ti, EIO, "md/raid:mdX: failed to run raid set.");
  }
  rs->dev_sectors -= rs->dev_sectors % rs->chunk_sectors;
  rs->resync_max_sectors = rs->dev_sectors;
  rs->array_sectors = rs->dev_sectors * rs->data_stripes();
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
  // md_bitmap_create() reads what is said to be there.
  if (!s.ok() || rs->is_new || ti.table->restoring()) return s;
  const int err = LoadRaidBitmap(ti, TakesBitmap::kNo, rs);
  return err == 0
             ? s
             : Fail(ti, err,
                    absl::StrCat("mdX: failed to create bitmap (", -err, ")"));
}

}  // namespace dmdax
