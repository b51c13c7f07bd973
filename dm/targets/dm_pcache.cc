// SPDX-License-Identifier: Apache-2.0
//
// pcache: a write-back cache on persistent memory.
//
//   pcache <cache dev> <backing dev>
//          [<#words> [cache_mode writeback] [data_crc true|false]]
//
// The cache device is used through DAX, as one piece: where one access reaches
// all of it, its pages are used as they lie; where a stack below it cuts the
// device into several runs, the kernel maps their pages anew, one after the
// other, and the table loads all the same.  Which of the two it is, `dmdax
// translate DEVICE 0 --nr PAGES` on the cache device answers.
// From source alone: Debian builds no such target.  A blank cache is formatted;
// what is on one already is not read, and no I/O is cached here.
// Mirrors drivers/md/dm-pcache/dm_pcache.c, cache_dev.c (6.18 to 7.2).
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/fresh_metadata.h"

namespace dmdax {
namespace {

struct Pcache : DmTargetPrivate {
  const DmDev* cache_dev;
  const DmDev* backing_dev;
  bool data_crc = false;
};

// The kernel puts the function and the line of its source in between.
void PcacheError(const DmTarget& ti, absl::string_view text) {
  MachineOf(ti).log().Printk(
      KernLevel::kErr,
      absl::StrCat("dm-pcache: ", ti.table->md().name(), " ", text));
}

absl::StatusOr<const DmDev*> ParseDevice(DmTarget& ti, DmArgSet& as,
                                         absl::string_view error) {
  const std::string* path = as.Shift();
  if (path == nullptr) return DmError("Insufficient args");
  return DmGetDevice(ti, *path, FMODE_READ | FMODE_WRITE, error);
}

absl::Status ParseOption(DmArgSet& as, uint32_t* left, Pcache* pc) {
  const std::string& word = *as.Shift();
  --*left;
  const bool mode = word == "cache_mode";
  if (!mode && word != "data_crc") {
    return DmError("Unrecognised cache option requested");
  }
  if (*left == 0) return DmError(absl::StrCat("Missing value for ", word));
  const std::string& value = *as.Shift();
  --*left;
  if (mode) {
    if (value == "writeback") return absl::OkStatus();
    return DmError("Invalid cache mode parameter");
  }
  pc->data_crc = value == "true";
  if (pc->data_crc || value == "false") return absl::OkStatus();
  return DmError("Invalid data crc parameter");
}

absl::Status ParseOptions(DmArgSet& as, Pcache* pc) {
  if (as.argc() == 0) return absl::OkStatus();
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 4, "Invalid number of cache option arguments"});
  if (!count.ok()) return count.status();
  uint32_t left = *count;
  while (left > 0) {
    absl::Status s = ParseOption(as, &left, pc);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

// build_vmap(): run by run, where one does not reach the end.
int MapRuns(DaxDevice* dax_dev, int64_t pages, int64_t first) {
  for (int64_t done = first; done < pages;) {
    const DaxAccess run =
        DaxDirectAccess(dax_dev, pgoff_t(static_cast<uint64_t>(done)),
                        pages - done, DaxAccessMode::kAccess, nullptr);
    if (run.ret <= 0) return run.ret == 0 ? EINVAL : -static_cast<int>(run.ret);
    done += run.ret;
  }
  return 0;
}

// cache_dev_dax_init(): 0, or the errno.
int MapCacheDevice(const DmTarget& ti, const DmDev& dev) {
  constexpr uint64_t kLeastBytes = uint64_t{512} << 20;
  const uint64_t bytes = dev.bdev->nr_sectors() << kSectorShift;
  if (bytes < kLeastBytes) {
    PcacheError(ti, absl::StrCat("dax device is too small, required at least ",
                                 kLeastBytes));
    return ENOSPC;
  }
  const auto pages = static_cast<int64_t>(bytes >> kPageShift);
  const DaxAccess whole = DaxDirectAccess(dev.dax_dev, pgoff_t(0), pages,
                                          DaxAccessMode::kAccess, nullptr);
  if (whole.ret < 0) {
    PcacheError(ti, absl::StrCat("dax_direct_access failed: ", whole.ret));
    return -static_cast<int>(whole.ret);
  }
  const int err = MapRuns(dev.dax_dev, pages, whole.ret);
  if (err != 0) PcacheError(ti, absl::StrCat("vmap fallback failed: ", -err));
  return err;
}

absl::Status StartCache(const DmTarget& ti, const Pcache& pc) {
  const int err = MapCacheDevice(ti, *pc.cache_dev);
  if (err == 0) return RequireFreshMetadata(*pc.cache_dev, sector_t{0});
  PcacheError(ti, absl::StrCat("failed to init cache_dev ", pc.cache_dev->name,
                               " via dax way: ", -err, "."));
  return ErrnoError(err, "Failed to start cache dev");
}

absl::Status PcacheCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  if (ti.table->md().live_table() != nullptr) {
    return ErrnoError(EOPNOTSUPP, "Don't support table loading for live md");
  }
  auto pc = std::make_unique<Pcache>();
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::StatusOr<const DmDev*> dev =
      ParseDevice(ti, as, "Error opening cache device");
  if (!dev.ok()) return dev.status();
  pc->cache_dev = *dev;
  dev = ParseDevice(ti, as, "Error opening backing device");
  if (!dev.ok()) return dev.status();
  pc->backing_dev = *dev;
  absl::Status s = ParseOptions(as, pc.get());
  if (s.ok()) s = StartCache(ti, *pc);
  if (!s.ok()) return s;
  ti.num_flush_bios = 1;
  ti.flush_supported = true;
  ti.private_data = std::move(pc);
  return absl::OkStatus();
}

BioMap PcacheMap(const DmTarget& ti, sector_t sector, ReqOp) {
  return {BioMap::Kind::kRemapped, ti.Private<Pcache>().backing_dev,
          sector_t(ti.Offset(sector)), 0};
}

void PcacheStatus(const DmTarget& ti, StatusType type,
                  uint32_t /*status_flags*/, std::string* out) {
  const Pcache& pc = ti.Private<Pcache>();
  if (type != STATUSTYPE_TABLE) return;
  // The kernel says "crc" here and takes "data_crc".
  absl::StrAppend(out, pc.cache_dev->name, " ", pc.backing_dev->name,
                  " 4 cache_mode writeback crc ",
                  pc.data_crc ? "true" : "false");
}

const TargetType kPcacheTarget = {
    .name = "pcache",
    .versions = {{{6, 18}, 0, 1, 0}},
    .features = DM_TARGET_SINGLETON,
    .ctr = PcacheCtr,
    .map = PcacheMap,
    .status = PcacheStatus,
    .example = {.length = 2048,
                .params = "/dev/mem0 /dev/sda",
                .refusal = "Failed to start cache dev"},
};
DM_REGISTER_TARGET(kPcacheTarget);

}  // namespace
}  // namespace dmdax
