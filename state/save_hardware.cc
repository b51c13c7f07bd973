// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/keyring.h"
#include "block/queue_limits.h"
#include "block/read_ahead.h"
#include "state/hardware.h"

namespace dmdax {
namespace {

template <typename Disk>
void SaveBytes(BlockDevice& bdev, Disk* out) {
  if (std::string name = bdev.bytes().kept_name(); !name.empty()) {
    out->mutable_runtime()->set_file(std::move(name));
    out->mutable_runtime()->set_file_length(bdev.bytes().kept_length());
    return;
  }
  for (const auto& [index, bytes] : bdev.bytes().Pages()) {
    proto::DiskPage* page = out->mutable_runtime()->add_page();
    page->set_index(index);
    page->set_content(bytes.data(), bytes.size());
  }
}

// read_ahead_kb, if it does not follow from the limits: what was written there.
std::optional<uint64_t> WrittenReadAhead(const RequestQueue& queue,
                                         const KernelProfile& profile) {
  const uint64_t pages = queue.ra_pages();
  if (pages == FreshReadAhead(profile, queue)) return std::nullopt;
  return pages * (kPageSize / 1024);
}

void SavePmem(const PmemDevice& pmem, BlockDevice& bdev,
              const KernelProfile& profile, proto::Pmem* out) {
  const PmemOptions& o = pmem.options();
  const QueueLimits limits = bdev.queue().limits();
  out->set_name(o.name);
  out->set_dev(bdev.dev().ToString());
  out->set_base(o.base);
  out->set_size(o.size);
  out->set_data_offset(o.data_offset);
  out->set_raw(!o.has_pages);
  out->set_asynchronous(!o.synchronous);
  out->set_no_write_cache(!o.write_cache);
  if (limits.logical_block_size != 512) {
    out->set_logical_block_size(limits.logical_block_size);
  }
  if (o.backing == PmemBacking::kAnonymous) out->set_memory(true);
  if (o.backing == PmemBacking::kFile) out->set_file(o.file);
  const Badblocks badblocks = pmem.badblocks();
  for (const auto& [sector, count] : badblocks.ranges()) {
    proto::BadBlocks* bad = out->add_badblocks();
    bad->set_sector(sector);
    bad->set_count(count);
  }
  if (limits.max_user_sectors != 0) {
    out->mutable_queue()->set_max_sectors_kb(limits.max_user_sectors / 2);
  }
  if (const auto kb = WrittenReadAhead(bdev.queue(), profile)) {
    out->mutable_queue()->set_read_ahead_kb(*kb);
  }
  out->set_read_only(bdev.blk_ro_set(profile));
  // A file keeps its bytes by itself.
  if (o.backing != PmemBacking::kFile) SaveBytes(bdev, out);
}

void SaveBlock(const BlockOptions& o, BlockDevice& bdev,
               const KernelProfile& profile, proto::Block* out) {
  const QueueLimits limits = bdev.queue().limits();
  out->set_name(o.name);
  out->set_dev(bdev.dev().ToString());
  out->set_sectors(bdev.nr_sectors());
  out->set_partition_of(o.partition_of);
  out->set_start(o.start_sect.value());
  out->set_read_only(bdev.blk_ro_set(profile));
  if (bdev.unmodelled() != nullptr) {
    SaveUnmodelled(*bdev.unmodelled(), out->mutable_unmodelled());
  }
  if (!o.partition_of.empty()) return;
  out->set_logical_block_size(limits.logical_block_size);
  out->set_physical_block_size(limits.physical_block_size);
  proto::Queue* queue = out->mutable_queue();
  if (limits.max_user_sectors != 0) {
    queue->set_max_sectors_kb(limits.max_user_sectors / 2);
  }
  queue->set_minimum_io_size(limits.io_min);
  queue->set_optimal_io_size(limits.io_opt);
  queue->set_chunk_sectors(limits.chunk_sectors);
  queue->set_discard_max_kb(limits.max_discard_sectors / 2);
  queue->set_discard_granularity(limits.discard_granularity);
  queue->set_write_zeroes_max_kb(limits.max_write_zeroes_sectors / 2);
  queue->set_rotational(!bdev.queue().Has(QUEUE_FLAG_NONROT));
  queue->set_write_cache(bdev.queue().Has(QUEUE_FLAG_WC));
  queue->set_stable_writes(bdev.queue().Has(QUEUE_FLAG_STABLE_WRITES));
  if (const auto kb = WrittenReadAhead(bdev.queue(), profile)) {
    queue->set_read_ahead_kb(*kb);
  }
  SaveBytes(bdev, out);
  if (o.loop) {
    proto::LoopFile* file = out->mutable_runtime()->mutable_loop();
    file->set_path(o.loop->path);
    file->set_offset(o.loop->offset);
    file->set_sizelimit(o.loop->sizelimit);
    file->set_flags(o.loop->flags);
    file->set_name(o.loop->name);
  }
}

}  // namespace

void SaveUnmodelled(const UnmodelledDevice& device, proto::Unmodelled* out) {
  out->set_driver(device.driver);
  for (const std::string& below : device.devices) out->add_device(below);
  out->set_why(device.why);
}

absl::Status KeepBytes(const Machine& machine, BlockDevice& bdev,
                       const std::shared_ptr<DiskFiles>& files,
                       DiskBytes::KeepHow how) {
  if (bdev.is_partition()) return absl::OkStatus();
  // A file keeps its bytes by itself.
  const PmemDevice* const pmem = machine.FindPmem(bdev.name());
  if (pmem != nullptr && pmem->options().backing == PmemBacking::kFile) {
    return absl::OkStatus();
  }
  absl::Status s = bdev.bytes().Keep(files, how);
  if (s.ok()) return s;
  return ErrnoError(ErrnoOf(s), absl::StrCat(bdev.name(), ": ", s.message()));
}

absl::Status KeepBytes(const Machine& machine,
                       const std::shared_ptr<DiskFiles>& files,
                       DiskBytes::KeepHow how) {
  for (BlockDevice* bdev : machine.LoadedBlockDevices()) {
    absl::Status s = KeepBytes(machine, *bdev, files, how);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

void SaveKernel(const Machine& machine, uint32_t dm_major,
                proto::World* world) {
  world->set_kernel(machine.profile().name);
  world->set_dm_major(dm_major);
  for (const Key& key : machine.keys().All()) {
    proto::Key* out = world->add_key();
    out->set_type(key.type);
    out->set_description(key.description);
    out->set_bytes(key.bytes);
  }
  for (const auto& [name, why] : machine.left_out()) {
    proto::LeftOut* out = world->add_left_out();
    out->set_name(name);
    out->set_why(why);
  }
}

void SaveDisk(const Machine& machine, BlockDevice& bdev, proto::World* world) {
  if (const PmemDevice* pmem = machine.FindPmem(bdev.name())) {
    SavePmem(*pmem, bdev, machine.profile(), world->add_pmem());
  } else if (const BlockOptions* o = machine.FindBlockOptions(bdev.name())) {
    SaveBlock(*o, bdev, machine.profile(), world->add_block());
  }
}

namespace {

void SaveNode(const Machine& machine, const std::string& path, DevT dev,
              proto::World* world) {
  // /dev/<disk> comes with the disk.
  BlockDevice* bdev = machine.FindBdev(dev);
  if (bdev != nullptr && path == absl::StrCat("/dev/", bdev->name())) return;
  proto::Node* node = world->add_node();
  node->set_path(path);
  node->set_dev(dev.ToString());
}

}  // namespace

void SaveNode(const Machine& machine, const std::string& path,
              proto::World* world) {
  const std::optional<DevT> dev = machine.LoadedNode(path);
  if (dev) SaveNode(machine, path, *dev, world);
}

void SaveHardware(const Machine& machine, uint32_t dm_major,
                  proto::World* world) {
  SaveKernel(machine, dm_major, world);
  for (BlockDevice* bdev : machine.LoadedBlockDevices()) {
    SaveDisk(machine, *bdev, world);
  }
  for (const auto& [path, dev] : machine.LoadedNodes()) {
    SaveNode(machine, path, dev, world);
  }
}

}  // namespace dmdax
