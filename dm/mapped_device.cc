// SPDX-License-Identifier: Apache-2.0
#include "dm/mapped_device.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/blk_request_module.h"

namespace dmdax {
namespace {

// The one holder that all mapped devices claim their devices for, so that
// several tables may use the same one (_dm_claim_ptr).
constexpr char kDmClaim[] = "I belong to device-mapper";

}  // namespace

MappedDevice::MappedDevice(Machine& machine, DevT dev)
    : machine_(machine),
      name_(dev.ToString()),
      dax_dev_(machine.profile(), absl::StrCat("dm-", dev.minor_nr), this),
      disk_(dev, absl::StrCat("dm-", dev.minor_nr), 0, &dax_dev_, this) {
  disk_.set_changed(&machine.changed());
  // max_sectors is compiled into the maps of this device and those above, once
  // it has a table.
  disk_.queue().SetMaxSectorsObserver([this] {
    if (live_table() != nullptr) DaxStackChange change(dax_dev_, this);
  });
  if (machine.profile().dm_add_disk == DmAddDisk::kAtCreate) {
    // A plain queue, which other devices may be stacked on already.
    disk_.queue().SetLimits(QueueLimits{});
    disk_.queue().Set(QUEUE_FLAG_NONROT, false);
    return;
  }
  // What blk_alloc_disk() gives; the first table replaces it.
  QueueLimits limits = BlkSetStackingLimits(machine.profile());
  limits.max_sectors = machine.profile().blk_def_max_sectors;
  disk_.queue().SetLimits(limits);
}

MappedDevice::~MappedDevice() { Destroy(); }

MappedDevice* MappedDevice::Of(const BlockDevice& bdev) {
  return dynamic_cast<MappedDevice*>(bdev.fops());
}

MappedDevice* MappedDevice::Of(const DaxDevice& dax_dev) {
  return dynamic_cast<MappedDevice*>(dax_dev.ops());
}

std::string MappedDevice::dm_name() const {
  absl::MutexLock lock(&name_mu_);
  return dm_name_;
}

void MappedDevice::SetDmName(std::string name) {
  NoteChange();
  absl::MutexLock lock(&name_mu_);
  dm_name_ = std::move(name);
}

void MappedDevice::AddDisk() {
  if (disk_added_) return;
  machine_.AddDisk(&disk_);
  disk_added_ = true;
}

absl::Status MappedDevice::SetupQueue(DmTable& table) {
  if (machine_.profile().dm_sets_type_before_queue) type_ = table.type();
  absl::StatusOr<QueueLimits> limits = table.CalculateQueueLimits();
  if (!limits.ok()) {
    DmLog(machine_, KernLevel::kErr, "core",
          "Cannot calculate initial queue limits");
    return limits.status();
  }
  table.SetRestrictions(*limits);
  AddDisk();
  NoteChange();
  type_ = table.type();
  has_queue_ = true;
  return absl::OkStatus();
}

absl::Status MappedDevice::Suspend(SuspendHow how) {
  if (suspended_.load()) {
    return ErrnoError(EINVAL, absl::StrCat(name_, " is suspended already"));
  }
  suspended_.store(true);
  NoteChange();
  machine_.BumpIoGeneration();
  noflush_suspending_ = how == SuspendHow::kNoflush;
  if (DmTable* table = live_table()) table->PostsuspendTargets();
  noflush_suspending_ = false;
  return absl::OkStatus();
}

void MappedDevice::Remove() {
  if (!suspended_.exchange(true)) {
    if (DmTable* table = live_table()) table->PostsuspendTargets();
  }
  if (DmTable* table = live_table()) table->DestroyTargets();
  Destroy();
}

absl::StatusOr<std::unique_ptr<DmTable>> MappedDevice::SwapTable(
    std::unique_ptr<DmTable>& table) {
  if (!suspended_.load()) {
    return ErrnoError(EINVAL, absl::StrCat(name_, " is not suspended"));
  }
  QueueLimits limits = disk_.queue().limits();
  // A table without data devices (multipath with all paths gone) keeps the old
  // limits, for which queued I/O was built.
  const bool keeps = table->HasNoDataDevices() && live_table() != nullptr;
  if (!keeps) {
    absl::StatusOr<QueueLimits> calculated = table->CalculateQueueLimits();
    if (!calculated.ok()) return calculated.status();
    limits = *calculated;
  }
  // When this returns, the compiled maps above have been built from the new
  // table.
  DaxStackChange change(dax_dev_, this);
  NoteChange();
  machine_.BumpIoGeneration();
  const uint64_t old_size = disk_.nr_sectors();
  disk_.SetCapacity(table->size());
  table->SetRestrictions(limits, keeps);
  if (table->size() != old_size) geometry_ = HdGeometry{};
  immutable_target_type_ = table->immutable_target_type();
  std::unique_ptr<DmTable> old(
      map_.exchange(table.release(), std::memory_order_acq_rel));
  // Readers may still use the old table, which the caller frees.
  if (old != nullptr) io_barrier_.Synchronize();
  return old;
}

absl::Status MappedDevice::Resume() {
  if (!suspended_.load()) {
    return ErrnoError(EINVAL, absl::StrCat(name_, " is not suspended"));
  }
  DmTable* table = live_table();
  if (table == nullptr || table->size() == 0) {
    return ErrnoError(EINVAL, absl::StrCat(name_, " has no table"));
  }
  if (absl::Status s = table->ResumeTargets(); !s.ok()) return s;
  suspended_.store(false);
  NoteChange();
  machine_.BumpIoGeneration();
  return absl::OkStatus();
}

absl::Status MappedDevice::SetGeometry(const HdGeometry& g) {
  if (g.start > g.cylinders * g.heads * g.sectors) {
    constexpr char kError[] = "Start sector is beyond the geometry limits.";
    DmLog(machine_, KernLevel::kErr, "core", kError);
    return ErrnoError(EINVAL, kError);
  }
  geometry_ = g;
  machine_.changed().Inside(dev());
  return absl::OkStatus();
}

BioMap MappedDevice::MapBio(sector_t sector, ReqOp op) const {
  SrcuReadLock live(io_barrier_);
  const DmTable* table = map_.load(std::memory_order_acquire);
  const DmTarget* ti = table == nullptr ? nullptr : table->FindTarget(sector);
  if (ti == nullptr || ti->type->map == nullptr) {
    return {.kind = BioMap::Kind::kError, .err = EIO};
  }
  return ti->type->map(*ti, sector, op);
}

void MappedDevice::LiveTableEvent() {
  if (live_table() == nullptr) return;
  event_nr_.fetch_add(1);
  machine_.changed().Inside(dev());
}

absl::Status MappedDevice::Open() {
  if (deleting_.load()) {
    return ErrnoError(ENXIO, absl::StrCat(name_, " is being removed"));
  }
  open_count_.fetch_add(1);
  return absl::OkStatus();
}

void MappedDevice::Release() { open_count_.fetch_sub(1); }

absl::Status MappedDevice::LockForDeletion(bool mark_deferred,
                                           bool only_deferred) {
  if (open_count_.load() > 0) {
    if (mark_deferred) {
      deferred_remove_.store(true);
      machine_.changed().Inside(dev());
    }
    return ErrnoError(EBUSY, absl::StrCat("open count is ", open_count()));
  }
  if (only_deferred && !deferred_remove_.load()) {
    return ErrnoError(EEXIST, "not marked for deferred removal");
  }
  deleting_.store(true);
  return absl::OkStatus();
}

absl::Status MappedDevice::CancelDeferredRemove() {
  if (deleting_.load()) return ErrnoError(EBUSY, "being removed");
  deferred_remove_.store(false);
  machine_.changed().Inside(dev());
  return absl::OkStatus();
}

void MappedDevice::Destroy() {
  MappedDevice* const self = this;
  DestroyAll({&self, 1});
}

void MappedDevice::DestroyAll(absl::Span<MappedDevice* const> devices) {
  std::vector<DaxDevice*> alive;
  std::vector<MappedDevice*> live;
  for (MappedDevice* md : devices) {
    md->deleting_.store(true);
    md->machine_.BumpIoGeneration();
    if (md->disk_added_) {
      md->machine_.DelDisk(&md->disk_);
      md->disk_added_ = false;
    }
    if (md->dax_dev_.alive()) alive.push_back(&md->dax_dev_);
    if (md->live_table() != nullptr) live.push_back(md);
  }
  // The dax devices go first: after KillAll() no query is on its way to a
  // table.
  DaxDevice::KillAll(alive);
  if (live.empty()) return;
  std::vector<std::unique_ptr<DmTable>> old;
  for (MappedDevice* md : live) {
    DaxStackChange change(md->dax_dev_, md);
    old.emplace_back(md->map_.exchange(nullptr));
  }
  // All Srcu share the readers' words, so this waits for those of every device.
  live[0]->io_barrier_.Synchronize();
}

const void* MappedDevice::Holder() { return kDmClaim; }

absl::StatusOr<DmDev*> MappedDevice::GetTableDevice(DevT dev, unsigned mode) {
  if (auto known = table_device_by_key_.find({dev, mode});
      known != table_device_by_key_.end()) {
    ++known->second->count;
    return &known->second->dm_dev;
  }
  BlockDevice* bdev = machine_.FindBdev(dev);
  if (bdev == nullptr) bdev = BlkRequestModule(machine_, dev);
  if (bdev == nullptr) {
    return ErrnoError(ENXIO, absl::StrCat("no device ", dev.ToString()));
  }
  absl::Status s = bdev->Open(mode | FMODE_EXCL, kDmClaim);
  if (!s.ok()) return s;
  // open_table_device(): whether the device has DAX is decided when it is
  // opened, once for all tables that share it.
  DaxDevice* dax = FsDaxGetByBdev(*bdev, machine_.profile(), machine_.log());
  table_devices_.push_front(
      TableDevice{DmDev{bdev, dax, mode, dev.ToString()}, 1});
  NoteChange();
  table_device_by_key_[{dev, mode}] = table_devices_.begin();
  return &table_devices_.front().dm_dev;
}

void MappedDevice::PutTableDevice(DmDev* dm_dev) {
  auto known = table_device_by_key_.find({dm_dev->bdev->dev(), dm_dev->mode});
  if (known == table_device_by_key_.end()) return;
  const std::list<TableDevice>::iterator td = known->second;
  if (&td->dm_dev != dm_dev || --td->count > 0) return;
  table_device_by_key_.erase(known);
  NoteChange();
  td->dm_dev.bdev->Close(td->dm_dev.mode | FMODE_EXCL);
  // A row that opened it for reading still points to it when a later row of
  // its table has opened it for writing (upgrade_mode()).
  closed_devices_.splice(closed_devices_.end(), table_devices_, td);
  if (table_devices_.empty()) closed_devices_.clear();
}

std::vector<const DmDev*> MappedDevice::TableDevices() const {
  std::vector<const DmDev*> devices;
  for (const TableDevice& td : table_devices_) devices.push_back(&td.dm_dev);
  return devices;
}

}  // namespace dmdax
