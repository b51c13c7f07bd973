// SPDX-License-Identifier: Apache-2.0
//
// The queue limits of a table, and the checks that need them.  Mirrors
// dm_calculate_queue_limits, dm_set_device_limits, device_area_is_invalid,
// validate_hardware_logical_block_alignment, dm_table_set_restrictions of
// drivers/md/dm-table.c (6.1).
#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/since.h"
#include "block/read_ahead.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {
namespace {

// Since 6.11 the integrity profile of a device is one of its limits; before, it
// is registered with the disk.
bool IntegrityIsLimit(const KernelProfile& profile) {
  return profile.max_sectors_rule == MaxSectorsRule::kValidated;
}

}  // namespace

void DmTable::StackDevices(const DmTarget& ti, QueueLimits& limits) const {
  if (ti.type->iterate_devices == nullptr) return;
  const bool stacks_integrity = IntegrityIsLimit(md_.machine().profile()) &&
                                (ti.type->features & DM_TARGET_INTEGRITY) == 0;
  bool stacked = false;
  ti.type->iterate_devices(ti, [&](const DmDev& dev, sector_t start, sector_t) {
    const QueueLimits b = dev.bdev->queue().limits();
    const sector_t from = dev.bdev->start_sect() + start.value();
    if (BlkStackLimits(limits, b, from) < 0) {
      Log(KernLevel::kWarn,
          absl::StrCat("adding target device ", dev.bdev->name(),
                       " caused an alignment inconsistency: "
                       "physical_block_size=",
                       b.physical_block_size,
                       ", logical_block_size=", b.logical_block_size,
                       ", alignment_offset=", b.alignment_offset,
                       ", start=", start.value() << kSectorShift));
    }
    if (stacks_integrity) QueueLimitsStackIntegrity(limits, b, &stacked);
    return 0;
  });
}

absl::Status DmTable::CheckAreas(const DmTarget& ti,
                                 const QueueLimits& limits) const {
  const uint64_t lbs = limits.logical_block_size >> kSectorShift;
  std::string error;
  ti.type->iterate_devices(ti, [&](const DmDev& dev, sector_t start,
                                   sector_t len) {
    const uint64_t dev_size = dev.bdev->nr_sectors();
    const std::string& name = dev.bdev->name();
    // The kernel lets a device without a size pass.
    if (dev_size == 0) return 0;
    // start + len may wrap; the kernel's sum does too.
    if (start.value() >= dev_size || start.value() + len.value() > dev_size) {
      error = absl::StrCat(name, " too small for target: start=", start.value(),
                           ", len=", len.value(), ", dev_size=", dev_size);
    } else if (lbs > 1 && start.value() % lbs != 0) {
      error = absl::StrCat("start=", start.value(),
                           " not aligned to h/w logical block size ",
                           limits.logical_block_size, " of ", name);
    } else if (lbs > 1 && len.value() % lbs != 0) {
      error = absl::StrCat("len=", len.value(),
                           " not aligned to h/w logical block size ",
                           limits.logical_block_size, " of ", name);
    }
    return error.empty() ? 0 : 1;
  });
  return error.empty() ? absl::OkStatus() : Refuse(error);
}

absl::Status DmTable::CheckBlockAlignment(const QueueLimits& limits) const {
  const uint64_t block = limits.logical_block_size >> kSectorShift;
  // How many sectors are missing to a whole logical block of the table.
  uint64_t remaining = 0;
  uint64_t next_start = 0;
  size_t i = 0;
  const absl::Span<const DmTarget> rows = targets();
  for (; i < rows.size(); ++i) {
    const DmTarget& ti = rows[i];
    // Without io_hints: the kernel looks at the blocks of the devices here.
    QueueLimits ti_limits = BlkSetStackingLimits(md_.machine().profile());
    StackDevices(ti, ti_limits);
    const uint64_t ti_block = ti_limits.logical_block_size >> kSectorShift;
    // A block that the row before has begun ends in this row, at a place that
    // must suit the devices of this row.
    if (remaining < ti.len.value() && remaining % ti_block != 0) break;
    next_start = (next_start + ti.len.value()) % block;
    remaining = next_start == 0 ? 0 : block - next_start;
  }
  if (remaining == 0) return absl::OkStatus();
  // The kernel names the row it stopped at; past the last one it shows the
  // last row's numbers with the count of rows as the line.
  const DmTarget& ti = rows[std::min(i, rows.size() - 1)];
  return Refuse(absl::StrCat("table line ", i, " (start sect ",
                             ti.begin.value(), " len ", ti.len.value(),
                             ") not aligned to h/w logical block size ",
                             limits.logical_block_size));
}

absl::StatusOr<QueueLimits> DmTable::CalculateQueueLimits() const {
  if (columns_ != nullptr) {
    if (std::optional<QueueLimits> limits = LimitsOfColumns()) return *limits;
  }
  const KernelProfile& profile = md_.machine().profile();
  QueueLimits limits = BlkSetStackingLimits(profile);
  const bool has_integrity = IntegrityIsLimit(profile);
  // error passes it on too, since 6.8.
  bool passes_integrity =
      has_integrity &&
      EveryTargetHasAny(DM_TARGET_PASSES_INTEGRITY | DM_TARGET_WILDCARD);
  bool stacked = false;
  for (const DmTarget& ti : targets()) {
    QueueLimits ti_limits = BlkSetStackingLimits(profile);
    StackDevices(ti, ti_limits);
    if (ti.type->io_hints != nullptr) ti.type->io_hints(ti, ti_limits);
    if (ti.type->iterate_devices != nullptr) {
      if (absl::Status s = CheckAreas(ti, ti_limits); !s.ok()) return s;
    }
    if (BlkStackLimits(limits, ti_limits, sector_t{0}) < 0) {
      Log(KernLevel::kWarn,
          absl::StrCat("adding target device (start sect ", ti.begin.value(),
                       " len ", ti.len.value(),
                       ") caused an alignment inconsistency"));
    }
    if (!passes_integrity &&
        !(has_integrity && (ti.type->features & DM_TARGET_INTEGRITY))) {
      continue;
    }
    if (!QueueLimitsStackIntegrity(limits, ti_limits, &stacked)) {
      Log(KernLevel::kWarn,
          absl::StrCat("adding target device (start sect ", ti.begin.value(),
                       " len ", ti.len.value(),
                       ") disabled integrity support due to incompatibility"));
      passes_integrity = false;
    }
  }
  if (absl::Status s = CheckBlockAlignment(limits); !s.ok()) return s;
  return limits;
}

bool DmTable::AnyDevice(absl::FunctionRef<bool(const DmDev&)> test) const {
  for (const DmTarget& ti : targets_) {
    if (ti.type->iterate_devices == nullptr) continue;
    if (ti.type->iterate_devices(ti, [&](const DmDev& dev, sector_t, sector_t) {
          return test(dev) ? 1 : 0;
        })) {
      return true;
    }
  }
  return false;
}

bool DmTable::NeedsStableWrites() const {
  for (const DmTarget& ti : targets_) {
    if (ti.needs_stable_writes) return true;
  }
  return false;
}

bool DmTable::SupportsFlush(QueueFlag flag) const {
  for (const DmTarget& ti : targets_) {
    if (ti.num_flush_bios == 0) continue;
    if (ti.flush_supported) return true;
    if (ti.type->iterate_devices != nullptr &&
        ti.type->iterate_devices(ti, [&](const DmDev& dev, sector_t, sector_t) {
          return dev.bdev->queue().Has(flag) ? 1 : 0;
        })) {
      return true;
    }
  }
  return false;
}

bool DmTable::SupportsDiscards() const {
  for (const DmTarget& ti : targets_) {
    if (ti.num_discard_bios == 0) return false;
    if (ti.discards_supported) continue;
    if (ti.type->iterate_devices == nullptr) return false;
    if (ti.type->iterate_devices(ti, [](const DmDev& dev, sector_t, sector_t) {
          return dev.bdev->queue().limits().max_discard_sectors == 0 ? 1 : 0;
        })) {
      return false;
    }
  }
  return true;
}

// Until 6.10 each flag is worked out from the devices anew.
void DmTable::SetQueueFlags(RequestQueue& queue) const {
  const bool wc = SupportsFlush(QUEUE_FLAG_WC);
  queue.Set(QUEUE_FLAG_WC, wc);
  queue.Set(QUEUE_FLAG_FUA, wc && SupportsFlush(QUEUE_FLAG_FUA));
  queue.Set(QUEUE_FLAG_NONROT, !AnyDevice([](const DmDev& dev) {
              return !dev.bdev->queue().Has(QUEUE_FLAG_NONROT);
            }));
  const bool stable = AnyDevice([](const DmDev& dev) {
    return dev.bdev->queue().Has(QUEUE_FLAG_STABLE_WRITES);
  });
  queue.Set(QUEUE_FLAG_STABLE_WRITES, stable || NeedsStableWrites());
  // dm_table_supports_poll(): all devices can be polled, also where there are
  // none.
  constexpr Since<bool> kBiosArePolled[] = {{{5, 18}, true}};
  const bool all_ask_devices = std::all_of(
      targets_.begin(), targets_.end(),
      [](const DmTarget& ti) { return ti.type->iterate_devices != nullptr; });
  const bool unpolled = AnyDevice(
      [](const DmDev& dev) { return !dev.bdev->queue().Has(QUEUE_FLAG_POLL); });
  queue.Set(QUEUE_FLAG_POLL,
            ValueAt<bool>(kBiosArePolled, md_.machine().profile().release) &&
                type_ != DM_TYPE_REQUEST_BASED && all_ask_devices && !unpolled);
}

// Since 6.11 flags are features and part of the limits: stacked with them,
// and kept with them (`keeps`) when a table without data devices comes.
void DmTable::StackFeatures(RequestQueue& queue, bool keeps) const {
  bool wc = keeps && queue.Has(QUEUE_FLAG_WC);
  bool fua = keeps && queue.Has(QUEUE_FLAG_FUA);
  bool rotational = keeps && !queue.Has(QUEUE_FLAG_NONROT);
  bool stable =
      NeedsStableWrites() || (keeps && queue.Has(QUEUE_FLAG_STABLE_WRITES));
  bool poll = !keeps || queue.Has(QUEUE_FLAG_POLL);
  AnyDevice([&](const DmDev& dev) {
    const RequestQueue& q = dev.bdev->queue();
    wc |= q.Has(QUEUE_FLAG_WC);
    fua |= q.Has(QUEUE_FLAG_FUA);
    rotational |= !q.Has(QUEUE_FLAG_NONROT);
    stable |= q.Has(QUEUE_FLAG_STABLE_WRITES);
    poll &= q.Has(QUEUE_FLAG_POLL);
    return false;
  });
  for (const DmTarget& ti : targets_) {
    if (ti.num_flush_bios > 0 && ti.flush_supported) wc = fua = true;
  }
  queue.Set(QUEUE_FLAG_WC, wc);
  queue.Set(QUEUE_FLAG_FUA, wc && fua);
  queue.Set(QUEUE_FLAG_NONROT, !rotational);
  queue.Set(QUEUE_FLAG_STABLE_WRITES, stable);
  queue.Set(QUEUE_FLAG_POLL, poll && type_ != DM_TYPE_REQUEST_BASED);
}

void DmTable::SetRestrictions(const QueueLimits& table_limits,
                              bool keeps_features) {
  RequestQueue& queue = md_.disk().queue();
  QueueLimits limits = table_limits;
  if (!SupportsDiscards()) {
    limits.max_discard_sectors = 0;
    limits.max_hw_discard_sectors = 0;
    limits.discard_granularity = 0;
    limits.discard_alignment = 0;
    limits.discard_misaligned = false;
  }
  if (md_.machine().profile().max_sectors_rule == MaxSectorsRule::kStacked) {
    VerifyIntegrity(queue);
    const QueueLimits old = queue.limits();
    limits.integrity_metadata_size = old.integrity_metadata_size;
    limits.integrity_interval_exp = old.integrity_interval_exp;
    SetQueueFlags(queue);
  } else {
    StackFeatures(queue, keeps_features);
  }
  const bool dax = SupportsDax().dax();
  queue.Set(QUEUE_FLAG_DAX, dax);
  // Set once, these two stay: the kernel never takes them back.
  if (dax && DaxSynchronous()) md_.dax_dev().SetSynchronous();
  if (AnyDevice([](const DmDev& dev) {
        return dev.dax_dev != nullptr && dev.dax_dev->write_cache();
      })) {
    md_.dax_dev().SetWriteCache(true);
  }
  bool write_zeroes = true;
  for (const DmTarget& ti : targets_) {
    if (ti.num_write_zeroes_bios == 0) write_zeroes = false;
  }
  if (!write_zeroes || AnyDevice([](const DmDev& dev) {
        return dev.bdev->queue().limits().max_write_zeroes_sectors == 0;
      })) {
    limits.max_write_zeroes_sectors = 0;
  }
  BlkValidateLimits(md_.machine().profile(), limits);
  queue.SetLimits(limits);
  UpdateReadAhead(md_.machine().profile(), queue);
}

}  // namespace dmdax
