// SPDX-License-Identifier: Apache-2.0
#include "block/machine.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "block/read_ahead.h"

namespace dmdax {
namespace {

constexpr uint32_t kBlockExtMajor = 259;  // BLOCK_EXT_MAJOR

absl::Status CheckName(absl::string_view name) {
  constexpr size_t kDiskNameLen = 32;
  if (name.empty() || name.size() >= kDiskNameLen) {
    return ErrnoError(EINVAL, absl::StrCat("disk name '", name, "': 1 to ",
                                           kDiskNameLen - 1, " characters"));
  }
  for (char c : name) {
    if (c == '/') {
      return ErrnoError(EINVAL, absl::StrCat("disk name '", name,
                                             "': it may not have a '/'"));
    }
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) {
      return ErrnoError(
          EINVAL, absl::StrFormat("disk name '%s': character 0x%02x", name,
                                  static_cast<unsigned char>(c)));
    }
  }
  return absl::OkStatus();
}

// The queue pmem_attach_disk() sets up.
void InitPmemQueue(const KernelProfile& profile, const PmemOptions& options,
                   uint32_t logical_block_size, RequestQueue& queue) {
  QueueLimits limits;
  limits.logical_block_size = logical_block_size;
  limits.physical_block_size = kPageSize;
  limits.io_min = kPageSize;
  limits.max_hw_sectors = ~uint32_t{0};
  limits.max_sectors = profile.blk_def_max_sectors;
  BlkValidateLimits(profile, limits);
  queue.SetLimits(limits);
  queue.Set(QUEUE_FLAG_WC, true);
  queue.Set(QUEUE_FLAG_DAX, options.has_pages || !profile.pmem_dax_needs_pages);
}

}  // namespace

Machine::Machine(const KernelProfile& profile) : profile_(profile) {}

Machine::~Machine() = default;

uint32_t Machine::NextInstance(absl::string_view module) {
  absl::MutexLock lock(&mu_);
  return instances_.try_emplace(std::string(module)).first->second++;
}

int64_t Machine::NowSeconds() const {
  const int64_t frozen = frozen_at_.load();
  return (frozen != 0 ? frozen : static_cast<int64_t>(time(nullptr))) +
         clock_offset_.load();
}

absl::Status Machine::CheckNew(absl::string_view name,
                               std::optional<DevT> dev) const {
  if (absl::Status s = CheckName(name); !s.ok()) return s;
  if (by_name_.contains(name)) {
    return ErrnoError(EEXIST,
                      absl::StrCat("there is a disk '", name, "' already"));
  }
  if (!dev) return absl::OkStatus();
  if (!dev->Fits()) {
    return ErrnoError(EINVAL,
                      absl::StrCat(name, ": device number ", dev->ToString(),
                                   ": major at most 4095, minor at most "
                                   "1048575"));
  }
  if (auto it = bdevs_.find(*dev); it != bdevs_.end()) {
    return ErrnoError(EEXIST, absl::StrCat(name, ": ", dev->ToString(), " is ",
                                           it->second->name()));
  }
  return absl::OkStatus();
}

DevT Machine::NextDev() {
  DevT dev{kBlockExtMajor, next_ext_minor_};
  while (bdevs_.contains(dev)) ++dev.minor_nr;
  next_ext_minor_ = dev.minor_nr;
  return dev;
}

void Machine::Register(BlockDevice* bdev) {
  bdevs_[bdev->dev()] = bdev;
  by_name_[bdev->name()] = bdev;
  changed_.Device(bdev->dev());
  SetNode(absl::StrCat("/dev/", bdev->name()), bdev->dev());
}

void Machine::Unregister(BlockDevice* bdev) {
  changed_.Device(bdev->dev());
  bdevs_.erase(bdev->dev());
  by_name_.erase(bdev->name());
  // As ida_alloc(): the next disk gets the lowest free minor.
  if (bdev->dev().major_nr == kBlockExtMajor) {
    next_ext_minor_ = std::min(next_ext_minor_, bdev->dev().minor_nr);
  }
}

BlockDevice* Machine::Insert(Owned owned) {
  BlockDevice* bdev = owned.bdev.get();
  bdev->set_changed(&changed_);
  if (PmemDevice* pmem = owned.pmem.get()) {
    pmem->set_on_badblocks([this, dev = bdev->dev()] { changed_.Inside(dev); });
  }
  changed_.Disks();
  Register(bdev);
  owned_[bdev->name()] = std::move(owned);
  return bdev;
}

absl::Status Machine::CheckRange(const PmemOptions& options) const {
  const uint64_t end = options.base + options.size;
  auto it = pmem_by_base_.lower_bound(end);
  if (it == pmem_by_base_.begin()) return absl::OkStatus();
  // Ranges do not overlap, so the last one that begins below `end` reaches
  // furthest.
  const PmemOptions& o = std::prev(it)->second->options();
  if (options.base >= o.base + o.size) return absl::OkStatus();
  return ErrnoError(
      EBUSY, absl::StrFormat("pmem '%s': 0x%x-0x%x overlaps '%s' at 0x%x-0x%x",
                             options.name, options.base, end - 1, o.name,
                             o.base, o.base + o.size - 1));
}

absl::StatusOr<BlockDevice*> Machine::AddPmem(const PmemOptions& options,
                                              std::optional<DevT> dev,
                                              uint32_t logical_block_size) {
  if (logical_block_size != 512 && logical_block_size != 4096) {
    return ErrnoError(
        EINVAL, absl::StrCat("pmem '", options.name, "': logical block size ",
                             logical_block_size, ": 512 or 4096"));
  }
  NeedAll();
  absl::MutexLock lock(&mu_);
  if (absl::Status s = CheckNew(options.name, dev); !s.ok()) return s;
  if (absl::Status s = CheckRange(options); !s.ok()) return s;
  absl::StatusOr<std::unique_ptr<PmemDevice>> pmem =
      PmemDevice::Create(profile_, options);
  if (!pmem.ok()) return pmem.status();
  auto bdev =
      std::make_unique<BlockDevice>(dev ? *dev : NextDev(), options.name,
                                    (*pmem)->nr_sectors(), &(*pmem)->dax_dev());
  InitPmemQueue(profile_, options, logical_block_size, bdev->queue());
  // A file has its bytes already.
  if (options.backing != PmemBacking::kFile) {
    bdev->bytes().set_files(disk_files_);
  }
  pmem_by_base_[options.base] = pmem->get();
  ++pmems_added_;
  return Insert(Owned{std::move(*pmem), {}, std::move(bdev)});
}

uint64_t Machine::pmems_added() const {
  absl::MutexLock lock(&mu_);
  return pmems_added_;
}

absl::StatusOr<BlockDevice*> Machine::AddBlock(const BlockOptions& options) {
  NeedAll();
  absl::MutexLock lock(&mu_);
  if (absl::Status s = CheckNew(options.name, options.dev); !s.ok()) return s;
  // A loff_t holds the bytes of the device.
  constexpr uint64_t kMaxSectors = (uint64_t{1} << 54) - 1;
  if ((options.nr_sectors == 0 && !options.empty) ||
      options.nr_sectors > kMaxSectors) {
    return ErrnoError(EINVAL,
                      absl::StrCat(options.name, ": ", options.nr_sectors,
                                   " sectors: 1 to ", kMaxSectors));
  }
  const DevT dev = options.dev ? *options.dev : NextDev();
  if (options.partition_of.empty()) {
    auto bdev = std::make_unique<BlockDevice>(dev, options.name,
                                              options.nr_sectors, nullptr);
    QueueLimits limits = options.limits;
    limits.max_hw_discard_sectors =
        std::max(limits.max_hw_discard_sectors, limits.max_discard_sectors);
    BlkValidateLimits(profile_, limits);
    bdev->queue().SetLimits(limits);
    UpdateReadAhead(profile_, bdev->queue());
    bdev->queue().SetFlags(options.queue_flags);
    bdev->bytes().set_files(disk_files_);
    return Insert(Owned{nullptr, options, std::move(bdev)});
  }
  auto disk = by_name_.find(options.partition_of);
  if (disk == by_name_.end() || disk->second->is_partition()) {
    return ErrnoError(ENOENT, absl::StrCat(options.name, ": no disk '",
                                           options.partition_of, "'"));
  }
  const uint64_t disk_size = disk->second->nr_sectors();
  const uint64_t start = options.start_sect.value();
  if (start > disk_size || options.nr_sectors > disk_size - start) {
    return ErrnoError(
        EINVAL,
        absl::StrCat(options.name, ": start ", start, " + length ",
                     options.nr_sectors, " is past the end of ",
                     options.partition_of, " (", disk_size, " sectors)"));
  }
  BlockDevice* bdev = Insert(Owned{
      nullptr, options,
      std::make_unique<BlockDevice>(dev, options.name, *disk->second,
                                    options.start_sect, options.nr_sectors)});
  partitions_.insert({{&bdev->whole(), start}, bdev});
  return bdev;
}

void Machine::SetBlockCapacity(BlockDevice& bdev, uint64_t nr_sectors) {
  absl::MutexLock lock(&mu_);
  auto it = owned_.find(bdev.name());
  if (it != owned_.end()) {
    it->second.options.nr_sectors = nr_sectors;
    it->second.options.empty = nr_sectors == 0;
  }
  bdev.SetCapacity(nr_sectors);
  BumpIoGeneration();
}

void Machine::SetLoopBacking(const BlockDevice& bdev,
                             std::optional<LoopBacking> backing) {
  absl::MutexLock lock(&mu_);
  auto it = owned_.find(bdev.name());
  if (it == owned_.end()) return;
  it->second.options.loop = std::move(backing);
  changed_.Device(bdev.dev());
}

absl::Status Machine::Remove(absl::string_view name) {
  NeedAll();
  BumpIoGeneration();
  absl::MutexLock lock(&mu_);
  auto it = owned_.find(name);
  if (it == owned_.end()) {
    return ErrnoError(ENOENT,
                      absl::StrCat("no pmem or block device '", name, "'"));
  }
  BlockDevice* bdev = it->second.bdev.get();
  for (const auto& [dev, other] : bdevs_) {
    if (&other->whole() != bdev) continue;
    // A partition keeps its disk, open or not.
    if (other->openers() > 0 || other != bdev) {
      return ErrnoError(
          EBUSY, absl::StrCat(name, " is in use", other == bdev ? "" : " by ",
                              other == bdev ? "" : other->name()));
    }
  }
  if (bdev->openers() > 0) {
    return ErrnoError(EBUSY, absl::StrCat(name, " is in use"));
  }
  changed_.Disks();
  Unregister(bdev);
  const auto part =
      partitions_.find({&bdev->whole(), bdev->start_sect().value()});
  if (part != partitions_.end() && part->second == bdev) {
    partitions_.erase(part);
  }
  absl::erase_if(nodes_, [&](const auto& node) {
    if (node.second != bdev->dev()) return false;
    changed_.Node(node.first);
    return true;
  });
  if (const PmemDevice* pmem = it->second.pmem.get()) {
    pmem_by_base_.erase(pmem->options().base);
  }
  owned_.erase(it);
  return absl::OkStatus();
}

PmemDevice* Machine::FindPmem(absl::string_view name) const {
  absl::MutexLock lock(&mu_);
  auto it = owned_.find(name);
  if (it != owned_.end()) return it->second.pmem.get();
  Need(AbsentObjects::By::kDiskName, name);
  return nullptr;
}

const BlockOptions* Machine::FindBlockOptions(absl::string_view name) const {
  absl::MutexLock lock(&mu_);
  auto it = owned_.find(name);
  if (it == owned_.end()) Need(AbsentObjects::By::kDiskName, name);
  if (it == owned_.end() || it->second.pmem != nullptr) return nullptr;
  return &it->second.options;
}

std::vector<BlockDevice*> Machine::BlockDevices() const {
  NeedAll();
  return LoadedBlockDevices();
}

std::vector<BlockDevice*> Machine::LoadedBlockDevices() const {
  absl::MutexLock lock(&mu_);
  std::vector<BlockDevice*> all;
  for (const auto& [dev, bdev] : bdevs_) all.push_back(bdev);
  return all;
}

std::vector<const PmemDevice*> Machine::PmemsIn(uint64_t base,
                                                uint64_t size) const {
  NeedAll();
  return LoadedPmemsIn(base, size);
}

std::vector<const PmemDevice*> Machine::LoadedPmemsIn(uint64_t base,
                                                      uint64_t size) const {
  absl::MutexLock lock(&mu_);
  std::vector<const PmemDevice*> in;
  auto it = pmem_by_base_.upper_bound(base);
  if (it != pmem_by_base_.begin()) {
    const PmemOptions& before = std::prev(it)->second->options();
    if (before.base + before.size > base) --it;
  }
  for (; it != pmem_by_base_.end() && it->first < base + size; ++it) {
    in.push_back(it->second);
  }
  return in;
}

BlockDevice* Machine::FindPartition(const BlockDevice& disk, sector_t start,
                                    uint64_t nr) const {
  NeedAll();
  absl::MutexLock lock(&mu_);
  const uint64_t first = start.value();
  auto next = partitions_.lower_bound({&disk, first + nr});
  if (next == partitions_.begin()) return nullptr;
  const auto& [key, part] = *std::prev(next);
  const bool overlaps =
      key.first == &disk && key.second + part->nr_sectors() > first;
  return overlaps ? part : nullptr;
}

std::vector<BlockDevice*> Machine::LoadedPartitions(
    const BlockDevice& disk) const {
  absl::MutexLock lock(&mu_);
  std::vector<BlockDevice*> all;
  for (auto it = partitions_.lower_bound({&disk, 0});
       it != partitions_.end() && it->first.first == &disk; ++it) {
    all.push_back(it->second);
  }
  return all;
}

BlockDevice* Machine::FindBdev(DevT dev) const {
  absl::MutexLock lock(&mu_);
  auto it = bdevs_.find(dev);
  if (it != bdevs_.end()) return it->second;
  if (absent_ != nullptr) Need(AbsentObjects::By::kDev, dev.ToString());
  return nullptr;
}

BlockDevice* Machine::FindBdevByName(absl::string_view disk_name) const {
  absl::MutexLock lock(&mu_);
  auto it = by_name_.find(disk_name);
  if (it != by_name_.end()) return it->second;
  Need(AbsentObjects::By::kDiskName, disk_name);
  return nullptr;
}

void Machine::AddDisk(BlockDevice* bdev) {
  absl::MutexLock lock(&mu_);
  Register(bdev);
}

void Machine::DelDisk(BlockDevice* bdev) {
  absl::MutexLock lock(&mu_);
  Unregister(bdev);
  const std::string path = absl::StrCat("/dev/", bdev->name());
  changed_.Node(path);
  nodes_.erase(path);
}

}  // namespace dmdax
