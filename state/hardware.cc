// SPDX-License-Identifier: Apache-2.0
#include "state/hardware.h"

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/queue_sysfs.h"

namespace dmdax {
namespace {

absl::StatusOr<std::optional<DevT>> ParseDev(const std::string& name,
                                             const std::string& text) {
  if (text.empty()) return std::optional<DevT>();
  std::optional<DevT> dev = ScanMajorMinor(text);
  if (!dev) {
    return ErrnoError(
        EINVAL, absl::StrCat(name, ": dev '", text, "' is not major:minor"));
  }
  return dev;
}

// Puts what `queue` says over the limits and flags the device starts with.
absl::Status ApplyQueue(const proto::Queue& queue, BlockDevice& bdev,
                        const KernelProfile& profile) {
  QueueLimits limits = bdev.queue().limits();
  if (queue.minimum_io_size()) limits.io_min = queue.minimum_io_size();
  if (queue.optimal_io_size()) limits.io_opt = queue.optimal_io_size();
  if (queue.chunk_sectors()) limits.chunk_sectors = queue.chunk_sectors();
  if (queue.discard_granularity()) {
    limits.discard_granularity = queue.discard_granularity();
  }
  if (queue.discard_max_kb()) {
    limits.max_discard_sectors = queue.discard_max_kb() * 2;
    limits.max_hw_discard_sectors = limits.max_discard_sectors;
  }
  if (queue.write_zeroes_max_kb()) {
    limits.max_write_zeroes_sectors = queue.write_zeroes_max_kb() * 2;
  }
  bdev.queue().SetLimits(limits);
  if (queue.rotational()) bdev.queue().Set(QUEUE_FLAG_NONROT, false);
  if (queue.write_cache()) bdev.queue().Set(QUEUE_FLAG_WC, true);
  if (queue.stable_writes()) bdev.queue().Set(QUEUE_FLAG_STABLE_WRITES, true);
  if (queue.max_sectors_kb()) {
    return QueueMaxSectorsStore(bdev, queue.max_sectors_kb(), profile);
  }
  return absl::OkStatus();
}

absl::Status CheckBlockSize(const std::string& name, const char* what,
                            uint32_t size) {
  if (size >= 512 && size <= 65536 && (size & (size - 1)) == 0) {
    return absl::OkStatus();
  }
  return ErrnoError(EINVAL, absl::StrCat(name, ": ", what, " ", size,
                                         ": a power of two, 512 to 65536"));
}

}  // namespace

absl::Status AddPmem(const proto::Pmem& pmem, Machine& machine) {
  absl::StatusOr<std::optional<DevT>> dev = ParseDev(pmem.name(), pmem.dev());
  if (!dev.ok()) return dev.status();
  PmemOptions options;
  options.name = pmem.name();
  options.base = pmem.base();
  options.size = pmem.size();
  options.data_offset = pmem.data_offset();
  options.has_pages = !pmem.raw();
  options.synchronous = !pmem.asynchronous();
  options.write_cache = !pmem.no_write_cache();
  if (pmem.memory()) options.backing = PmemBacking::kAnonymous;
  if (!pmem.file().empty()) {
    options.backing = PmemBacking::kFile;
    options.file = pmem.file();
  }
  absl::StatusOr<BlockDevice*> bdev = machine.AddPmem(
      options, *dev,
      pmem.logical_block_size() ? pmem.logical_block_size() : 512);
  if (!bdev.ok()) return bdev.status();
  PmemDevice* device = machine.FindPmem(pmem.name());
  for (const proto::BadBlocks& bad : pmem.badblocks()) {
    const std::optional<uint64_t> end = CheckedAdd(bad.sector(), bad.count());
    if (bad.count() == 0 || !end || *end > device->nr_sectors()) {
      return ErrnoError(
          EINVAL,
          absl::StrCat(pmem.name(), ": badblocks at sector ", bad.sector(),
                       ", ", bad.count(), " sectors: the device has ",
                       device->nr_sectors()));
    }
    device->SetBadblocks(sector_t(bad.sector()), bad.count());
  }
  return ApplyQueue(pmem.queue(), **bdev, machine.profile());
}

absl::Status AddBlock(const proto::Block& block, Machine& machine) {
  absl::StatusOr<std::optional<DevT>> dev = ParseDev(block.name(), block.dev());
  if (!dev.ok()) return dev.status();
  BlockOptions options;
  options.name = block.name();
  options.nr_sectors = block.sectors();
  options.dev = *dev;
  options.partition_of = block.partition_of();
  options.start_sect = sector_t(block.start());
  QueueLimits& limits = options.limits;
  if (block.logical_block_size()) {
    limits.logical_block_size = block.logical_block_size();
  }
  limits.physical_block_size = block.physical_block_size()
                                   ? block.physical_block_size()
                                   : limits.logical_block_size;
  for (auto [what, size] :
       {std::pair("logical_block_size", limits.logical_block_size),
        std::pair("physical_block_size", limits.physical_block_size)}) {
    absl::Status s = CheckBlockSize(block.name(), what, size);
    if (!s.ok()) return s;
  }
  limits.io_min = limits.physical_block_size;
  limits.max_hw_sectors = machine.profile().blk_def_max_sectors;
  limits.max_sectors = machine.profile().blk_def_max_sectors;
  absl::StatusOr<BlockDevice*> bdev = machine.AddBlock(options);
  if (!bdev.ok()) return bdev.status();
  if (!block.partition_of().empty()) return absl::OkStatus();
  return ApplyQueue(block.queue(), **bdev, machine.profile());
}

absl::Status AddHardware(const proto::World& world, Machine& machine,
                         const SourceMap& map) {
  auto at = [&](const char* field, int i, const absl::Status& s) {
    if (s.ok()) return s;
    return ErrnoError(ErrnoOf(s),
                      absl::StrCat(map.Locate(absl::StrCat(field, "[", i, "]")),
                                   s.message()));
  };
  for (int i = 0; i < world.pmem_size(); ++i) {
    absl::Status s = at("pmem", i, AddPmem(world.pmem(i), machine));
    if (!s.ok()) return s;
  }
  // Disks before their partitions, in whatever order they are listed.
  for (bool partitions : {false, true}) {
    for (int i = 0; i < world.block_size(); ++i) {
      if (world.block(i).partition_of().empty() == partitions) continue;
      absl::Status s = at("block", i, AddBlock(world.block(i), machine));
      if (!s.ok()) return s;
    }
  }
  for (int i = 0; i < world.node_size(); ++i) {
    const proto::Node& node = world.node(i);
    absl::StatusOr<std::optional<DevT>> dev = ParseDev(node.path(), node.dev());
    if (!dev.ok()) return at("node", i, dev.status());
    if (*dev) machine.AddNode(node.path(), **dev);
  }
  return absl::OkStatus();
}

namespace {

void SavePmem(const PmemDevice& pmem, BlockDevice& bdev, proto::Pmem* out) {
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
}

void SaveBlock(const BlockOptions& o, BlockDevice& bdev, proto::Block* out) {
  const QueueLimits limits = bdev.queue().limits();
  out->set_name(o.name);
  out->set_dev(bdev.dev().ToString());
  out->set_sectors(bdev.nr_sectors());
  out->set_partition_of(o.partition_of);
  out->set_start(o.start_sect.value());
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
}

}  // namespace

void SaveHardware(const Machine& machine, uint32_t dm_major,
                  proto::World* world) {
  world->set_kernel(machine.profile().name);
  world->set_dm_major(dm_major);
  for (BlockDevice* bdev : machine.BlockDevices()) {
    if (const PmemDevice* pmem = machine.FindPmem(bdev->name())) {
      SavePmem(*pmem, *bdev, world->add_pmem());
    } else if (const BlockOptions* o = machine.FindBlockOptions(bdev->name())) {
      SaveBlock(*o, *bdev, world->add_block());
    }
  }
  for (const auto& [path, dev] : machine.Nodes()) {
    // /dev/<disk> comes with the disk.
    BlockDevice* bdev = machine.FindBdev(dev);
    if (bdev != nullptr && path == absl::StrCat("/dev/", bdev->name())) {
      continue;
    }
    proto::Node* node = world->add_node();
    node->set_path(path);
    node->set_dev(dev.ToString());
  }
}

}  // namespace dmdax
