// SPDX-License-Identifier: Apache-2.0
//
// The commands that make, name and remove devices.  Mirrors check_name,
// dev_create, dev_remove, dm_hash_remove_all, dm_hash_rename and dev_rename of
// drivers/md/dm-ioctl.c (6.1).
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/dm_ioctl.h"

namespace dmdax {

// Without a block device there is nobody to send a uevent.
bool DmCtl::HasDisk(const MappedDevice& md) const {
  return machine_.profile().dm_add_disk == DmAddDisk::kAtCreate ||
         md.type() != DM_TYPE_NONE;
}

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
    // alloc_dev() gives no reason, so dm_create() answers ENXIO for a taken
    // minor.
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
  machine_.changed().Device(removed->md->dev());
  deferred_.erase(removed->md->dev().minor_nr);
  restless_.erase(removed->md->dev().minor_nr);
  const uint32_t event_nr = removed->md->event_nr();
  // __hash_remove() wakes waiters before the device goes.
  removed->md->LiveTableEvent();
  DeviceEvents(*removed->md, event_nr);
  removed->new_map.reset();
  background_.erase(removed->md->dev().minor_nr);
  removed->md->Remove();
}

absl::Status DmCtl::DevRemove(DmIoctl& param) {
  {
    absl::MutexLock lock(&mu_);
    absl::StatusOr<HashCell*> cell = CellToChange(param);
    if (!cell.ok()) return cell.status();
    const bool deferred = param.flags & DM_DEFERRED_REMOVE;
    absl::Status s = (*cell)->md->LockForDeletion(deferred, false);
    if (!s.ok() && !deferred) return s;
    FillIdentity(**cell, param);
    // The device is open: its deferred removal has been noted, which is a
    // success.
    if (!s.ok()) {
      NoteDeferred(*(*cell)->md);
      GlobalEvent();
      return absl::OkStatus();
    }
    if (HasDisk(*(*cell)->md)) param.flags |= DM_UEVENT_GENERATED_FLAG;
    RemoveCell(*cell);
    param.flags &= ~DM_DEFERRED_REMOVE;
    GlobalEvent();
  }
  DoDeferredRemove();
  return absl::OkStatus();
}

void DmCtl::NoteDeferred(const MappedDevice& md) {
  if (md.deferred_remove()) {
    deferred_.insert(md.dev().minor_nr);
  } else {
    deferred_.erase(md.dev().minor_nr);
  }
}

// The kernel walks its whole list again after each removal, because a removal
// may close other devices.  Only the devices that the removed one had open can
// be closed by it, so we look at those alone.
void DmCtl::RemoveClosed(std::vector<uint32_t> minors, bool mark_deferred,
                         bool only_deferred) {
  for (size_t i = 0; i < minors.size(); ++i) {
    HashCell* cell = hash_.FindMinor(minors[i]);
    if (cell == nullptr) continue;
    if (!cell->md->LockForDeletion(mark_deferred, only_deferred).ok()) {
      NoteDeferred(*cell->md);
      continue;
    }
    for (const DmDev* below : cell->md->TableDevices()) {
      const DevT dev = below->bdev->dev();
      if (dev.major_nr == major_) minors.push_back(dev.minor_nr);
    }
    RemoveCell(cell);
  }
}

absl::Status DmCtl::RemoveAll(DmIoctl& param) {
  absl::MutexLock lock(&mu_);
  std::vector<uint32_t> minors;
  for (const HashCell* cell : hash_.List()) {
    minors.push_back(cell->md->dev().minor_nr);
  }
  RemoveClosed(std::move(minors), param.flags & DM_DEFERRED_REMOVE, false);
  if (hash_.size() > 0) {
    DmLog(machine_, KernLevel::kWarn, "ioctl",
          absl::StrCat("remove_all left ", hash_.size(), " open device(s)"));
  }
  GlobalEvent();
  return absl::OkStatus();
}

void DmCtl::DoDeferredRemove() {
  absl::MutexLock lock(&mu_);
  RemoveClosed({deferred_.begin(), deferred_.end()}, false, true);
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
  machine_.changed().Device(cell->md->dev());
  const uint32_t event_nr = cell->md->event_nr();
  cell->md->LiveTableEvent();
  DeviceEvents(*cell->md, event_nr);
  if (HasDisk(*cell->md)) param.flags |= DM_UEVENT_GENERATED_FLAG;
  FillStatus(*cell, param);
  GlobalEvent();
  return absl::OkStatus();
}

}  // namespace dmdax
