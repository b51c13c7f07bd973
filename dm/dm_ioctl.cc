// SPDX-License-Identifier: Apache-2.0
//
// The commands on devices.  Those on tables are in dm_ioctl_table.cc.
#include "dm/dm_ioctl.h"

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "dm/stack_cycle.h"

namespace dmdax {

DmCtl::DmCtl(Machine& machine, uint32_t dm_major)
    : machine_(machine),
      major_(dm_major),
      hash_(machine.profile().dm_list_order) {}

DmCtl::~DmCtl() = default;

absl::Status DmCtl::Fail(int err, absl::string_view text) const {
  DmLog(machine_, KernLevel::kErr, "ioctl", text);
  return ErrnoError(err, text);
}

// --- selection ---

HashCell* DmCtl::FindCell(const DmIoctl& param) const {
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

// Without a block device there is nobody to send a uevent.
bool DmCtl::HasDisk(const MappedDevice& md) const {
  return machine_.profile().dm_add_disk == DmAddDisk::kAtCreate ||
         md.type() != DM_TYPE_NONE;
}

// --- create, remove, rename ---

absl::Status DmCtl::CheckName(absl::string_view name) const {
  const bool reserved_too =
      machine_.profile().dm_name_check == DmNameCheck::kSlashAndReserved;
  if (absl::StrContains(name, '/')) {
    return Fail(EINVAL, reserved_too ? "device name cannot contain '/'"
                                     : "invalid device name");
  }
  if (reserved_too && (name == "control" || name == "." || name == "..")) {
    return Fail(EINVAL, "device name cannot be \"control\", \".\", or \"..\"");
  }
  return absl::OkStatus();
}

absl::Status DmCtl::DevCreate(DmIoctl& param) {
  absl::MutexLock lock(&mu_);
  if (param.name.empty()) {
    return Fail(EINVAL, "name not supplied when creating device");
  }
  if (absl::Status s = CheckName(param.name); !s.ok()) return s;
  absl::StatusOr<uint32_t> minor;
  if (param.flags & DM_PERSISTENT_DEV_FLAG) {
    // Only the minor counts; the major is ours in any case.
    minor = DevT::HugeDecode(param.dev).minor_nr;
    if (hash_.FindMinor(*minor) != nullptr) {
      return ErrnoError(ENXIO, absl::StrCat("minor ", *minor, " is taken"));
    }
  } else {
    minor = hash_.NextFreeMinor();
    if (!minor.ok()) return minor.status();
  }
  auto md = std::make_shared<MappedDevice>(machine_, DevT{major_, *minor});
  absl::StatusOr<HashCell*> cell = hash_.Insert(param.name, param.uuid, md);
  if (!cell.ok()) return cell.status();
  if (machine_.profile().dm_add_disk == DmAddDisk::kAtCreate) md->AddDisk();
  param.flags &= ~DM_INACTIVE_PRESENT_FLAG;
  FillStatus(**cell, param);
  GlobalEvent();
  return absl::OkStatus();
}

void DmCtl::RemoveCell(HashCell* cell) {
  std::unique_ptr<HashCell> removed = hash_.Remove(cell);
  removed->md->LiveTableEvent();
  removed->new_map.reset();
  removed->md->Destroy();
}

absl::Status DmCtl::DevRemove(DmIoctl& param) {
  {
    absl::MutexLock lock(&mu_);
    absl::StatusOr<HashCell*> cell = GetCell(param);
    if (!cell.ok()) return cell.status();
    const bool deferred = param.flags & DM_DEFERRED_REMOVE;
    absl::Status s = (*cell)->md->LockForDeletion(deferred, false);
    if (!s.ok() && !deferred) return s;
    FillIdentity(**cell, param);
    // Open: the deferred removal has been noted and is a success.
    if (!s.ok()) return absl::OkStatus();
    if (HasDisk(*(*cell)->md)) param.flags |= DM_UEVENT_GENERATED_FLAG;
    RemoveCell(*cell);
    param.flags &= ~DM_DEFERRED_REMOVE;
    GlobalEvent();
  }
  DoDeferredRemove();
  return absl::OkStatus();
}

int DmCtl::RemoveClosed(bool mark_deferred, bool only_deferred) {
  // Removing one may close another, so start over until nothing goes.
  bool progress = true;
  int skipped = 0;
  while (progress) {
    progress = false;
    skipped = 0;
    for (HashCell* cell : hash_.List()) {
      if (!cell->md->LockForDeletion(mark_deferred, only_deferred).ok()) {
        ++skipped;
        continue;
      }
      RemoveCell(cell);
      progress = true;
      break;
    }
  }
  return skipped;
}

absl::Status DmCtl::RemoveAll(DmIoctl& param) {
  absl::MutexLock lock(&mu_);
  const int skipped = RemoveClosed(param.flags & DM_DEFERRED_REMOVE, false);
  if (skipped > 0) {
    DmLog(machine_, KernLevel::kWarn, "ioctl",
          absl::StrCat("remove_all left ", skipped, " open device(s)"));
  }
  GlobalEvent();
  return absl::OkStatus();
}

void DmCtl::DoDeferredRemove() {
  absl::MutexLock lock(&mu_);
  RemoveClosed(false, true);
}

absl::Status DmCtl::CheckRename(const DmIoctl& param,
                                absl::string_view value) const {
  const bool change_uuid = param.flags & DM_UUID_FLAG;
  const absl::string_view what = change_uuid ? "uuid" : "name";
  if (change_uuid ? hash_.FindUuid(value) != nullptr
                  : hash_.FindName(value) != nullptr) {
    return Fail(EBUSY, absl::StrCat("Unable to change ", what,
                                    " on mapped device ", param.name,
                                    " to one that already exists: ", value));
  }
  const HashCell* cell = hash_.FindName(param.name);
  if (cell == nullptr) {
    return Fail(ENXIO, absl::StrCat("Unable to rename non-existent device, ",
                                    param.name, " to ",
                                    change_uuid ? "uuid " : "", value));
  }
  if (change_uuid && !cell->uuid.empty()) {
    return Fail(EINVAL,
                absl::StrCat("Unable to change uuid of mapped device ",
                             param.name, " to ", value,
                             " because uuid is already set to ", cell->uuid));
  }
  return absl::OkStatus();
}

absl::Status DmCtl::DevRename(DmIoctl& param, absl::string_view new_name) {
  absl::MutexLock lock(&mu_);
  const bool change_uuid = param.flags & DM_UUID_FLAG;
  if (new_name.empty() ||
      new_name.size() > (change_uuid ? kUuidLen : kNameLen)) {
    return Fail(EINVAL,
                "Invalid new mapped device name or uuid string supplied.");
  }
  if (!change_uuid) {
    if (absl::Status s = CheckName(new_name); !s.ok()) return s;
  }
  // By name only: neither uuid nor number selects here.
  if (absl::Status s = CheckRename(param, new_name); !s.ok()) return s;
  HashCell* cell = hash_.FindName(param.name);
  if (change_uuid) {
    hash_.SetUuid(cell, new_name);
  } else {
    hash_.ChangeName(cell, new_name);
  }
  cell->md->LiveTableEvent();
  if (HasDisk(*cell->md)) param.flags |= DM_UEVENT_GENERATED_FLAG;
  FillStatus(*cell, param);
  GlobalEvent();
  return absl::OkStatus();
}

// --- suspend, resume, status ---

absl::Status DmCtl::DoSuspend(DmIoctl& param) {
  absl::StatusOr<HashCell*> cell = GetCell(param);
  if (!cell.ok()) return cell.status();
  // Suspending twice is a success here; only dm_suspend() itself minds.
  if (!(*cell)->md->suspended()) {
    if (absl::Status s = (*cell)->md->Suspend(); !s.ok()) return s;
  }
  Answer(**cell, param);
  return absl::OkStatus();
}

absl::Status DmCtl::DoResume(DmIoctl& param) {
  absl::StatusOr<HashCell*> found = GetCell(param);
  if (!found.ok()) return found.status();
  HashCell& cell = **found;
  MappedDevice& md = *cell.md;
  // The inactive table is taken out first, and is gone if it does not fit.
  std::unique_ptr<DmTable> new_map = std::move(cell.new_map);
  std::unique_ptr<DmTable> old_map;
  if (new_map != nullptr) {
    if (machine_.profile().dm_dax_check_recurses && StandsOnItself(*new_map)) {
      cell.new_map = std::move(new_map);
      return Fail(ELOOP,
                  "(dmdax) the device would stand on itself; this kernel's "
                  "DAX check would overflow the stack");
    }
    if (!md.suspended()) {
      if (absl::Status s = md.Suspend(); !s.ok()) return s;
    }
    const bool writable = new_map->mode() & FMODE_WRITE;
    absl::StatusOr<std::unique_ptr<DmTable>> old = md.SwapTable(new_map);
    if (!old.ok()) return old.status();
    old_map = std::move(*old);
    GlobalEvent();
    md.disk().SetReadOnly(!writable);
  }
  if (md.suspended()) {
    if (absl::Status s = md.Resume(); !s.ok()) return s;
    param.flags |= DM_UEVENT_GENERATED_FLAG;
  }
  Answer(cell, param);
  return absl::OkStatus();
}

absl::Status DmCtl::DevSuspend(DmIoctl& param) {
  absl::Status s;
  {
    absl::MutexLock lock(&mu_);
    s = param.flags & DM_SUSPEND_FLAG ? DoSuspend(param) : DoResume(param);
  }
  DoDeferredRemove();
  return s;
}

absl::Status DmCtl::DevStatus(DmIoctl& param) {
  absl::MutexLock lock(&mu_);
  absl::StatusOr<HashCell*> cell = GetCell(param);
  if (!cell.ok()) return cell.status();
  Answer(**cell, param);
  return absl::OkStatus();
}

absl::Status DmCtl::DevWait(DmIoctl& param) {
  absl::MutexLock lock(&mu_);
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

std::shared_ptr<MappedDevice> DmCtl::FindMinor(uint32_t minor) const {
  absl::MutexLock lock(&mu_);
  HashCell* cell = hash_.FindMinor(minor);
  return cell == nullptr ? nullptr : cell->md;
}

}  // namespace dmdax
