// SPDX-License-Identifier: Apache-2.0
//
// clone: a device that fills itself from another, read-only one.
//
//   clone <metadata dev> <destination dev> <source dev> <region size>
//         [<#features> no_hydration no_discard_passdown
//          [<#core args> hydration_threshold <n> hydration_batch_size <n>]]
//
//   region size  sectors; a power of two, 8 .. 2097152
//
// Only metadata that would be formatted now are judged.  Nothing is copied
// here: reads come from the source, writes go to the destination.  The status
// is "Error", as the kernel's is when it can not count its metadata blocks.
// Mirrors drivers/md/dm-clone-target.c (5.10 to 7.2; not in 4.14).
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/targets/fresh_metadata.h"

namespace dmdax {
namespace {

struct Clone : DmTargetPrivate {
  const DmDev* metadata_dev = nullptr;
  const DmDev* dest_dev = nullptr;
  const DmDev* source_dev = nullptr;
  uint32_t region_size = 0;  // sectors
  std::string ctr_args;      // from the region size on, as given
};

absl::Status ParseDevices(DmTarget& ti, DmArgSet& as, Clone* clone) {
  constexpr unsigned kReadWrite = FMODE_READ | FMODE_WRITE;
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, *as.Shift(), kReadWrite, "Error opening metadata device");
  if (!dev.ok()) return dev.status();
  clone->metadata_dev = *dev;
  dev = DmGetDevice(ti, *as.Shift(), kReadWrite,
                    "Error opening destination device");
  if (!dev.ok()) return dev.status();
  clone->dest_dev = *dev;
  if (ti.len.value() > clone->dest_dev->bdev->nr_sectors()) {
    return DmError("Device size larger than destination device");
  }
  dev = DmGetDevice(ti, *as.Shift(), FMODE_READ, "Error opening source device");
  if (!dev.ok()) return dev.status();
  clone->source_dev = *dev;
  if (ti.len.value() > clone->source_dev->bdev->nr_sectors()) {
    return DmError("Device size larger than source device");
  }
  return absl::OkStatus();
}

uint32_t BlockSectors(const DmDev& dev) {
  return dev.bdev->queue().limits().logical_block_size >> kSectorShift;
}

absl::Status ParseRegionSize(const DmTarget& ti, DmArgSet& as, Clone* clone) {
  absl::StatusOr<uint32_t> size =
      as.ReadArg({8, 2097152, "Invalid region size"});
  if (!size.ok()) return size.status();
  if ((*size & (*size - 1)) != 0) {
    return DmError("Region size is not a power of 2");
  }
  if (*size % BlockSectors(*clone->source_dev) != 0 ||
      *size % BlockSectors(*clone->dest_dev) != 0) {
    return DmError(
        "Region size is not a multiple of device logical block size");
  }
  clone->region_size = *size;
  if ((ti.len.value() - 1) / *size + 1 > uint64_t{1} << 31) {
    return DmError("Too many regions. Consider increasing the region size");
  }
  return absl::OkStatus();
}

absl::Status ParseFeatures(DmArgSet& as) {
  if (as.argc() == 0) return absl::OkStatus();
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 2, "Invalid number of feature arguments"});
  if (!count.ok()) return count.status();
  for (uint32_t i = 0; i < *count; ++i) {
    const std::string& name = *as.Shift();
    if (!absl::EqualsIgnoreCase(name, "no_hydration") &&
        !absl::EqualsIgnoreCase(name, "no_discard_passdown")) {
      return DmError("Invalid feature argument");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCoreArg(const std::string& name, const std::string& value) {
  for (const char* known : {"hydration_threshold", "hydration_batch_size"}) {
    if (!absl::EqualsIgnoreCase(name, known)) continue;
    if (KstrtoU32(value).ok()) return absl::OkStatus();
    return DmError(absl::StrCat("Invalid value for argument `", known, "'"));
  }
  return DmError("Invalid core argument");
}

absl::Status ParseCoreArgs(DmArgSet& as) {
  if (as.argc() == 0) return absl::OkStatus();
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 4, "Invalid number of core arguments"});
  if (!count.ok()) return count.status();
  if (*count % 2 != 0) return DmError("Number of core arguments must be even");
  for (uint32_t i = 0; i < *count; i += 2) {
    const std::string& name = *as.Shift();
    absl::Status s = CheckCoreArg(name, *as.Shift());
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status CloneCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (argv.size() < 4) return DmError("Invalid number of arguments");
  auto clone = std::make_unique<Clone>();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::Status s = ParseDevices(ti, as, clone.get());
  if (s.ok()) s = ParseRegionSize(ti, as, clone.get());
  if (s.ok()) s = DmSetTargetMaxIoLen(ti, clone->region_size);
  if (s.ok()) s = ParseFeatures(as);
  if (s.ok()) s = ParseCoreArgs(as);
  if (s.ok()) s = RequireFreshMetadata(*clone->metadata_dev, sector_t{0});
  if (!s.ok()) return s;
  clone->ctr_args = absl::StrJoin(argv.subspan(3), " ");
  ti.private_data = std::move(clone);
  ti.num_flush_bios = 1;
  ti.flush_supported = true;
  ti.num_discard_bios = 1;
  ti.discards_supported = true;
  return absl::OkStatus();
}

BioMap CloneMap(const DmTarget& ti, sector_t sector, ReqOp op) {
  const Clone& clone = ti.Private<Clone>();
  const bool reads = op == ReqOp::kRead || op == ReqOp::kReadAhead;
  return {BioMap::Kind::kRemapped, reads ? clone.source_dev : clone.dest_dev,
          sector_t(ti.Offset(sector)), 0};
}

void CloneStatus(const DmTarget& ti, StatusType type, std::string* out) {
  const Clone& clone = ti.Private<Clone>();
  if (type == STATUSTYPE_INFO) absl::StrAppend(out, "Error");
  if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, clone.metadata_dev->name, " ", clone.dest_dev->name,
                    " ", clone.source_dev->name, " ", clone.ctr_args);
  }
}

int CloneIterateDevices(const DmTarget& ti, IterateDevicesFn fn) {
  const Clone& clone = ti.Private<Clone>();
  if (int ret = fn(*clone.source_dev, sector_t{0}, ti.len)) return ret;
  return fn(*clone.dest_dev, sector_t{0}, ti.len);
}

const TargetType kCloneTarget = {
    .name = "clone",
    .versions = {{k5_10, 1, 0, 0}},
    .ctr = CloneCtr,
    .map = CloneMap,
    .status = CloneStatus,
    .iterate_devices = CloneIterateDevices,
    .example = {.length = 2048,
                .params = "/dev/mem0 /dev/sda /dev/mem1 8 1 no_hydration"},
};
DM_REGISTER_TARGET(kCloneTarget);

}  // namespace
}  // namespace dmdax
