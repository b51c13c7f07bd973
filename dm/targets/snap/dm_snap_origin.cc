// SPDX-License-Identifier: Apache-2.0
//
// snapshot-origin: a device that has snapshots; what is about to be
// overwritten is first copied to them.
//
//   snapshot-origin <dev>
//
// Sectors are passed on unchanged: the row's start is not subtracted.
// Mirrors origin_* of drivers/md/dm-snap.c (4.14 to 7.2).  4.14 had a
// direct_access that only failed (EIO, with a warning).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dm/device_mapper.h"
#include "dm/targets/snap/dm_snap.h"

namespace dmdax {
namespace {

struct DmOrigin : DmTargetPrivate {
  const DmDev* dev;
};

absl::Status OriginCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() != 1) {
    return DmError("origin: incorrect number of arguments");
  }
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[0], "Cannot get target device");
  if (!dev.ok()) return dev.status();
  auto o = std::make_unique<DmOrigin>();
  o->dev = *dev;
  ti.private_data = std::move(o);
  ti.num_flush_bios = 1;
  return absl::OkStatus();
}

BioMap OriginMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const DmOrigin& o = ti.Private<DmOrigin>();
  if (op == ReqOp::kWrite || op == ReqOp::kWriteZeroes) {
    std::lock_guard<std::recursive_mutex> lock(SnapMutex());
    OriginWrite(*o.dev->bdev, sector);
  }
  return {BioMap::Kind::kRemapped, o.dev, sector, 0};
}

// I/O must not span two chunks of any snapshot.
void OriginResume(DmTarget& ti) {
  std::lock_guard<std::recursive_mutex> lock(SnapMutex());
  ti.max_io_len = MinimumChunkSize(*ti.Private<DmOrigin>().dev->bdev);
}

void OriginStatus(const DmTarget& ti, StatusType type,
                  uint32_t /*status_flags*/, std::string* out) {
  if (type != STATUSTYPE_TABLE) return;
  absl::StrAppend(out, ti.Private<DmOrigin>().dev->name);
}

int OriginIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  return fn(*ti.Private<DmOrigin>().dev, sector_t{0}, ti.len);
}

DaxAccess OriginDaxDirectAccess(const DmTarget& ti, pgoff_t pgoff,
                                int64_t nr_pages, DaxAccessMode mode,
                                Trace* trace) {
  DmLog(MachineOf(ti), KernLevel::kWarn, "snapshots",
        "device does not support dax.");
  return DmDaxRefuse(ti, EIO, pgoff, nr_pages, mode, trace);
}

const TargetType kOriginTargetV4_14 = {
    .name = "snapshot-origin",
    .versions = {{k4_14, 1, 9, 0}, GoneSince(k5_10)},
    .registered = 7,
    .knows_others = true,
    .ctr = OriginCtr,
    .map = OriginMap,
    .status = OriginStatus,
    .resume = OriginResume,
    .iterate_devices = OriginIterateDevices,
    .direct_access = OriginDaxDirectAccess,
    .dax_function = "origin_dax_direct_access",
    .example = {.length = 2048, .params = "/dev/pmem0"},
};
DM_REGISTER_TARGET(kOriginTargetV4_14);

const TargetType kOriginTarget = {
    .name = "snapshot-origin",
    .versions = {{k5_10, 1, 9, 0}},
    .registered = 7,
    .knows_others = true,
    .ctr = OriginCtr,
    .map = OriginMap,
    .status = OriginStatus,
    .resume = OriginResume,
    .iterate_devices = OriginIterateDevices,
    .example = {.length = 2048, .params = "/dev/pmem0"},
};
DM_REGISTER_TARGET(kOriginTarget);

}  // namespace
}  // namespace dmdax
