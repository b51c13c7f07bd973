// SPDX-License-Identifier: Apache-2.0
//
// zoned: a zoned disk that takes random writes.
//
//   zoned [<regular dev>] <zoned dev> ...
//
// There are no zoned disks here, so every table ends with the words for that.
// Mirrors drivers/md/dm-zoned-target.c (4.14 to 7.2).
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

absl::Status ZonedCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.empty()) return DmError("Invalid argument count");
  for (size_t i = 0; i < argv.size(); ++i) {
    absl::StatusOr<const DmDev*> dev =
        DmGetDevice(ti, argv[i], "Get target device failed");
    if (!dev.ok()) return dev.status();
    if (argv.size() == 1) return DmError("Invalid regular device");
    if (i != 0) return DmError("First device must be a regular device");
    if (ti.begin.value() != 0) {
      return DmError("Partial mapping is not supported");
    }
  }
  return DmError("Disk is not a zoned device");
}

const TargetType kZonedTarget = {
    .name = "zoned",
    .versions = {{k4_14, 1, 0, 0}, {k5_10, 2, 0, 0}},
    .features = DM_TARGET_SINGLETON | DM_TARGET_MIXED_ZONED_MODEL,
    .ctr = ZonedCtr,
    .example = {.length = 2048,
                .params = "/dev/sda",
                .refusal = "Invalid regular device"},
};
DM_REGISTER_TARGET(kZonedTarget);

}  // namespace
}  // namespace dmdax
