// SPDX-License-Identifier: Apache-2.0
//
// era: remembers which blocks were written since when.
//
//   era <metadata dev> <data dev> <block size>
//
//   block size  sectors; a multiple of 8
//
// Only metadata that would be formatted now are judged; how many blocks of
// them are in use is not known, so the status is "Error", as the kernel's is
// when it can not count.  Messages are refused.
// Mirrors drivers/md/dm-era-target.c (4.14 to 7.2).
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/kstrtox.h"
#include "dm/device_mapper.h"
#include "dm/targets/fresh_metadata.h"

namespace dmdax {
namespace {

struct Era : DmTargetPrivate {
  const DmDev* metadata_dev;
  const DmDev* origin_dev;
  uint32_t sectors_per_block;
};

absl::Status EraCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() != 3) return DmError("Invalid argument count");
  constexpr unsigned kMode = FMODE_READ | FMODE_WRITE;
  // Whatever is wrong with a device is EINVAL here.
  absl::StatusOr<const DmDev*> metadata = DmGetDevice(ti, argv[0], kMode, "");
  if (!metadata.ok()) return DmError("Error opening metadata device");
  absl::StatusOr<const DmDev*> origin = DmGetDevice(ti, argv[1], kMode, "");
  if (!origin.ok()) return DmError("Error opening data device");
  absl::StatusOr<uint32_t> size =
      SscanfU32(argv[2], ProfileOf(ti).sscanf_overflow);
  if (!size.ok()) return DmError("Error parsing block size");
  if (!DmSetTargetMaxIoLen(ti, *size).ok()) {
    return DmError("could not set max io len");
  }
  if (*size == 0 || *size % 8 != 0) return DmError("Invalid block size");
  absl::Status fresh = RequireFreshMetadata(**metadata, sector_t{0});
  if (!fresh.ok()) return fresh;
  auto era = std::make_unique<Era>();
  era->metadata_dev = *metadata;
  era->origin_dev = *origin;
  era->sectors_per_block = *size;
  ti.private_data = std::move(era);
  ti.num_flush_bios = 1;
  ti.flush_supported = true;
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

BioMap EraMap(const DmTarget& ti, sector_t sector, ReqOp) {
  return {BioMap::Kind::kRemapped, ti.Private<Era>().origin_dev, sector, 0};
}

void EraStatus(const DmTarget& ti, StatusType type, std::string* out) {
  const Era& era = ti.Private<Era>();
  if (type == STATUSTYPE_INFO) absl::StrAppend(out, "Error");
  if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, era.metadata_dev->name, " ", era.origin_dev->name, " ",
                    era.sectors_per_block);
  }
}

int EraIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const DmDev& dev = *ti.Private<Era>().origin_dev;
  return fn(dev, sector_t{0}, sector_t(dev.bdev->nr_sectors()));
}

const TargetType kEraTarget = {
    .name = "era",
    .versions = DmVersion(1, 0, 0),
    .ctr = EraCtr,
    .map = EraMap,
    .status = EraStatus,
    .iterate_devices = EraIterateDevices,
    .example = {.length = 2048, .params = "/dev/mem0 /dev/sda 16"},
};
DM_REGISTER_TARGET(kEraTarget);

}  // namespace
}  // namespace dmdax
