// SPDX-License-Identifier: Apache-2.0
//
// linear: a range of another device.
//
//   linear <dev> <start>
//
//   dev    path or major:minor
//   start  first sector on dev
//
// Mirrors drivers/md/dm-linear.c (4.14 to 7.2).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/kstrtox.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

struct LinearC : DmTargetPrivate {
  const DmDev* dev;
  sector_t start;
};

void LinearCtrRange(DmTarget& ti, const DmDev* dev, sector_t start) {
  auto lc = std::make_unique<LinearC>();
  lc->dev = dev;
  lc->start = start;
  ti.private_data = std::move(lc);
  ti.num_flush_bios = 1;
  ti.num_discard_bios = 1;
  ti.num_secure_erase_bios = 1;
  ti.num_write_zeroes_bios = 1;
}

absl::Status LinearCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() != 2) return DmError("Invalid argument count");
  // linear_ctr() parses the number before it opens the device, so a bad number
  // is reported first.
  absl::StatusOr<uint64_t> start =
      SscanfU64(argv[1], ProfileOf(ti).sscanf_overflow);
  if (!start.ok()) return DmError("Invalid device sector");
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[0], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  LinearCtrRange(ti, *dev, sector_t(*start));
  return absl::OkStatus();
}

sector_t LinearMapSector(const DmTarget& ti, sector_t sector) {
  return ti.Private<LinearC>().start + ti.Offset(sector);
}

BioMap LinearMap(const DmTarget& ti, sector_t sector, ReqOp) {
  return {BioMap::Kind::kRemapped, ti.Private<LinearC>().dev,
          LinearMapSector(ti, sector), 0};
}

void LinearStatus(const DmTarget& ti, StatusType type,
                  uint32_t /*status_flags*/, std::string* out) {
  const LinearC& lc = ti.Private<LinearC>();
  switch (type) {
    case STATUSTYPE_INFO:
      break;
    case STATUSTYPE_TABLE:
      absl::StrAppend(out, lc.dev->name, " ", lc.start.value());
      break;
    case STATUSTYPE_IMA:
      absl::StrAppend(out, DmTargetNameVersion(ti),
                      ",device_name=", lc.dev->name,
                      ",start=", lc.start.value(), ";");
      break;
  }
}

int LinearIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const LinearC& lc = ti.Private<LinearC>();
  return fn(*lc.dev, lc.start, ti.len);
}

DaxAccess LinearDaxDirectAccess(const DmTarget& ti, pgoff_t pgoff,
                                int64_t nr_pages, DaxAccessMode mode,
                                Trace* trace) {
  return DmDaxForward(ti, *ti.Private<LinearC>().dev,
                      LinearMapSector(ti, PageToSector(pgoff)), pgoff, nr_pages,
                      mode, trace);
}

bool LinearDaxLayout(const DmTarget& ti, DaxLayout* layout) {
  const LinearC& lc = ti.Private<LinearC>();
  layout->legs = {{lc.dev, lc.start}};
  return true;
}

int LinearDaxZeroPageRange(const DmTarget& ti, pgoff_t pgoff, uint64_t nr_pages,
                           Trace* trace) {
  const DmDev& dev = *ti.Private<LinearC>().dev;
  pgoff_t lower;
  if (!DmDaxPgoff(ProfileOf(ti), dev, LinearMapSector(ti, PageToSector(pgoff)),
                  &lower)) {
    return -EINVAL;
  }
  return DaxZeroPageRange(dev.dax_dev, lower, nr_pages, trace);
}

size_t LinearDaxRecoveryWrite(const DmTarget& ti, pgoff_t pgoff,
                              uint64_t offset, absl::Span<const char> bytes) {
  const DmDev& dev = *ti.Private<LinearC>().dev;
  pgoff_t lower;
  if (!DmDaxPgoff(ProfileOf(ti), dev, LinearMapSector(ti, PageToSector(pgoff)),
                  &lower)) {
    return 0;
  }
  return DaxRecoveryWrite(dev.dax_dev, lower, offset, bytes);
}

const TargetType kLinearTarget = {
    .name = "linear",
    .versions = {{k4_14, 1, 4, 0}, {k6_16, 1, 5, 0}},
    .features = DM_TARGET_PASSES_INTEGRITY | DM_TARGET_NOWAIT |
                DM_TARGET_ZONED_HM | DM_TARGET_PASSES_CRYPTO,
    .registered = 1,
    .ctr = LinearCtr,
    .ctr_range = LinearCtrRange,
    .map = LinearMap,
    .only_remaps = true,
    .status = LinearStatus,
    .iterate_devices = LinearIterateDevices,
    .direct_access = LinearDaxDirectAccess,
    .dax_event_has_row = true,
    .dax_layout = LinearDaxLayout,
    .dax_zero_page_range = LinearDaxZeroPageRange,
    .dax_recovery_write = LinearDaxRecoveryWrite,
    .example = {.length = 2048, .params = "/dev/pmem0 16"},
};
DM_REGISTER_TARGET(kLinearTarget);

}  // namespace
}  // namespace dmdax
