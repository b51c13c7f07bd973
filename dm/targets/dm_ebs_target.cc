// SPDX-License-Identifier: Apache-2.0
//
// ebs: smaller logical blocks than the device has.
//
//   ebs <dev> <start> <emulated block size> [<underlying block size>]
//
//   start        first sector on dev; a multiple of the underlying block size
//   block sizes  sectors, powers of two; the emulated one at most a page, the
//                underlying one by default the device's logical block
//
// Mirrors drivers/md/dm-ebs-target.c (5.10 to 7.2; not in 4.14).
#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/kstrtox.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

struct EbsC : DmTargetPrivate {
  const DmDev* dev;
  sector_t start;
  uint32_t e_bs;  // sectors
  uint32_t u_bs;  // sectors
  bool u_bs_set;
};

// %hu keeps the low 16 bits.
absl::StatusOr<uint32_t> ParseBlockSize(const std::string& word,
                                        SscanfOverflow overflow,
                                        const char* error) {
  absl::StatusOr<uint32_t> value = SscanfU32(word, overflow);
  if (!value.ok()) return DmError(error);
  const uint32_t size = *value & 0xffff;
  if (size == 0 || (size & (size - 1)) != 0) return DmError(error);
  return size;
}

absl::Status EbsCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() < 3 || argv.size() > 4) {
    return DmError("Invalid argument count");
  }
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  auto ec = std::make_unique<EbsC>();
  absl::StatusOr<uint64_t> start = SscanfU64(argv[1], overflow);
  if (!start.ok()) return DmError("Invalid device offset sector");
  ec->start = sector_t(*start);
  constexpr char kError[] = "Invalid emulated block size";
  absl::StatusOr<uint32_t> e_bs = ParseBlockSize(argv[2], overflow, kError);
  if (!e_bs.ok()) return e_bs.status();
  if (*e_bs > kPageSectors) return DmError(kError);
  ec->e_bs = *e_bs;
  ec->u_bs_set = argv.size() == 4;
  if (ec->u_bs_set) {
    absl::StatusOr<uint32_t> u_bs =
        ParseBlockSize(argv[3], overflow, "Invalid underlying block size");
    if (!u_bs.ok()) return u_bs.status();
    ec->u_bs = *u_bs;
  }
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[0], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  ec->dev = *dev;
  if (!ec->u_bs_set) {
    ec->u_bs =
        ec->dev->bdev->queue().limits().logical_block_size >> kSectorShift;
    if (ec->e_bs == ec->u_bs) {
      DmLog(MachineOf(ti), KernLevel::kInfo, "ebs",
            "Emulation superfluous: emulated equal to underlying block size");
    }
  }
  if (ec->start.value() % ec->u_bs != 0) {
    return DmError("Device offset must be multiple of underlying block size");
  }
  ti.private_data = std::move(ec);
  ti.num_flush_bios = 1;
  ti.num_discard_bios = 1;
  return absl::OkStatus();
}

BioMap EbsMap(const DmTarget& ti, sector_t sector, ReqOp) {
  const EbsC& ec = ti.Private<EbsC>();
  return {BioMap::Kind::kRemapped, ec.dev, ec.start + ti.Offset(sector), 0};
}

void EbsStatus(const DmTarget& ti, StatusType type, uint32_t /*status_flags*/,
               std::string* out) {
  if (type != STATUSTYPE_TABLE) return;
  const EbsC& ec = ti.Private<EbsC>();
  absl::StrAppend(out, ec.dev->name, " ", ec.start.value(), " ", ec.e_bs);
  if (ec.u_bs_set) absl::StrAppend(out, " ", ec.u_bs);
}

int EbsIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const EbsC& ec = ti.Private<EbsC>();
  return fn(*ec.dev, ec.start, ti.len);
}

void EbsIoHints(const DmTarget& ti, QueueLimits& limits) {
  const EbsC& ec = ti.Private<EbsC>();
  limits.logical_block_size = ec.e_bs << kSectorShift;
  limits.physical_block_size = ec.u_bs << kSectorShift;
  limits.alignment_offset = limits.physical_block_size;
  limits.io_min =
      std::max(limits.logical_block_size, limits.physical_block_size);
}

const TargetType kEbsTarget = {
    .name = "ebs",
    .versions = {{k5_10, 1, 0, 1}},
    .ctr = EbsCtr,
    .map = EbsMap,
    .status = EbsStatus,
    .iterate_devices = EbsIterateDevices,
    .io_hints = EbsIoHints,
    .example = {.length = 2048, .params = "/dev/sdb 8 1"},
};
DM_REGISTER_TARGET(kEbsTarget);

}  // namespace
}  // namespace dmdax
