// SPDX-License-Identifier: Apache-2.0
//
// raid: md's personalities under device-mapper.
//
//   raid <raid type> <#params> <param> ... <#devs> [<meta dev|->
//   <dev|->]{#devs}
//
// A resync and a recovery take no time here.  A set that is reshaped or
// journaled is not modelled.  dm_raid_params.cc has the parameters,
// dm_raid_assemble.cc what superblocks say, dm_raid_run.cc what md says,
// dm_raid_md.cc which devices have failed, dm_raid_recover.cc how they come
// back.
// Mirrors drivers/md/dm-raid.c (4.14 to 7.3).
#include "dm/targets/raid/dm_raid.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/targets/raid/dm_raid_md.h"

namespace dmdax {
namespace {

// Of raid4/5/6 the algorithm is the number that md shows.
constexpr RaidType kRaidTypes[] = {{"raid0", 0, 2, 0, 0},
                                   {"raid1", 0, 2, 1, 0},
                                   {"raid10_far", 0, 2, 10, kFar},
                                   {"raid10_offset", 0, 2, 10, kOffset},
                                   {"raid10_near", 0, 2, 10, kNear},
                                   {"raid10", 0, 2, 10, kRaid10Default},
                                   {"raid4", 1, 2, 5, 4},
                                   {"raid5_n", 1, 2, 5, 5},
                                   {"raid5_ls", 1, 2, 5, 2},
                                   {"raid5_rs", 1, 2, 5, 3},
                                   {"raid5_la", 1, 2, 5, 0},
                                   {"raid5_ra", 1, 2, 5, 1},
                                   {"raid6_zr", 2, 4, 6, 8},
                                   {"raid6_nr", 2, 4, 6, 9},
                                   {"raid6_nc", 2, 4, 6, 10},
                                   {"raid6_n_6", 2, 4, 6, 5},
                                   {"raid6_ls_6", 2, 4, 6, 18},
                                   {"raid6_rs_6", 2, 4, 6, 19},
                                   {"raid6_la_6", 2, 4, 6, 16},
                                   {"raid6_ra_6", 2, 4, 6, 17}};

absl::Status ParseDevice(DmTarget& ti, DmArgSet& as, RaidDev* dev) {
  const std::string* meta = as.Shift();
  if (meta == nullptr) return DmError("Unknown error");
  if (*meta != "-") {
    absl::StatusOr<const DmDev*> opened =
        DmGetDevice(ti, *meta, "RAID metadata device lookup failure");
    if (!opened.ok()) return opened.status();
    dev->meta = *opened;
  }
  const std::string* data = as.Shift();
  if (data == nullptr) return DmError("Unknown error");
  if (*data == "-") {
    if (dev->rebuild) {
      return DmError("Drive designated for rebuild not specified");
    }
    if (dev->meta != nullptr) {
      return DmError("No data device supplied with metadata device");
    }
    return absl::OkStatus();
  }
  absl::StatusOr<const DmDev*> opened =
      DmGetDevice(ti, *data, "RAID device lookup failure");
  if (!opened.ok()) return opened.status();
  dev->data = *opened;
  return absl::OkStatus();
}

// parse_dev_params(): the first word is their number, which is known.
absl::Status ParseDevices(DmTarget& ti, DmArgSet& as, RaidSet* rs) {
  if (as.Shift() == nullptr) return DmError("Unknown error");
  for (RaidDev& dev : rs->devs) {
    absl::Status s = ParseDevice(ti, as, &dev);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RaidSet>> AllocRaidSet(const RaidType& type,
                                                      uint32_t devs) {
  constexpr uint32_t kMaxDevices = 253;
  if (devs > kMaxDevices) {
    return DmError("Invalid number of supplied raid devices");
  }
  if (devs <= type.parity_devs) {
    return DmError("Insufficient number of devices");
  }
  auto rs = std::make_unique<RaidSet>();
  rs->type = rs->asked = &type;
  rs->devs.resize(devs);
  absl::MutexLock lock(&rs->mu);
  rs->md.members.resize(devs);
  return rs;
}

// configure_discard_support().
void ConfigureDiscards(DmTarget& ti, const RaidSet& rs) {
  for (const RaidDev& dev : rs.devs) {
    if (dev.data == nullptr ||
        dev.data->bdev->queue().limits().max_discard_sectors == 0) {
      return;
    }
    // The first one is enough to be told.
    if (rs.type->is_raid456()) break;
  }
  if (!rs.type->is_raid456()) {
    ti.num_discard_bios = 1;
    return;
  }
  for (const char* line :
       {"raid456 discard support disabled due to discard_zeroes_data "
        "uncertainty.",
        "Set dm-raid.devices_handle_discard_safely=Y to override."}) {
    DmLog(MachineOf(ti), KernLevel::kErr, "raid", line);
  }
}

absl::Status StartRaid(DmTarget& ti, RaidSet* rs) {
  absl::Status s = DivideRaidSectors(ti, rs);
  if (s.ok()) s = AssembleRaid(ti, rs);
  if (s.ok()) s = RunRaid(ti, rs);
  return s;
}

absl::Status RaidCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  const std::string* name = as.Shift();
  if (name == nullptr) return DmError("No arguments");
  const RaidType* type = FindRaidType(*name);
  if (type == nullptr) return DmError("Unrecognised raid_type");
  absl::StatusOr<uint32_t> params =
      as.ReadArgGroup({0, static_cast<uint32_t>(argv.size()),
                       "Cannot understand number of raid parameters"});
  if (!params.ok()) return params.status();
  DmArgSet rest = as;
  rest.Consume(*params);
  // If no word is left, the upper bound wraps, and the kernel complains of the
  // missing word instead.
  const uint32_t max_devs = rest.argc() == 0
                                ? ~uint32_t{0} / 2
                                : (static_cast<uint32_t>(rest.argc()) - 1) / 2;
  absl::StatusOr<uint32_t> devs = rest.ReadArg(
      {1, max_devs, "Cannot understand number of raid devices parameters"});
  if (!devs.ok()) return devs.status();
  absl::StatusOr<std::unique_ptr<RaidSet>> rs = AllocRaidSet(*type, *devs);
  if (!rs.ok()) return rs.status();
  absl::Status s = ParseRaidParams(ti, as, *params, rs->get());
  if (s.ok()) s = ParseDevices(ti, as, rs->get());
  if (s.ok()) s = StartRaid(ti, rs->get());
  if (!s.ok()) return s;
  ConfigureDiscards(ti, **rs);
  ti.num_flush_bios = 1;
  ti.private_data = *std::move(rs);
  return absl::OkStatus();
}

int RaidIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const RaidSet& rs = ti.Private<RaidSet>();
  for (const RaidDev& dev : rs.devs) {
    if (dev.data == nullptr) continue;
    if (int ret = fn(*dev.data, sector_t{0}, sector_t(rs.dev_sectors))) {
      return ret;
    }
  }
  return 0;
}

// raid0 and raid10 take a discard of a chunk at most; later ones cut it up.
constexpr Since<bool> kCutsDiscards[] = {{{5, 11}, true}};

void RaidIoHints(const DmTarget& ti, QueueLimits& limits) {
  const RaidSet& rs = ti.Private<RaidSet>();
  const uint32_t chunk = rs.chunk_sectors << kSectorShift;
  if (chunk == 0) {
    limits.io_min =
        std::max(limits.logical_block_size, limits.physical_block_size);
    limits.io_opt = 0;
    return;
  }
  limits.io_min =
      std::max({chunk, limits.logical_block_size, limits.physical_block_size});
  limits.io_opt = chunk * rs.data_stripes();
  const bool striped = rs.type->is_raid0() || rs.type->is_raid10();
  if (striped && !ValueAt<bool>(kCutsDiscards, ProfileOf(ti).release)) {
    limits.discard_granularity = chunk;
    limits.max_discard_sectors = rs.chunk_sectors;
  }
}

const TargetType kRaidTarget = {
    .name = "raid",
    .versions = {{k4_14, 1, 13, 0}, {k5_10, 1, 15, 1}},
    .ctr = RaidCtr,
    .map = RaidMap,
    .submit = RaidSubmit,
    .io_failed = RaidIoFailed,
    .status = RaidStatus,
    .message = RaidMessage,
    .preresume = RaidPreresume,
    .resume = RaidResume,
    .postsuspend = RaidPostsuspend,
    .elapse = RaidElapse,
    .iterate_devices = RaidIterateDevices,
    .io_hints = RaidIoHints,
    .save_state = RaidSaveState,
    .restore_state = RaidRestoreState,
    .example = {.length = 2048, .params = "raid1 1 0 2 - /dev/sda - /dev/sdb"},
};
DM_REGISTER_TARGET(kRaidTarget);

}  // namespace

const RaidType* FindRaidType(absl::string_view name) {
  for (const RaidType& type : kRaidTypes) {
    if (absl::EqualsIgnoreCase(name, type.name)) return &type;
  }
  return nullptr;
}

const RaidType* FindRaidType(uint32_t level, uint32_t layout) {
  for (const RaidType& type : kRaidTypes) {
    if (type.level != level) continue;
    // Of raid10 any name will do.
    if (level == 10 || static_cast<uint32_t>(type.algorithm) == layout) {
      return &type;
    }
  }
  return nullptr;
}

// rs_set_dev_and_array_sectors().
absl::Status DivideRaidSectors(const DmTarget& ti, RaidSet* rs) {
  constexpr char kUneven[] =
      "Target length not divisible by number of data devices";
  const uint64_t len = ti.len.value();
  uint64_t sectors = len, array = len;
  if (rs->type->is_raid10()) {
    if (rs->delta_disks < 0) {
      return DmError("Bogus raid10 data copies or delta disks");
    }
    sectors *= rs->raid10_copies;
    if (sectors % rs->data_stripes() != 0) return DmError(kUneven);
    sectors /= rs->data_stripes();
    const uint64_t disks =
        rs->data_stripes() + static_cast<uint32_t>(rs->delta_disks);
    if (disks * sectors % rs->raid10_copies != 0) return DmError(kUneven);
    array = disks * sectors / rs->raid10_copies;
  } else if (!rs->type->is_raid1()) {
    if (sectors % rs->data_stripes() != 0) return DmError(kUneven);
    sectors /= rs->data_stripes();
  }
  rs->dev_sectors = rs->rdev_sectors = sectors;
  rs->array_sectors = array;
  for (const RaidDev& dev : rs->devs) {
    if (dev.data != nullptr && dev.data->bdev->nr_sectors() < sectors) {
      return DmError("Component device(s) too small");
    }
  }
  return absl::OkStatus();
}

}  // namespace dmdax
