// SPDX-License-Identifier: Apache-2.0
//
// vdo: deduplicates and compresses.
//
//   vdo V4 <dev> <dev blocks> <512|4096> <cache blocks> <era length>
//          [<key> <value>]...
//
//   keys  ack bio cpu hash logical physical bioRotationInterval  (threads)
//         maxDiscard <blocks>, deduplication on|off, compression on|off
//         since 7.0: indexMemory, indexSparse on|off, slabSize <blocks>
//
// Lines of the versions before V4 are taken as well.  The words are judged; a
// disk that is large enough to be formatted, or is, is not modelled.
// Mirrors drivers/md/dm-vdo/dm-vdo-target.c (6.9 to 7.2).
#include <bit>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/fresh_metadata.h"
#include "dm/targets/vdo/dm_vdo.h"

namespace dmdax {
namespace {

constexpr uint32_t kBlockSectors = 8;
constexpr unsigned kNewestVersion = 4;
// How many words a line of each version has at least.
constexpr size_t kRequiredWords[] = {10, 12, 9, 7, 6};

// get_version_number(): "V<n>..."; anything else is the first version.
absl::StatusOr<unsigned> ParseVersion(absl::Span<const std::string> argv,
                                      const Vdo& vdo) {
  unsigned version = 0;
  if (sscanf(argv[0].c_str(), "V%u", &version) == 1) {
    if (version < 1 || version > kNewestVersion) {
      return DmError("Unknown version number detected");
    }
  }
  const size_t words = kRequiredWords[version];
  if (version <= 1 ? argv.size() != words : argv.size() < words) {
    return DmError("Incorrect number of arguments for version");
  }
  if (version != kNewestVersion) {
    vdo.Log(
        KernLevel::kWarn,
        absl::StrCat("Detected version mismatch between kernel module and ",
                     "tools kernel: ", kNewestVersion, ", tool: ", version));
    vdo.Log(KernLevel::kWarn,
            "Please consider upgrading management tools to match kernel.");
  }
  return version;
}

absl::Status CheckZones(const Vdo& vdo) {
  constexpr uint64_t kCachePerZone = 2 * 2048;
  if ((vdo.logical_zones == 0) != (vdo.physical_zones == 0) ||
      (vdo.physical_zones == 0) != (vdo.hash_zones == 0)) {
    return DmError(
        "Logical, physical, and hash zones counts must all be zero or all "
        "non-zero");
  }
  if (vdo.cache_blocks < kCachePerZone * vdo.logical_zones) {
    return DmError("Insufficient block map cache for logical zones");
  }
  return absl::OkStatus();
}

// The words between the version and the options; the device's is returned.
absl::StatusOr<std::string> ParseRequired(unsigned version, DmArgSet& as,
                                          Vdo* vdo) {
  if (version >= 1) as.Shift();
  std::string path = *as.Shift();
  if (version >= 1 && !KstrtoU64(*as.Shift()).ok()) {
    return DmError("Invalid physical block count");
  }
  const std::string& block = *as.Shift();
  if (block != "512" && block != "4096") {
    return DmError("Invalid logical block size");
  }
  // The read cache, which is gone.
  if (version <= 1) as.Consume(2);
  absl::StatusOr<uint32_t> cache = KstrtoU32(*as.Shift());
  if (!cache.ok()) return DmError("Invalid block map page cache size");
  vdo->cache_blocks = *cache;
  if (!KstrtoU32(*as.Shift()).ok()) {
    return DmError("Invalid block map maximum age");
  }
  // A mode of RAID 5, the write policy, the name: gone as well.
  if (version <= 2) as.Consume(1);
  if (version <= 3) as.Consume(1);
  if (version <= 2) as.Consume(1);
  return path;
}

// parse_device_config().
absl::StatusOr<const DmDev*> ParseConfig(absl::Span<const std::string> argv,
                                         Vdo* vdo) {
  constexpr uint64_t kMaxSectors = uint64_t{1} << (50 - kSectorShift + 2);
  DmTarget& ti = vdo->ti;
  const uint64_t len = ti.len.value();
  if (len > kMaxSectors && ValueAt<bool>(kVdoFormats, ProfileOf(ti).release)) {
    return DmError("Logical size exceeds the maximum");
  }
  if (len % kBlockSectors != 0) {
    return DmError("Logical size must be a multiple of 4096");
  }
  if (argv.empty()) return DmError("Incorrect number of arguments");
  vdo->Log(KernLevel::kInfo,
           absl::StrCat("table line: ", absl::StrJoin(argv, " ")));
  absl::StatusOr<unsigned> version = ParseVersion(argv, *vdo);
  if (!version.ok()) return version.status();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::StatusOr<std::string> path = ParseRequired(*version, as, vdo);
  if (!path.ok()) return path.status();
  absl::Status s = ParseVdoOptions(*version, as, vdo);
  if (s.ok()) s = CheckZones(*vdo);
  if (!s.ok()) return s;
  absl::StatusOr<const DmDev*> dev = DmGetDevice(ti, *path);
  if (dev.ok()) return dev;
  vdo->Log(KernLevel::kErr, absl::StrCat("couldn't open device \"", *path,
                                         "\": error ", -ErrnoOf(dev.status())));
  return DmError("Unable to open storage device");
}

void LogLoading(const Vdo& vdo) {
  vdo.Log(KernLevel::kInfo,
          absl::StrCat("loading device '", vdo.ti.table->md().dev().ToString(),
                       "'"));
}

// vdo_make() of a blank disk that is too small, with the geometry that comes
// without any word about it.
absl::Status LoadBlank(const DmDev& dev, const Vdo& vdo) {
  constexpr uint64_t kLeastBytes = 5063921664;
  constexpr char kNoSpace[] =
      "Could not allocate enough space for VDO during format";
  absl::Status s = RequireFreshMetadata(dev, sector_t{0});
  if (!s.ok()) return s;
  LogLoading(vdo);
  if (dev.bdev->nr_sectors() * kSectorSize >= kLeastBytes ||
      !vdo.default_geometry) {
    return DmNotModelled("a vdo volume", "its index and its journals");
  }
  for (absl::string_view line :
       {std::string("Using 1 indexing zone for concurrency."),
        std::string("Not enough space to make a VDO: VDO Status: Out of space "
                    "(1467)"),
        absl::StrCat("Minimum required size for VDO volume: ", kLeastBytes,
                     " bytes"),
        absl::StrCat("Could not create VDO device. (VDO error 1467, message ",
                     kNoSpace, ")")}) {
    vdo.Log(KernLevel::kErr, line);
  }
  return ErrnoError(ENOSPC, kNoSpace);
}

// The same where vdo does not format: a blank disk is no volume.
absl::Status LoadUnformatted(const DmDev& dev, const Vdo& vdo) {
  constexpr char kNoGeometry[] = "Could not load geometry block";
  absl::Status s = RequireFreshMetadata(dev, sector_t{0});
  if (!s.ok()) return s;
  LogLoading(vdo);
  vdo.Log(KernLevel::kErr,
          absl::StrCat("Could not create VDO device. (VDO error 1487, message ",
                       kNoGeometry, ")"));
  vdo.Log(KernLevel::kErr,
          "vdo_status_to_errno: mapping internal status code 1487 "
          "(VDO_BAD_MAGIC: VDO Status: Bad magic number) to EIO");
  return ErrnoError(EIO, kNoGeometry);
}

absl::Status VdoCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  Vdo vdo{ti, MachineOf(ti).NextInstance("vdo")};
  absl::StatusOr<const DmDev*> dev = ParseConfig(argv, &vdo);
  if (!dev.ok()) {
    vdo.Log(KernLevel::kErr,
            absl::StrCat("parsing failed: ", dev.status().message(),
                         ": VDO Status: Bad configuration option (1468)"));
    return dev.status();
  }
  return ValueAt<bool>(kVdoFormats, ProfileOf(ti).release)
             ? LoadBlank(**dev, vdo)
             : LoadUnformatted(**dev, vdo);
}

const TargetType kVdoTarget = {
    .name = "vdo",
    .versions = {{{6, 9}, 9, 0, 0}, {k6_12, 9, 1, 0}, GoneSince({7, 0})},
    .features = DM_TARGET_SINGLETON,
    .ctr = VdoCtr,
    .example = {.length = 2048,
                .params = "V4 /dev/sda 16384 4096 32768 16380",
                .refusal = "Could not load geometry block"},
};
DM_REGISTER_TARGET(kVdoTarget);

const TargetType kVdoTargetFormats = {
    .name = "vdo",
    .versions = {{{7, 0}, 9, 2, 0}},
    .features = DM_TARGET_SINGLETON,
    .ctr = VdoCtr,
    .example = {.length = 2048,
                .params = "V4 /dev/sda 16384 4096 32768 16380",
                .refusal = "Could not allocate enough space for VDO during "
                           "format"},
};
DM_REGISTER_TARGET(kVdoTargetFormats);

}  // namespace
}  // namespace dmdax
