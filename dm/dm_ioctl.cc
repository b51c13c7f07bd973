// SPDX-License-Identifier: Apache-2.0
//
// Finds the device that a command means and fills in the reply; and the
// commands that do no more than that.  Mirrors find_device, __dev_status,
// dev_status, dev_wait and list_devices of drivers/md/dm-ioctl.c (6.1).  The
// other commands are in dm_ioctl_create.cc, dm_ioctl_suspend.cc,
// dm_ioctl_table.cc and dm_ioctl_message.cc.
#include "dm/dm_ioctl.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"

namespace dmdax {

DmCtl::DmCtl(Machine& machine, uint32_t dm_major)
    : machine_(machine),
      major_(dm_major),
      hash_(machine.profile().dm_list_order, &machine) {
  RegisterLinkedTargets();
}

DmCtl::~DmCtl() = default;

absl::Status DmCtl::Fail(int err, absl::string_view text) const {
  DmLog(machine_, KernLevel::kErr, "ioctl", text);
  return ErrnoError(err, text);
}

HashCell* DmCtl::FindCell(const DmIoctl& param) const {
  // __find_device_hash_cell(): exactly one of uuid, name and number may be
  // given.
  if (!param.uuid.empty()) {
    if (!param.name.empty() || param.dev != 0) {
      if (machine_.profile().dm_logs_bad_selection) {
        DmLog(
            machine_, KernLevel::kErr, "ioctl",
            absl::StrFormat("Invalid ioctl structure: uuid %s, name %s, dev %x",
                            param.uuid, param.name, param.dev));
      }
      return nullptr;
    }
    return hash_.FindUuid(param.uuid);
  }
  if (!param.name.empty()) {
    if (param.dev != 0) {
      if (machine_.profile().dm_logs_bad_selection) {
        DmLog(machine_, KernLevel::kErr, "ioctl",
              absl::StrFormat("Invalid ioctl structure: name %s, dev %x",
                              param.name, param.dev));
      }
      return nullptr;
    }
    return hash_.FindName(param.name);
  }
  if (param.dev == 0) return nullptr;
  const DevT dev = DevT::HugeDecode(param.dev);
  return dev.major_nr == major_ ? hash_.FindMinor(dev.minor_nr) : nullptr;
}

absl::StatusOr<HashCell*> DmCtl::GetCell(const DmIoctl& param) const {
  HashCell* cell = FindCell(param);
  if (cell == nullptr) return ErrnoError(ENXIO, "no such device");
  return cell;
}

absl::StatusOr<HashCell*> DmCtl::CellToChange(const DmIoctl& param) {
  absl::StatusOr<HashCell*> cell = GetCell(param);
  if (cell.ok()) machine_.changed().Inside((*cell)->md->dev());
  return cell;
}

void DmCtl::FillIdentity(const HashCell& cell, DmIoctl& param) {
  param.name = cell.name;
  param.uuid = cell.uuid;
  if (cell.new_map != nullptr) {
    param.flags |= DM_INACTIVE_PRESENT_FLAG;
  } else {
    param.flags &= ~DM_INACTIVE_PRESENT_FLAG;
  }
}

void DmCtl::Answer(const HashCell& cell, DmIoctl& param) const {
  FillIdentity(cell, param);
  FillStatus(cell, param);
}

const DmTable* DmCtl::QueriedTable(const HashCell& cell,
                                   const DmIoctl& param) const {
  return param.flags & DM_QUERY_INACTIVE_TABLE_FLAG ? cell.new_map.get()
                                                    : cell.md->live_table();
}

void DmCtl::FillStatus(const HashCell& cell, DmIoctl& param) const {
  const MappedDevice& md = *cell.md;
  param.flags &= ~(DM_SUSPEND_FLAG | DM_READONLY_FLAG | DM_ACTIVE_PRESENT_FLAG |
                   DM_INTERNAL_SUSPEND_FLAG);
  if (md.suspended()) param.flags |= DM_SUSPEND_FLAG;
  if (md.deferred_remove()) param.flags |= DM_DEFERRED_REMOVE;
  param.dev = md.dev().HugeEncode();
  param.open_count = md.open_count();
  param.event_nr = md.event_nr();
  param.target_count = 0;
  const bool query_inactive = param.flags & DM_QUERY_INACTIVE_TABLE_FLAG;
  if (const DmTable* live = md.live_table()) {
    param.flags |= DM_ACTIVE_PRESENT_FLAG;
    if (!query_inactive) {
      if (md.disk().read_only()) param.flags |= DM_READONLY_FLAG;
      param.target_count = static_cast<uint32_t>(live->num_targets());
    }
  }
  if (query_inactive && cell.new_map != nullptr) {
    if (!(cell.new_map->mode() & FMODE_WRITE)) {
      param.flags |= DM_READONLY_FLAG;
    }
    param.target_count = static_cast<uint32_t>(cell.new_map->num_targets());
  }
}

void DmCtl::NoteBackground(const MappedDevice& md) {
  const DmTable* table = md.live_table();
  if (table != nullptr && table->HasBackground()) {
    background_.insert(md.dev().minor_nr);
  } else {
    background_.erase(md.dev().minor_nr);
  }
}

void DmCtl::NoteRestless(const MappedDevice& md, const DmTable& table) {
  const bool is = std::any_of(
      table.targets().begin(), table.targets().end(), [](const DmTarget& ti) {
        return ti.type->save_state != nullptr || ti.type->message != nullptr ||
               ti.type->elapse != nullptr;
      });
  if (is) restless_.insert(md.dev().minor_nr);
}

std::set<uint32_t> DmCtl::Restless() const {
  absl::MutexLock lock(&mu_);
  return restless_;
}

uint64_t DmCtl::LastInserted() const {
  absl::MutexLock lock(&mu_);
  return hash_.last_inserted();
}

void DmCtl::Elapse() {
  if (background_.empty()) return;
  const int64_t now = machine_.NowSeconds();
  for (uint32_t minor : background_) {
    const HashCell* cell = hash_.FindMinor(minor);
    if (cell == nullptr || cell->md->suspended()) continue;
    const uint32_t event_nr = cell->md->event_nr();
    cell->md->live_table()->Elapse(now);
    DeviceEvents(*cell->md, event_nr);
  }
}

absl::Status DmCtl::DevStatus(DmIoctl& param) {
  absl::MutexLock lock(&mu_);
  Elapse();
  absl::StatusOr<HashCell*> cell = GetCell(param);
  if (!cell.ok()) return cell.status();
  Answer(**cell, param);
  return absl::OkStatus();
}

absl::Status DmCtl::DevWait(DmIoctl& param) {
  absl::MutexLock lock(&mu_);
  Elapse();
  absl::StatusOr<HashCell*> cell = GetCell(param);
  if (!cell.ok()) return cell.status();
  if ((*cell)->md->event_nr() == param.event_nr) {
    return ErrnoError(EAGAIN, "no event yet");
  }
  Answer(**cell, param);
  return absl::OkStatus();
}

absl::Status DmCtl::ListDevices(DmIoctl& param,
                                std::vector<DmNameEntry>* entries) {
  absl::MutexLock lock(&mu_);
  Elapse();
  for (HashCell* cell : hash_.List()) {
    // Since 5.14 name and uuid of the request are prefixes to match.
    if (machine_.profile().dm_list_order == DmListOrder::kByName &&
        (!absl::StartsWith(cell->name, param.name) ||
         !absl::StartsWith(cell->uuid, param.uuid))) {
      continue;
    }
    entries->push_back({cell->md->dev().HugeEncode(), cell->name,
                        cell->md->event_nr(), cell->uuid});
  }
  return absl::OkStatus();
}

std::shared_ptr<MappedDevice> DmCtl::FindDevice(absl::string_view name) const {
  absl::MutexLock lock(&mu_);
  HashCell* cell = hash_.FindName(name);
  return cell == nullptr ? nullptr : cell->md;
}

void DmCtl::ForDevice(uint32_t minor,
                      absl::FunctionRef<void(const HashCell& cell)> fn) const {
  absl::MutexLock lock(&mu_);
  if (const HashCell* cell = hash_.FindMinor(minor)) fn(*cell);
}

std::shared_ptr<MappedDevice> DmCtl::FindMinor(uint32_t minor) const {
  absl::MutexLock lock(&mu_);
  HashCell* cell = hash_.FindMinor(minor);
  return cell == nullptr ? nullptr : cell->md;
}

}  // namespace dmdax
