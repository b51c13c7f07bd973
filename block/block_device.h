// SPDX-License-Identifier: Apache-2.0
//
// BlockDevice: what a dm table line names.  RequestQueue: what that device can
// do.
//
// A whole disk owns its queue; a partition borrows its disk's and starts at
// start_sect.  A disk that can do DAX is host to a DaxDevice; FsDaxGetByBdev()
// is how file systems and dm get at it:
//
//   DaxDevice* dax = FsDaxGetByBdev(*bdev, profile, log);  // null: no DAX
//
// Exclusive opens: dm opens every device of a table in the name of one common
// holder, so several tables may share a device, but a device held by anybody
// else (a mounted file system) is EBUSY, and vice versa.
//
// Mirrors: struct block_device, struct request_queue, bd_may_claim,
// blkdev_get_by_dev of block/bdev.c; fs_dax_get_by_bdev of
// drivers/dax/super.c (6.1).
// Threading: sizes and flags may be read while another thread changes them;
// Open() and Close() are serialised by the owner (Machine).
#ifndef DMDAX_BLOCK_BLOCK_DEVICE_H_
#define DMDAX_BLOCK_BLOCK_DEVICE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/dev_t.h"
#include "base/kernel_log.h"
#include "base/units.h"
#include "block/block_ioctl.h"
#include "block/changed_devices.h"
#include "block/disk_bytes.h"
#include "block/queue_limits.h"
#include "block/writeback.h"
#include "dax/dax_device.h"

namespace dmdax {

// FMODE_*: how a device is opened.  A set of bits.
enum FMode : unsigned { FMODE_READ = 1, FMODE_WRITE = 2, FMODE_EXCL = 0x80 };

// QUEUE_FLAG_*: what a queue can do.  A set of bits of our own numbering.
enum QueueFlag : unsigned {
  QUEUE_FLAG_DAX = 1 << 0,
  QUEUE_FLAG_WC = 1 << 1,  // has a volatile write cache
  QUEUE_FLAG_FUA = 1 << 2,
  QUEUE_FLAG_NONROT = 1 << 3,
  QUEUE_FLAG_STABLE_WRITES = 1 << 4,
  QUEUE_FLAG_POLL = 1 << 6,
};

// Limits and flags of one disk.  limits() copies all of them: a reader sees
// those before or after a change, never a mixture.  Each change is noted.
class RequestQueue {
 public:
  // Null, as at first: nowhere.  They must outlive it.
  void set_notes(const DeviceNotes* notes) { notes_ = notes; }

  QueueLimits limits() const {
    absl::MutexLock lock(&mu_);
    return limits_;
  }
  void SetLimits(const QueueLimits& limits) {
    {
      absl::MutexLock lock(&mu_);
      limits_ = limits;
    }
    Note();
    const uint32_t old = max_sectors_.exchange(limits.max_sectors);
    if (old != limits.max_sectors && observer_) observer_();
  }
  // blk_integrity_register() and, with a size of 0, blk_integrity_unregister(),
  // where the profile is the disk's and not part of its limits (to 6.10).
  void RegisterIntegrity(uint32_t metadata_size, uint32_t interval_exp) {
    {
      absl::MutexLock lock(&mu_);
      limits_.integrity_metadata_size = metadata_size;
      limits_.integrity_interval_exp = interval_exp;
    }
    Set(QUEUE_FLAG_STABLE_WRITES, metadata_size != 0);
  }
  // Called whenever max_sectors has changed.  Set before the queue is used.
  void SetMaxSectorsObserver(std::function<void()> observer) {
    observer_ = std::move(observer);
  }
  // queue_max_sectors().  Every translation reads it, so it takes no lock.
  uint32_t max_sectors() const {
    return max_sectors_.load(std::memory_order_relaxed);
  }

  // bdi->ra_pages.
  uint32_t ra_pages() const { return ra_pages_.load(); }
  void set_ra_pages(uint32_t pages) {
    ra_pages_.store(pages);
    Note();
  }

  bool Has(QueueFlag flag) const { return (flags_.load() & flag) != 0; }
  void Set(QueueFlag flag, bool on) {
    if (on) {
      flags_.fetch_or(flag);
    } else {
      flags_.fetch_and(~static_cast<unsigned>(flag));
    }
    Note();
  }
  unsigned flags() const { return flags_.load(); }
  void SetFlags(unsigned flags) {
    constexpr unsigned kAll = QUEUE_FLAG_POLL * 2 - 1;
    flags_.store(flags & kAll);
    Note();
  }

 private:
  void Note() const {
    if (notes_ != nullptr) notes_->Device();
  }

  const DeviceNotes* notes_ = nullptr;
  std::function<void()> observer_;
  mutable absl::Mutex mu_;
  QueueLimits limits_ ABSL_GUARDED_BY(mu_);
  std::atomic<uint32_t> max_sectors_{255};
  std::atomic<uint32_t> ra_pages_{32};  // VM_READAHEAD_PAGES
  std::atomic<unsigned> flags_{QUEUE_FLAG_NONROT};
};

class BlockDevice;

// struct block_device_operations: told of opens and closes, may refuse one.
class BlockDeviceOperations {
 public:
  virtual ~BlockDeviceOperations() = default;
  virtual absl::Status Open() = 0;
  virtual void Release() = 0;
};

// What a disk's driver does besides moving sectors.
class BlockDriver {
 public:
  virtual ~BlockDriver() = default;
  // An ioctl that block/ioctl.c does not know, of a device that was opened with
  // `mode`.  ENOTTY: the driver neither.
  virtual absl::StatusOr<int> Ioctl(BlockDevice& bdev, unsigned mode,
                                    const BlockIoctl& request) = 0;
  // The last opener has closed the disk.
  virtual void Closed(BlockDevice& bdev) = 0;
};

// What is known of a device whose driver or table is not modelled, so that it
// is only where it is, and as large.  It has no DAX.
struct UnmodelledDevice {
  std::string driver;                // "raid0", "crypt"; "": nobody says
  std::vector<std::string> devices;  // what it stands on: "/dev/pmem0"
  std::string why;                   // it is not; "": its driver has no DAX
};

class BlockDevice {
 public:
  // A whole disk.  `dax_dev` (or null) and `fops` (or null) must outlive it.
  BlockDevice(DevT dev, std::string disk_name, uint64_t nr_sectors,
              DaxDevice* dax_dev, BlockDeviceOperations* fops = nullptr);
  // Partition `partno` of `whole`, which must outlive it.
  BlockDevice(DevT dev, std::string name, BlockDevice& whole,
              sector_t start_sect, uint64_t nr_sectors);

  // Where it notes what of it becomes another: all that is kept of it or of
  // its queue, and the bytes of a disk.  Null, as at first: nowhere.
  void set_changed(ChangedDevices* changed);

  DevT dev() const { return dev_; }
  // "pmem0", "dm-3", "sda1": what the kernel's %pg prints.
  const std::string& name() const { return name_; }
  sector_t start_sect() const { return start_sect_; }
  // bdev_nr_sectors(), get_capacity().
  uint64_t nr_sectors() const { return nr_sectors_.load(); }
  void SetCapacity(uint64_t nr_sectors) {
    nr_sectors_.store(nr_sectors);
    notes_.Device();
  }
  // bdev_read_only(): the device or its disk.
  bool read_only() const {
    return read_only_.load() || blk_ro_set_.load() ||
           (is_partition() && whole_->read_only());
  }
  // set_disk_ro(): what the driver says of the disk.
  void SetReadOnly(bool on) {
    read_only_.store(on);
    notes_.Device();
  }
  // The ioctl BLKROSET (blockdev --setro): what the device is besides, or on
  // old kernels instead.
  void BlkRoSet(bool on, const KernelProfile& profile);
  bool blk_ro_set(const KernelProfile& profile) const;
  // BD_RO_WARNED: a write to this read-only device was logged.
  bool ro_warned() const { return ro_warned_.load(); }
  void set_ro_warned() { ro_warned_.store(true); }

  BlockDevice& whole() { return *whole_; }
  bool is_partition() const { return whole_ != this; }
  RequestQueue& queue() { return whole_->own_queue_; }
  const RequestQueue& queue() const { return whole_->own_queue_; }
  // bd_disk->fops: null for hardware.
  BlockDeviceOperations* fops() const { return whole_->fops_; }
  // Null: there is nothing that only the driver knows.
  BlockDriver* driver() const { return whole_->driver_; }
  void set_driver(BlockDriver* driver) { whole_->driver_ = driver; }
  // GD_SUPPRESS_PART_SCAN: BLKRRPART looks for no partitions.
  bool suppress_part_scan() const { return suppress_part_scan_.load(); }
  void set_suppress_part_scan(bool on) { suppress_part_scan_.store(on); }
  // bdev->bd_inode->i_blkbits, bytes: the size of a block in the page cache.
  // The first who opens the device has it set as its size allows, BLKBSZSET
  // after that.
  uint32_t soft_block_size() const { return soft_block_size_.load(); }
  void set_soft_block_size(uint32_t size) { soft_block_size_.store(size); }
  // Another one for each disk, and for each medium that comes into it.
  uint64_t diskseq() const { return diskseq_.load(); }
  void NewMedia() { diskseq_.store(NextDiskseq()); }
  // disk_openers(): of the disk and of its partitions.
  int disk_openers() const { return whole_->disk_openers_; }
  // dax_hosts: the DaxDevice of the disk, whether or not it may be used.
  DaxDevice* host_dax_dev() const { return whole_->own_dax_dev_; }
  // What was written to the disk, by sectors of the whole disk.  Persistent
  // memory that has bytes of its own is read there; see dm/bio_map.h.
  DiskBytes& bytes() { return whole_->own_bytes_; }
  // What the page cache of this device could not write.
  Writeback& writeback() { return writeback_; }

  // Null: it is what it seems to be.  Set before the device is used.
  const UnmodelledDevice* unmodelled() const { return unmodelled_.get(); }
  void set_unmodelled(UnmodelledDevice device) {
    unmodelled_ = std::make_unique<const UnmodelledDevice>(std::move(device));
    notes_.Device();
  }

  // freeze_bdev(): the file system on the device writes everything back.  0, or
  // the errno that it could not be frozen with.
  int Freeze() const {
    if (!freeze_) return 0;
    notes_.Above();
    return freeze_();
  }
  void set_freeze(std::function<int()> freeze) {
    freeze_ = std::move(freeze);
    notes_.Above();
  }

  // blkdev_get_by_dev().  With FMODE_EXCL, `holder` claims the device:
  // EBUSY when another holder has it, or the disk or a partition of it.
  absl::Status Open(unsigned mode, const void* holder);
  // blkdev_put().
  void Close(unsigned mode);
  // Whether somebody has claimed this device, or the disk it lies on.
  bool claimed() const {
    return holder_ != nullptr || part_holders_ > 0 ||
           (is_partition() && whole_->holder_ != nullptr);
  }
  int openers() const { return openers_; }

 private:
  // set_init_blocksize().
  uint32_t InitBlockSize() const;

  DeviceNotes notes_;
  const DevT dev_;
  const std::string name_;
  BlockDevice* const whole_;
  const sector_t start_sect_;
  std::atomic<uint64_t> nr_sectors_;
  std::atomic<bool> read_only_{false};
  std::atomic<bool> blk_ro_set_{false};
  std::atomic<bool> ro_warned_{false};
  RequestQueue own_queue_;
  DiskBytes own_bytes_;
  DaxDevice* const own_dax_dev_;
  BlockDeviceOperations* const fops_;
  BlockDriver* driver_ = nullptr;
  std::atomic<bool> suppress_part_scan_{false};
  std::atomic<uint32_t> soft_block_size_{kSectorSize};
  Writeback writeback_;
  static uint64_t NextDiskseq() {
    static std::atomic<uint64_t> last{0};
    return ++last;
  }
  std::atomic<uint64_t> diskseq_{NextDiskseq()};
  std::atomic<int> disk_openers_{0};
  std::function<int()> freeze_;
  std::unique_ptr<const UnmodelledDevice> unmodelled_;
  int openers_ = 0;
  // The claim of this device, and how often it was taken.
  const void* holder_ = nullptr;
  int holders_ = 0;
  // Claims of partitions, on the whole disk only.
  int part_holders_ = 0;
};

// fs_dax_get_by_bdev(): the DaxDevice to use for `bdev`, or null: the queue
// has no DAX flag, the start or size is not in whole pages (logged: "<dev>:
// error: unaligned partition for dax"), or the device is dead.
DaxDevice* FsDaxGetByBdev(BlockDevice& bdev, const KernelProfile& profile,
                          KernelLog& log);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_BLOCK_DEVICE_H_
