// SPDX-License-Identifier: Apache-2.0
//
// Decides whether a table is bio-based, DAX or request-based, and which device
// keeps it from being DAX; and whether its devices have the same integrity
// profile. Mirrors dm_table_determine_type, dm_table_supports_dax, the
// per-device tests and dm_table_register_integrity of drivers/md/dm-table.c
// (4.14, 5.10, 6.1, 6.12).
#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/fsdax_supported.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

// Why `dev` is not fit for DAX, or nothing.
std::string DeviceNotDaxCapable(Machine& machine, const DmDev& dev,
                                sector_t start, sector_t len,
                                uint64_t blocksize) {
  switch (machine.profile().dm_dax_check) {
    case DmDaxCheck::kAnyLegQueueFlag:
      if (dev.bdev->queue().Has(QUEUE_FLAG_DAX)) return "";
      return "its queue has no DAX flag";
    case DmDaxCheck::kGenericFsdaxSupported:
      return WhyNotFsdax(dev.dax_dev, *dev.bdev, start, len.value(), blocksize,
                         machine.log());
    case DmDaxCheck::kLegHasDaxDevice:
      if (dev.dax_dev != nullptr) return "";
      if (dev.bdev->queue().Has(QUEUE_FLAG_DAX)) {
        return "it had no usable dax_device when the table opened it";
      }
      return "dax unsupported by block device";
  }
  return "";
}

// device_is_rq_stackable(): a whole disk with a multi-queue driver.  Of the
// disks here that is every one but pmem, RAM disks and mapped devices.
bool RqStackable(const BlockDevice& bdev) {
  constexpr uint32_t kRamdiskMajor = 1;
  return !bdev.is_partition() && bdev.host_dax_dev() == nullptr &&
         bdev.fops() == nullptr && bdev.dev().major_nr != kRamdiskMajor;
}

}  // namespace

DaxVerdict DmTable::SupportsDax(uint64_t blocksize) const {
  Machine& machine = md_.machine();
  const bool any_leg_will_do =
      machine.profile().dm_dax_check == DmDaxCheck::kAnyLegQueueFlag;
  // Of the checks only this one depends on where a row lies on its device.
  const bool every_row =
      machine.profile().dm_dax_check == DmDaxCheck::kGenericFsdaxSupported;
  const absl::Span<const DmTarget> rows =
      every_row ? targets() : absl::MakeConstSpan(targets_);
  for (size_t i = 0; i < rows.size(); ++i) {
    const DmTarget& ti = rows[i];
    DaxVerdict verdict;
    // Which row it is, and its name, is found only for one that fails: a table
    // may have a million rows.
    const auto who = [&] {
      const size_t row = every_row ? i : RowOf(i);
      verdict.target = static_cast<int>(row);
      return absl::StrCat("target ", row, " (", ti.type->name, ")");
    };
    if (ti.type->direct_access == nullptr) {
      verdict.reason = absl::StrCat(who(), " has no direct_access");
      return verdict;
    }
    if (machine.profile().dm_wildcard_is_never_dax &&
        (ti.type->features & DM_TARGET_WILDCARD)) {
      verdict.reason = absl::StrCat(who(), " is a wildcard target");
      return verdict;
    }
    if (ti.type->iterate_devices == nullptr) {
      verdict.reason = absl::StrCat(who(), " has no devices (iterate_devices)");
      return verdict;
    }
    bool one_is_dax = false;
    ti.type->iterate_devices(
        ti, [&](const DmDev& dev, sector_t start, sector_t len) {
          const std::string why =
              DeviceNotDaxCapable(machine, dev, start, len, blocksize);
          if (why.empty()) {
            one_is_dax = true;
            // 4.14's iteration ends at the first device that says yes.
            return any_leg_will_do ? 1 : 0;
          }
          verdict.device = dev.name;
          verdict.reason = absl::StrCat(who(), ": leg ", dev.name, " (",
                                        dev.bdev->name(), "): ", why);
          return any_leg_will_do ? 0 : 1;
        });
    if (any_leg_will_do && one_is_dax) continue;
    if (any_leg_will_do && verdict.reason.empty()) {
      verdict.reason = absl::StrCat(who(), " uses no devices");
    }
    if (!verdict.dax()) return verdict;
  }
  return DaxVerdict{};
}

bool DmTable::DaxSynchronous() const {
  for (const DmTarget& ti : targets_) {
    if (ti.type->iterate_devices(ti, [](const DmDev& dev, sector_t, sector_t) {
          return dev.dax_dev != nullptr && dev.dax_dev->synchronous() ? 0 : 1;
        })) {
      return false;
    }
  }
  return true;
}

bool DmTable::DevicesStackRequests() const {
  // ->iterate_devices() ends with the first device that says yes.
  if (md_.machine().profile().dm_one_request_queue_will_do) {
    return AnyDevice([](const DmDev& dev) { return RqStackable(*dev.bdev); });
  }
  return !AnyDevice([](const DmDev& dev) { return !RqStackable(*dev.bdev); });
}

absl::Status DmTable::VerifyRequestBased() {
  type_ = DM_TYPE_REQUEST_BASED;
  const char* error = nullptr;
  if (num_targets() > 1) {
    error = "request-based DM doesn't support multiple targets";
  } else if (devices_.empty()) {
    // Without devices the type is inherited from the live table.
    if (const DmTable* live = md_.live_table()) type_ = live->type();
    return absl::OkStatus();
  } else if (immutable_target_type_ == nullptr) {
    error = "table load rejected: immutable target is required";
  } else if (targets_[0].max_io_len > 0) {
    error =
        "table load rejected: immutable target that splits IO is not supported";
  } else if (!DevicesStackRequests()) {
    error = "table load rejected: including non-request-stackable devices";
  } else {
    return absl::OkStatus();
  }
  DmLog(md_.machine(), KernLevel::kErr, "table", error);
  return ErrnoError(EINVAL, error);
}

absl::Status DmTable::DetermineType() {
  const DmQueueMode live_md_type = md_.type();
  if (type_ == DM_TYPE_REQUEST_BASED) return VerifyRequestBased();
  const bool preset_bio = type_ == DM_TYPE_BIO_BASED;
  bool bio_based = false, request_based = false, hybrid = false;
  for (const DmTarget& ti : targets_) {
    if (ti.type->map != nullptr && ti.type->clone_and_map_rq) {
      hybrid = true;
    } else if (ti.type->clone_and_map_rq) {
      request_based = true;
    } else {
      bio_based = true;
    }
    if (bio_based && request_based) {
      DmLog(md_.machine(), KernLevel::kErr, "table",
            "Inconsistent table: different target types can't be mixed up");
      return ErrnoError(EINVAL, "different target types can't be mixed up");
    }
  }
  if (preset_bio) {
    bio_based = true;
    request_based = false;
  } else if (hybrid && !bio_based && !request_based) {
    // Targets that can work either way follow the live device.
    request_based = live_md_type == DM_TYPE_REQUEST_BASED;
    bio_based = !request_based;
  }
  if (request_based) return VerifyRequestBased();
  // A table without devices may replace a DAX table; the type then stays.
  const bool keeps_dax =
      devices_.empty() && live_md_type == DM_TYPE_DAX_BIO_BASED;
  type_ = SupportsDax().dax() || keeps_dax ? DM_TYPE_DAX_BIO_BASED
                                           : DM_TYPE_BIO_BASED;
  return absl::OkStatus();
}

bool DmTable::EveryTargetHasAny(uint64_t features) const {
  return std::all_of(targets_.begin(), targets_.end(),
                     [features](const DmTarget& ti) {
                       return (ti.type->features & features) != 0;
                     });
}

namespace {

// blk_integrity_compare(), with its words.
bool IntegrityFits(const BlockDevice& a, const BlockDevice& b, KernelLog& log) {
  const QueueLimits x = a.queue().limits(), y = b.queue().limits();
  std::string what;
  if (x.integrity_metadata_size == 0 || y.integrity_metadata_size == 0) {
    return x.integrity_metadata_size == y.integrity_metadata_size;
  }
  if (x.integrity_interval_exp != y.integrity_interval_exp) {
    what = absl::StrCat("protection interval ", 1u << x.integrity_interval_exp,
                        " != ", 1u << y.integrity_interval_exp);
  } else if (x.integrity_metadata_size != y.integrity_metadata_size) {
    what = absl::StrCat("tuple sz ", x.integrity_metadata_size,
                        " != ", y.integrity_metadata_size);
  } else {
    return true;
  }
  log.Printk(KernLevel::kErr, absl::StrCat("blk_integrity_compare: ", a.name(),
                                           "/", b.name(), " ", what));
  return false;
}

}  // namespace

// dm_table_get_integrity_disk().
const BlockDevice* DmTable::IntegrityDisk() const {
  if (!EveryTargetHasAny(DM_TARGET_PASSES_INTEGRITY)) return nullptr;
  const BlockDevice* before = nullptr;
  for (const TableDev& dd : devices_) {
    const BlockDevice& disk = dd.dm_dev->bdev->whole();
    if (disk.queue().limits().integrity_metadata_size == 0 ||
        (before != nullptr &&
         !IntegrityFits(*before, disk, md_.machine().log()))) {
      if (before != nullptr) {
        Log(KernLevel::kWarn,
            absl::StrCat("integrity not set: ", before->name(), " and ",
                         disk.name(), " profile mismatch"));
      }
      return nullptr;
    }
    before = &disk;
  }
  return before;
}

// dm_table_register_integrity(), at load.  False: the device has another
// profile already.
bool DmTable::RegisterIntegrity() {
  if (md_.machine().profile().max_sectors_rule == MaxSectorsRule::kValidated ||
      EveryTargetHasAny(DM_TARGET_INTEGRITY)) {
    return true;
  }
  const BlockDevice* disk = IntegrityDisk();
  if (disk == nullptr) return true;
  const QueueLimits profile = disk->queue().limits();
  BlockDevice& own = md_.disk();
  if (own.queue().limits().integrity_metadata_size == 0) {
    own.queue().RegisterIntegrity(profile.integrity_metadata_size,
                                  profile.integrity_interval_exp);
  } else if (!IntegrityFits(own, *disk, md_.machine().log())) {
    Log(KernLevel::kErr,
        absl::StrCat("conflict with existing integrity profile: ", disk->name(),
                     " profile mismatch"));
    return false;
  }
  integrity_supported_ = true;
  return true;
}

// dm_table_verify_integrity(), at resume, when all devices are what they are.
void DmTable::VerifyIntegrity(RequestQueue& queue) const {
  if (EveryTargetHasAny(DM_TARGET_INTEGRITY)) return;
  if (integrity_supported_) {
    const BlockDevice* disk = IntegrityDisk();
    if (disk != nullptr &&
        IntegrityFits(md_.disk(), *disk, md_.machine().log())) {
      return;
    }
  }
  if (queue.limits().integrity_metadata_size == 0) return;
  Log(KernLevel::kWarn, "unable to establish an integrity profile");
  queue.RegisterIntegrity(0, 0);
}

}  // namespace dmdax
