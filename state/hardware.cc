// SPDX-License-Identifier: Apache-2.0
#include "state/hardware.h"

#include <cerrno>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/queue_sysfs.h"
#include "process/field_error.h"

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

// "." and ".." are characters that a name can have, but no names.
absl::Status CheckDiskName(const std::string& name) {
  if (name != "." && name != "..") return absl::OkStatus();
  return FieldError(
      EINVAL, "name",
      absl::StrCat("disk name '", name, "': /dev/", name, " is a directory"));
}

absl::Status CheckPartition(const proto::Block& block, const Machine& machine) {
  BlockDevice* disk = machine.FindBdevByName(block.partition_of());
  // AddBlock() has the words for no disk and for a range that wraps.
  if (disk == nullptr || !CheckedAdd(block.start(), block.sectors()) ||
      block.sectors() == 0) {
    return absl::OkStatus();
  }
  if (block.start() == 0) {
    return FieldError(EINVAL, "start",
                      absl::StrCat(block.name(),
                                   ": start 0: sector 0 of a disk is where the "
                                   "partition table begins; nearest valid "
                                   "start: 1"));
  }
  const BlockDevice* other =
      machine.FindPartition(*disk, sector_t(block.start()), block.sectors());
  if (other == nullptr) return absl::OkStatus();
  const uint64_t start = other->start_sect().value();
  return FieldError(
      EBUSY, "start",
      absl::StrCat(block.name(), ": sectors ", block.start(), " to ",
                   block.start() + block.sectors() - 1, " of ", disk->name(),
                   " overlap ", other->name(), ", ", start, " to ",
                   start + other->nr_sectors() - 1));
}

}  // namespace

absl::Status AddPmem(const proto::Pmem& pmem, Machine& machine,
                     WorldKind kind) {
  if (kind == WorldKind::kWritten) {
    if (absl::Status s = CheckDiskName(pmem.name()); !s.ok()) return s;
  }
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

absl::Status AddBlock(const proto::Block& block, Machine& machine,
                      WorldKind kind) {
  if (kind == WorldKind::kWritten) {
    absl::Status s = CheckDiskName(block.name());
    if (s.ok() && !block.partition_of().empty()) {
      s = CheckPartition(block, machine);
    }
    if (!s.ok()) return s;
  }
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

namespace {

// `s` with the place of world.<field>[i], or of what in it is to blame.
absl::Status At(const SourceMap& map, const char* field, int i,
                const absl::Status& s) {
  if (s.ok()) return s;
  std::string path = absl::StrCat(field, "[", i, "]");
  const std::string inner = FieldOf(s);
  if (!inner.empty()) absl::StrAppend(&path, ".", inner);
  return ErrnoError(ErrnoOf(s), absl::StrCat(map.Locate(path), s.message()));
}

absl::Status OtherNode(const proto::Node& node, DevT dev, DevT other) {
  return FieldError(EEXIST, "path",
                    absl::StrCat("node '", node.path(), "' of ", dev.ToString(),
                                 ": it is that of ", other.ToString()));
}

absl::Status AddNodes(const proto::World& world, Machine& machine,
                      const SourceMap& map, WorldKind kind) {
  const bool written = kind == WorldKind::kWritten;
  std::map<std::string, DevT> nodes;  // those of the disks
  if (written && world.node_size() > 0) nodes = machine.Nodes();
  std::map<std::string, int> given;
  for (int i = 0; i < world.node_size(); ++i) {
    const proto::Node& node = world.node(i);
    absl::StatusOr<std::optional<DevT>> dev = ParseDev(node.path(), node.dev());
    if (!dev.ok()) return At(map, "node", i, dev.status());
    if (written && !*dev) {
      return At(map, "node", i,
                FieldError(EINVAL, "",
                           absl::StrCat("node '", node.path(), "': no dev")));
    }
    if (!*dev) continue;
    const auto [first, is_new] = given.insert({node.path(), i});
    if (written && !is_new) {
      return At(map, "node", i,
                FieldError(EEXIST, "path",
                           absl::StrCat("node '", node.path(), "' of ",
                                        node.dev(), ": it is node[",
                                        first->second, "] already, of ",
                                        world.node(first->second).dev())));
    }
    if (auto disk = nodes.find(node.path());
        disk != nodes.end() && disk->second != **dev) {
      return At(map, "node", i, OtherNode(node, **dev, disk->second));
    }
    machine.AddNode(node.path(), **dev);
  }
  return absl::OkStatus();
}

}  // namespace

bool HasDevice(const Session& session, DevT dev) {
  return session.machine->FindBdev(dev) != nullptr ||
         (dev.major_nr == session.ctl->major() &&
          session.ctl->FindMinor(dev.minor_nr) != nullptr);
}

absl::Status CheckNodes(const proto::World& world, const Session& session,
                        const SourceMap& map) {
  if (world.node_size() == 0) return absl::OkStatus();
  const std::map<std::string, DevT> nodes = session.machine->Nodes();
  for (int i = 0; i < world.node_size(); ++i) {
    const proto::Node& node = world.node(i);
    const std::optional<DevT> dev = ScanMajorMinor(node.dev());
    if (!dev) continue;
    if (!HasDevice(session, *dev)) {
      return At(map, "node", i,
                FieldError(ENXIO, "dev",
                           absl::StrCat("node '", node.path(),
                                        "': no device has the number ",
                                        dev->ToString())));
    }
    if (auto it = nodes.find(node.path());
        it != nodes.end() && it->second != *dev) {
      return At(map, "node", i, OtherNode(node, *dev, it->second));
    }
  }
  return absl::OkStatus();
}

namespace {

absl::Status AddKey(const proto::Key& key, Machine& machine) {
  if (key.type().empty() || key.description().empty()) {
    return ErrnoError(EINVAL,
                      absl::StrCat("key '", key.type(), ":", key.description(),
                                   "': needs a type and a description"
                                   ", such as logon and disk:1"));
  }
  // user_preparse() of security/keys.
  constexpr uint64_t kMaxBytes = 32767;
  if (key.bytes() == 0 || key.bytes() > kMaxBytes) {
    return ErrnoError(
        EINVAL, absl::StrCat("key '", key.description(), "' of ", key.bytes(),
                             " bytes: must be 1 to ", kMaxBytes));
  }
  machine.keys().Add({.type = key.type(),
                      .description = key.description(),
                      .bytes = key.bytes()});
  return absl::OkStatus();
}

}  // namespace

absl::Status AddHardware(const proto::World& world, Machine& machine,
                         const SourceMap& map, WorldKind kind) {
  for (int i = 0; i < world.key_size(); ++i) {
    absl::Status s = At(map, "key", i, AddKey(world.key(i), machine));
    if (!s.ok()) return s;
  }
  for (int i = 0; i < world.pmem_size(); ++i) {
    absl::Status s = At(map, "pmem", i, AddPmem(world.pmem(i), machine, kind));
    if (!s.ok()) return s;
  }
  // Disks before their partitions, in whatever order they are listed.
  for (bool partitions : {false, true}) {
    for (int i = 0; i < world.block_size(); ++i) {
      if (world.block(i).partition_of().empty() == partitions) continue;
      absl::Status s =
          At(map, "block", i, AddBlock(world.block(i), machine, kind));
      if (!s.ok()) return s;
    }
  }
  return AddNodes(world, machine, map, kind);
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
  for (BlockDevice* bdev : machine.LoadedBlockDevices()) {
    if (const PmemDevice* pmem = machine.FindPmem(bdev->name())) {
      SavePmem(*pmem, *bdev, world->add_pmem());
    } else if (const BlockOptions* o = machine.FindBlockOptions(bdev->name())) {
      SaveBlock(*o, *bdev, world->add_block());
    }
  }
  for (const Key& key : machine.keys().All()) {
    proto::Key* out = world->add_key();
    out->set_type(key.type);
    out->set_description(key.description);
    out->set_bytes(key.bytes);
  }
  for (const auto& [path, dev] : machine.LoadedNodes()) {
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
