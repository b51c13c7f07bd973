// SPDX-License-Identifier: Apache-2.0
//
// error: every I/O fails with EIO.
//
//   error [ignored ...]         until 6.6
//   error [<dev> <start>]       since 6.7; exactly two words are a device
//
// It may replace any table (WILDCARD), and works on bios and requests.  It
// has a direct_access (-EIO) but never makes a table DAX: until 6.6 for want
// of devices, since then by rule.
// Mirrors io_err_* of drivers/md/dm-target.c (4.14 to 7.2).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/kstrtox.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

struct IoErrC : DmTargetPrivate {
  const DmDev* dev = nullptr;
  sector_t start;
};

absl::Status IoErrCtr(DmTarget& ti, absl::Span<const std::string>) {
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

absl::Status IoErrCtrWithDevice(DmTarget& ti,
                                absl::Span<const std::string> argv) {
  auto io_err_c = std::make_unique<IoErrC>();
  if (argv.size() == 2) {
    absl::StatusOr<uint64_t> start =
        SscanfU64(argv[1], ProfileOf(ti).sscanf_overflow);
    if (!start.ok()) return DmError("Invalid device sector");
    absl::StatusOr<const DmDev*> dev =
        DmGetDevice(ti, argv[0], "Device lookup failed");
    if (!dev.ok()) return dev.status();
    io_err_c->dev = *dev;
    io_err_c->start = sector_t(*start);
    // Not the path: the device may have another one when the row is restored.
    ti.ctr_params = absl::StrCat((*dev)->name, " ", *start);
  }
  ti.private_data = std::move(io_err_c);
  ti.num_discard_bios = 1;
  ti.discards_supported = true;
  return absl::OkStatus();
}

BioMap IoErrMap(const DmTarget&, sector_t, ReqOp) {
  return {.kind = BioMap::Kind::kError, .err = EIO};
}

int IoErrIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const IoErrC& c = ti.Private<IoErrC>();
  return c.dev == nullptr ? 0 : fn(*c.dev, c.start, ti.len);
}

void IoErrIoHints(const DmTarget&, QueueLimits& limits) {
  limits.max_hw_discard_sectors = ~uint32_t{0};
  limits.discard_granularity = kSectorSize;
}

DaxAccess IoErrDaxDirectAccess(const DmTarget& ti, pgoff_t pgoff,
                               int64_t nr_pages, DaxAccessMode mode,
                               Trace* trace) {
  return DmDaxRefuse(ti, EIO, pgoff, nr_pages, mode, trace);
}

bool IoErrDaxLayout(const DmTarget&, DaxLayout*) { return true; }

const TargetType kErrorTarget = {
    .name = "error",
    .versions = {{k4_14, 1, 5, 0}, GoneSince(k6_12)},
    .features = DM_TARGET_WILDCARD,
    .registered = 0,
    .clone_and_map_rq = true,
    .ctr = IoErrCtr,
    .map = IoErrMap,
    .direct_access = IoErrDaxDirectAccess,
    .dax_function = "io_err_dax_direct_access",
    .dax_layout = IoErrDaxLayout,
    .example = {.length = 2048},
};
DM_REGISTER_TARGET(kErrorTarget);

const TargetType kErrorTargetWithDevice = {
    .name = "error",
    .versions = {{k6_12, 1, 7, 0}},
    .features = DM_TARGET_WILDCARD,
    .registered = 0,
    .clone_and_map_rq = true,
    .ctr = IoErrCtrWithDevice,
    .map = IoErrMap,
    .iterate_devices = IoErrIterateDevices,
    .io_hints = IoErrIoHints,
    .direct_access = IoErrDaxDirectAccess,
    .dax_function = "io_err_dax_direct_access",
    .dax_layout = IoErrDaxLayout,
    .example = {.length = 2048, .params = "/dev/pmem0 16"},
};
DM_REGISTER_TARGET(kErrorTargetWithDevice);

}  // namespace
}  // namespace dmdax
