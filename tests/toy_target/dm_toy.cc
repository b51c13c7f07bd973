// SPDX-License-Identifier: Apache-2.0
//
// toy: the pages of a device, last first.
//
//   toy <dev>
//
// Not a target of any kernel: it shows that a new target is one new file, and
// what else than its functions others may ask of it.
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

struct ToyC : DmTargetPrivate {
  const DmDev* dev;
};

absl::Status ToyCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() != 1) return DmError("Invalid argument count");
  if (ti.len.value() % kPageSectors != 0) {
    return DmError("Target length is not in whole pages");
  }
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[0], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  auto tc = std::make_unique<ToyC>();
  tc->dev = *dev;
  ti.private_data = std::move(tc);
  return DmSetTargetMaxIoLen(ti, kPageSectors);
}

sector_t ToyMapSector(const DmTarget& ti, sector_t sector) {
  const uint64_t offset = ti.Offset(sector);
  const uint64_t page = offset / kPageSectors;
  const uint64_t last = ti.len.value() / kPageSectors - 1;
  return PageToSector(pgoff_t(last - page)) + offset % kPageSectors;
}

BioMap ToyMap(const DmTarget& ti, sector_t sector, ReqOp) {
  return {BioMap::Kind::kRemapped, ti.Private<ToyC>().dev,
          ToyMapSector(ti, sector), 0};
}

void ToyStatus(const DmTarget& ti, StatusType type, uint32_t /*status_flags*/,
               std::string* out) {
  if (type != STATUSTYPE_TABLE) return;
  absl::StrAppend(out, ti.Private<ToyC>().dev->name);
}

int ToyIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  return fn(*ti.Private<ToyC>().dev, sector_t{0}, ti.len);
}

DaxAccess ToyDaxDirectAccess(const DmTarget& ti, pgoff_t pgoff,
                             int64_t nr_pages, DaxAccessMode mode,
                             Trace* trace) {
  return DmDaxForward(ti, *ti.Private<ToyC>().dev,
                      ToyMapSector(ti, PageToSector(pgoff)), pgoff, nr_pages,
                      mode, trace);
}

const TargetType kToyTarget = {
    .name = "toy",
    .versions = DmVersion(0, 9, 0),
    .registered = 50,  // after all real ones: listed first
    .ctr = ToyCtr,
    .map = ToyMap,
    .status = ToyStatus,
    .iterate_devices = ToyIterateDevices,
    .direct_access = ToyDaxDirectAccess,
    .example = {.length = 2048, .params = "/dev/pmem0"},
};
DM_REGISTER_TARGET(kToyTarget);

}  // namespace
}  // namespace dmdax
