// SPDX-License-Identifier: Apache-2.0
//
// Machine: the hardware and the kernel that device-mapper runs on.
//
// It owns the persistent memory and the plain block devices, knows every
// block device by number (mapped devices register themselves), keeps the
// device nodes of /dev, and holds the kernel's profile and log.
//
//   Machine machine(DefaultKernelProfile());
//   machine.AddPmem({.name = "pmem0", .base = 1ull << 32, .size = 1 << 29});
//   machine.LookupBdev("/dev/pmem0")->ToString();   // "259:0"
//
// Threading: thread-safe, except that a BlockDevice* stays valid only until
// the device is removed; removing one that is open is EBUSY.
// Mirrors: block/genhd.c add_disk, lookup_bdev of block/bdev.c, name_to_dev_t
// of init/do_mounts.c (6.1), devtmpfs.
#ifndef DMDAX_BLOCK_MACHINE_H_
#define DMDAX_BLOCK_MACHINE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "base/kernel_log.h"
#include "base/kernel_profile.h"
#include "base/keyring.h"
#include "block/absent_objects.h"
#include "block/block_device.h"
#include "block/changed_devices.h"
#include "block/disk_files.h"
#include "dax/pmem.h"

namespace dmdax {

// What a loop device has been set to: as LOOP_GET_STATUS64 and
// /sys/block/loopN/loop say it.
struct LoopBacking {
  std::string path;  // of the file, when it was opened
  uint64_t offset = 0, sizelimit = 0;
  uint32_t flags = 0;  // LO_FLAGS_*
  std::string name;    // lo_file_name, for people
  friend bool operator==(const LoopBacking&, const LoopBacking&) = default;
};

// A block device without DAX: a disk, a loop device, a RAM disk.
struct BlockOptions {
  std::string name;         // disk name, "loop0"
  uint64_t nr_sectors = 0;  // 1 .. 2^54-1
  // No file is in the loop device, no disk in the drive: it has size 0.
  bool empty = false;
  std::optional<DevT> dev;  // default: the next free number of major 259
  QueueLimits limits;       // defaults are the kernel's
  unsigned queue_flags = QUEUE_FLAG_NONROT;
  // For a partition: the disk it lies on, and where.
  std::string partition_of;
  sector_t start_sect{};
  // A loop device with a file in it, which is its driver's business.
  std::optional<LoopBacking> loop;
};

class Machine {
 public:
  explicit Machine(const KernelProfile& profile);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  const KernelProfile& profile() const { return profile_; }
  KernelLog& log() { return log_; }
  Keyring& keys() { return keys_; }
  const Keyring& keys() const { return keys_; }

  // What the machine is said to have besides, of which nothing more is known:
  // a name, and why.
  using LeftOut = std::pair<std::string, std::string>;
  const std::vector<LeftOut>& left_out() const { return left_out_; }
  void AddLeftOut(LeftOut left) { left_out_.push_back(std::move(left)); }

  // Counts from 0, for each name: what a module numbers in its log.
  uint32_t NextInstance(absl::string_view module);

  // Seconds since 1970 of the machine's clock: the host's, or the second in
  // which it was frozen, and what AdvanceClock() added.
  int64_t NowSeconds() const;
  void AdvanceClock(int64_t seconds) { clock_offset_.fetch_add(seconds); }
  int64_t clock_offset() const { return clock_offset_.load(); }
  // From now on the clock goes on only when it is told to.
  void FreezeClock() { frozen_at_.store(NowSeconds() - clock_offset()); }

  // Adds a persistent-memory disk /dev/<name>.  EEXIST: name or number
  // taken; EBUSY: the physical range overlaps another's (named); EINVAL as
  // PmemDevice::Create and for a bad name.
  absl::StatusOr<BlockDevice*> AddPmem(const PmemOptions& options,
                                       std::optional<DevT> dev = std::nullopt,
                                       uint32_t logical_block_size = 512);
  absl::StatusOr<BlockDevice*> AddBlock(const BlockOptions& options);
  // Another size for a disk that AddBlock() made; 0: nothing is in it.
  void SetBlockCapacity(BlockDevice& bdev, uint64_t nr_sectors);
  // What FindBlockOptions() says of a loop device.
  void SetLoopBacking(const BlockDevice& bdev,
                      std::optional<LoopBacking> backing);
  // Removes a pmem or block device.  ENOENT; EBUSY while open.
  absl::Status Remove(absl::string_view name);

  // How many pmem disks have come so far, those that went again included:
  // whoever does something once for each of them sees that there are new ones.
  uint64_t pmems_added() const;
  // The device's own options, for listing and saving; null if it is not one.
  PmemDevice* FindPmem(absl::string_view name) const;
  const BlockOptions* FindBlockOptions(absl::string_view name) const;
  // The pmems with some of `size` bytes of memory from `base` on, by address.
  std::vector<const PmemDevice*> PmemsIn(uint64_t base, uint64_t size) const;
  // Those of them that are loaded.
  std::vector<const PmemDevice*> LoadedPmemsIn(uint64_t base,
                                               uint64_t size) const;
  // Every disk and partition that is registered, by number.
  std::vector<BlockDevice*> BlockDevices() const;
  // Those of them that are loaded: all, but for a machine with
  // AbsentObjects.
  std::vector<BlockDevice*> LoadedBlockDevices() const;

  // partition_overlaps(): a partition of the disk that has some of `nr`
  // sectors from `start` on, or null.
  BlockDevice* FindPartition(const BlockDevice& disk, sector_t start,
                             uint64_t nr) const;

  // Those of a disk that are loaded, in order of their first sectors.
  std::vector<BlockDevice*> LoadedPartitions(const BlockDevice& disk) const;

  // blkdev_get_no_open(): the registered device, or null.
  BlockDevice* FindBdev(DevT dev) const;
  BlockDevice* FindBdevByName(absl::string_view disk_name) const;

  // add_disk() and del_gendisk() for a device owned elsewhere: registers it
  // and makes or removes its node /dev/<name>.
  void AddDisk(BlockDevice* bdev);
  void DelDisk(BlockDevice* bdev);

  // Nodes beyond /dev/<name>: what udev or libdevmapper make.
  void AddNode(absl::string_view path, DevT dev);
  void RemoveNode(absl::string_view path);
  // A character device, which no table can name (ENOTBLK).
  void AddCharNode(absl::string_view path);
  // All block device nodes, by path, and those that are loaded.
  std::map<std::string, DevT> Nodes() const;
  std::map<std::string, DevT> LoadedNodes() const;
  // The paths of one device, in order.
  std::vector<std::string> NodesOf(DevT dev) const;
  // The device of one node that is loaded.
  std::optional<DevT> LoadedNode(absl::string_view path) const;

  // lookup_bdev(): the number behind a path.  ENOENT, ENOTBLK (a directory
  // or character device), ENOTDIR.
  absl::StatusOr<DevT> LookupBdev(absl::string_view path) const;

  // dm_get_dev_t(): the path, and on old kernels every form name_to_dev_t()
  // knows ("fd00", "259:0:1", "/dev/pmem0" without a node).
  absl::StatusOr<DevT> DmGetDevT(absl::string_view path) const;

  // Goes up whenever a byte of a device may lie somewhere else than before, or
  // may not be reached past the machine: whoever keeps such places asks first.
  uint64_t io_generation() const { return io_generation_->load(); }
  void BumpIoGeneration() { io_generation_->fetch_add(1); }
  // Keeps it where other processes see it too; `shared` outlives the machine.
  void ShareIoGeneration(std::atomic<uint64_t>* shared) {
    shared->store(io_generation_->load());
    io_generation_ = shared;
  }

  // Which devices and nodes may be others than before.
  ChangedDevices& changed() { return changed_; }

  // Where its disks keep their bytes, for those that are added from now on;
  // null, as at first: nowhere.
  void set_disk_files(std::shared_ptr<DiskFiles> files) {
    disk_files_ = std::move(files);
  }
  const std::shared_ptr<DiskFiles>& disk_files() const { return disk_files_; }

  // Null, as at first, or what says of things that are not found here whether
  // there are any.  It outlives the machine's use.
  void set_absent(AbsentObjects* absent) { absent_ = absent; }
  AbsentObjects* absent() const { return absent_; }
  // Null-safe calls of it.
  void Need(AbsentObjects::By by, absl::string_view name) const {
    if (absent_ != nullptr) absent_->Need(by, name);
  }
  void NeedAll() const {
    if (absent_ != nullptr) absent_->NeedAll();
  }
  void NeedUserSpace() const {
    if (absent_ != nullptr) absent_->NeedUserSpace();
  }

 private:
  struct Owned {
    std::unique_ptr<PmemDevice> pmem;
    BlockOptions options;
    std::unique_ptr<BlockDevice> bdev;
  };

  absl::Status CheckNew(absl::string_view name, std::optional<DevT> dev) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The lowest free number of major 259.
  DevT NextDev() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Register(BlockDevice* bdev) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Unregister(BlockDevice* bdev) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SetNode(std::string path, DevT dev) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckRange(const PmemOptions& options) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  BlockDevice* Insert(Owned owned) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<DevT> NameToDevT(absl::string_view name) const;
  // --- dev_path.cc: the path walk ---
  enum class PathIs { kNothing, kDirectory, kOther };
  PathIs LookAtPath(absl::string_view path) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckClimbed(const std::string& from) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const KernelProfile& profile_;
  std::shared_ptr<DiskFiles> disk_files_;
  AbsentObjects* absent_ = nullptr;
  KernelLog log_;
  Keyring keys_;
  ChangedDevices changed_;
  std::vector<LeftOut> left_out_;
  std::atomic<int64_t> clock_offset_{0};
  std::atomic<int64_t> frozen_at_{0};  // 0: it is not
  std::atomic<uint64_t> own_io_generation_{1};
  std::atomic<uint64_t>* io_generation_ = &own_io_generation_;
  mutable absl::Mutex mu_;
  std::map<std::string, Owned, std::less<>> owned_ ABSL_GUARDED_BY(mu_);
  // Ranges do not overlap, so the order is also that of their ends.
  std::map<uint64_t, const PmemDevice*> pmem_by_base_ ABSL_GUARDED_BY(mu_);
  uint64_t pmems_added_ ABSL_GUARDED_BY(mu_) = 0;
  absl::btree_map<DevT, BlockDevice*> bdevs_ ABSL_GUARDED_BY(mu_);
  // By their disk and first sector.
  std::map<std::pair<const BlockDevice*, uint64_t>, BlockDevice*> partitions_
      ABSL_GUARDED_BY(mu_);
  std::map<std::string, uint32_t, std::less<>> instances_ ABSL_GUARDED_BY(mu_);
  // No minor of major 259 below this one is free.
  uint32_t next_ext_minor_ ABSL_GUARDED_BY(mu_) = 0;
  // In no order, as what is found by its name is one of many: whoever hands on
  // several sorts them.
  absl::flat_hash_map<std::string, BlockDevice*> by_name_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, DevT> nodes_ ABSL_GUARDED_BY(mu_);
  std::set<std::string, std::less<>> char_nodes_ ABSL_GUARDED_BY(mu_);
};

// sscanf("%u:%u%c") == 2: "259:0" and nothing else.  The numbers may not fit
// a DevT; nothing when `text` has another form.
std::optional<DevT> ScanMajorMinor(absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_MACHINE_H_
