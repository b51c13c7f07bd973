// SPDX-License-Identifier: Apache-2.0
#include "block/block_device.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {

BlockDevice::BlockDevice(DevT dev, std::string disk_name, uint64_t nr_sectors,
                         DaxDevice* dax_dev, BlockDeviceOperations* fops)
    : dev_(dev),
      name_(std::move(disk_name)),
      whole_(this),
      start_sect_(0),
      nr_sectors_(nr_sectors),
      own_dax_dev_(dax_dev),
      fops_(fops) {}

BlockDevice::BlockDevice(DevT dev, std::string name, BlockDevice& whole,
                         sector_t start_sect, uint64_t nr_sectors)
    : dev_(dev),
      name_(std::move(name)),
      whole_(&whole),
      start_sect_(start_sect),
      nr_sectors_(nr_sectors),
      own_dax_dev_(nullptr),
      fops_(nullptr) {}

void BlockDevice::set_changed(ChangedDevices* changed) {
  notes_.set(changed, dev_);
  if (is_partition()) return;
  own_queue_.set_notes(&notes_);
  own_bytes_.set_changed(changed, dev_);
}

// The largest that divides the size, a page at most.
uint32_t BlockDevice::InitBlockSize() const {
  uint32_t block = queue().limits().logical_block_size;
  const uint64_t size = nr_sectors() << kSectorShift;
  while (block < kPageSize && (size & block) == 0) block <<= 1;
  return block;
}

absl::Status BlockDevice::Open(unsigned mode, const void* holder) {
  if (mode & FMODE_EXCL) {
    const bool others_claim = holder_ != nullptr && holder_ != holder;
    const bool disk_claimed = is_partition() && whole_->holder_ != nullptr;
    if (others_claim || disk_claimed || part_holders_ > 0) {
      return ErrnoError(EBUSY, absl::StrCat(name_, " is in use"));
    }
  }
  // The claim is checked before the driver is asked, so a busy device is EBUSY.
  if (whole_->fops_ != nullptr) {
    if (absl::Status s = whole_->fops_->Open(); !s.ok()) return s;
  }
  if (openers_ == 0) set_soft_block_size(InitBlockSize());
  ++openers_;
  ++whole_->disk_openers_;
  if (mode & FMODE_EXCL) {
    holder_ = holder;
    ++holders_;
    if (is_partition()) ++whole_->part_holders_;
  }
  return absl::OkStatus();
}

void BlockDevice::Close(unsigned mode) {
  --openers_;
  const bool last = --whole_->disk_openers_ == 0;
  if (mode & FMODE_EXCL) {
    if (--holders_ == 0) holder_ = nullptr;
    if (is_partition()) --whole_->part_holders_;
  }
  if (whole_->fops_ != nullptr) whole_->fops_->Release();
  if (last && whole_->driver_ != nullptr) whole_->driver_->Closed(*whole_);
}

void BlockDevice::BlkRoSet(bool on, const KernelProfile& profile) {
  (profile.blk_ro_set_is_disks ? read_only_ : blk_ro_set_).store(on);
  notes_.Device();
}

bool BlockDevice::blk_ro_set(const KernelProfile& profile) const {
  return (profile.blk_ro_set_is_disks ? read_only_ : blk_ro_set_).load();
}

DaxDevice* FsDaxGetByBdev(BlockDevice& bdev, const KernelProfile& profile,
                          KernelLog& log) {
  DaxDevice* dax_dev = bdev.host_dax_dev();
  if (profile.fs_dax_checks_partition) {
    if (!bdev.queue().Has(QUEUE_FLAG_DAX)) return nullptr;
    if (bdev.start_sect().value() % kPageSectors != 0 ||
        bdev.nr_sectors() % kPageSectors != 0) {
      log.Printk(
          KernLevel::kInfo,
          absl::StrCat(bdev.name(), ": error: unaligned partition for dax"));
      return nullptr;
    }
  }
  if (dax_dev == nullptr || !dax_dev->alive()) return nullptr;
  return dax_dev;
}

}  // namespace dmdax
