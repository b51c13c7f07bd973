// SPDX-License-Identifier: Apache-2.0
#include "state/part/changed_part.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "block/changed_devices.h"
#include "dm/mapped_device.h"
#include "state/dm_snapshot.h"
#include "state/hardware.h"

namespace dmdax {

void ChangedPart::TakeNotes() {
  std::optional<ChangedDevices::Taken> taken =
      session_.machine->changed().Take(ChangedDevices::Reader::kState);
  if (!taken || taken->disks || taken->above) whole_ = true;
  if (!taken) return;
  devices_.merge(taken->devices);
  nodes_.merge(taken->nodes);
}

BlockDevice* ChangedPart::FindDisk(DevT dev) const {
  BlockDevice* const bdev = session_.machine->FindBdev(dev);
  return bdev == nullptr || MappedDevice::Of(*bdev) != nullptr ? nullptr : bdev;
}

absl::Status ChangedPart::KeepBytes(const std::shared_ptr<DiskFiles>& files,
                                    DiskBytes::KeepHow how) {
  const Machine& machine = *session_.machine;
  if (whole_ || (how == DiskBytes::KeepHow::kSynced && all_unsynced_)) {
    return dmdax::KeepBytes(machine, files, how);
  }
  std::set<DevT> disks = devices_;
  if (how == DiskBytes::KeepHow::kSynced) {
    disks.insert(unsynced_.begin(), unsynced_.end());
  }
  for (DevT dev : disks) {
    BlockDevice* const bdev = FindDisk(dev);
    if (bdev == nullptr) continue;
    absl::Status s = dmdax::KeepBytes(machine, *bdev, files, how);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

void ChangedPart::SaveMapped(DevT dev, Rows* rows) {
  rows->objects.emplace_back(StateObjectKind::kMappedDevice,
                             absl::StrCat(dev.minor_nr));
  DmSnapshotter(*session_.ctl)
      .Save(dev.minor_nr, rows->snapshot.mutable_world());
}

// What a disk says of itself its partitions say too.
void ChangedPart::SaveDisks(DevT dev, Rows* rows) {
  BlockDevice* const disk = FindDisk(dev);
  if (disk == nullptr) return;
  const Machine& machine = *session_.machine;
  std::vector<BlockDevice*> all;
  if (!disk->is_partition()) all = machine.LoadedPartitions(*disk);
  all.insert(all.begin(), disk);
  for (BlockDevice* bdev : all) {
    const bool is_pmem = machine.FindPmem(bdev->name()) != nullptr;
    rows->objects.emplace_back(
        is_pmem ? StateObjectKind::kPmem : StateObjectKind::kBlock,
        bdev->name());
    SaveDisk(machine, *bdev, rows->snapshot.mutable_world());
  }
}

absl::StatusOr<ChangedPart::Rows> ChangedPart::ToKeep(
    uint64_t generation, const std::shared_ptr<DiskFiles>& files,
    DiskBytes::KeepHow how) {
  const uint32_t major = session_.ctl->major();
  for (uint32_t minor : session_.ctl->Restless()) {
    devices_.insert(DevT{major, minor});
  }
  Rows rows;
  rows.snapshot.set_generation(generation);
  rows.objects.emplace_back(StateObjectKind::kMachine, "");
  proto::World& world = *rows.snapshot.mutable_world();
  const std::set<DevT> saved = devices_;
  for (DevT dev : saved) {
    if (dev.major_nr == major) SaveMapped(dev, &rows);
  }
  // In the order in which they got their names.
  std::sort(world.mutable_mapped_device()->pointer_begin(),
            world.mutable_mapped_device()->pointer_end(),
            [](const proto::MappedDevice* a, const proto::MappedDevice* b) {
              return a->runtime().inserted() < b->runtime().inserted();
            });
  // To say what they are, targets may have written to disks.
  TakeNotes();
  const auto is_new = [&](DevT dev) {
    return dev.major_nr == major && !saved.contains(dev);
  };
  if (std::any_of(devices_.begin(), devices_.end(), is_new)) whole_ = true;
  if (absl::Status s = KeepBytes(files, how); !s.ok()) return s;
  // Disks that were noted as their partitions' too.
  for (DevT dev : devices_) {
    BlockDevice* const bdev = FindDisk(dev);
    const bool with_disk = bdev != nullptr && bdev->is_partition() &&
                           devices_.contains(bdev->whole().dev());
    if (!with_disk) SaveDisks(dev, &rows);
  }
  for (const std::string& path : nodes_) {
    rows.objects.emplace_back(StateObjectKind::kNode, path);
    SaveNode(*session_.machine, path, &world);
  }
  SaveKernel(*session_.machine, major, &world);
  SaveCounters(session_, &rows.snapshot);
  session_.AddWhatWasSaid(&world);
  return rows;
}

void ChangedPart::Kept(DiskBytes::KeepHow how) {
  if (how == DiskBytes::KeepHow::kSynced) {
    unsynced_.clear();
    all_unsynced_ = false;
  } else if (whole_) {
    all_unsynced_ = true;
  } else {
    unsynced_.insert(devices_.begin(), devices_.end());
  }
  devices_.clear();
  nodes_.clear();
  whole_ = false;
  last_inserted_ = session_.ctl->LastInserted();
}

}  // namespace dmdax
