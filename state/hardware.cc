// SPDX-License-Identifier: Apache-2.0
#include "state/hardware.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/nearest.h"
#include "block/queue_sysfs.h"
#include "block/read_ahead.h"
#include "dm/bio_map.h"
#include "process/field_error.h"
#include "state/nodes.h"

namespace dmdax {
namespace {

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
  UpdateReadAhead(profile, bdev.queue());
  if (queue.max_sectors_kb()) {
    absl::Status s =
        QueueMaxSectorsStore(bdev, queue.max_sectors_kb(), profile);
    if (!s.ok()) return s;
  }
  if (queue.has_read_ahead_kb()) {
    SetReadAheadKb(bdev.queue(), queue.read_ahead_kb());
  }
  return absl::OkStatus();
}

// Bytes that are also memory, for DAX to point to.
absl::Status FillMemory(BlockDevice& bdev) {
  DaxDevice* const dax_dev = bdev.host_dax_dev();
  if (dax_dev == nullptr) return absl::OkStatus();
  // A file that is not there has no pages.
  if (absl::Status s = bdev.bytes().Read(sector_t{0}, {}); !s.ok()) return s;
  for (const auto& [index, content] : bdev.bytes().Pages()) {
    const DaxAccess page = DaxDirectAccess(dax_dev, pgoff_t(index), 1,
                                           DaxAccessMode::kAccess, nullptr);
    if (page.ret < 1 || page.kaddr == nullptr) continue;
    memcpy(page.kaddr, content.data(), content.size());
  }
  return absl::OkStatus();
}

// What a snapshot says that the disk holds.
absl::Status RestoreBytes(const proto::DiskRuntime& in, const Machine& machine,
                          BlockDevice& bdev) {
  if (!in.file().empty()) {
    if (machine.disk_files() == nullptr) {
      return ErrnoError(EINVAL,
                        absl::StrCat(bdev.name(), ": '", in.file(),
                                     "', which has its bytes, is a file of a "
                                     "state directory, and this is none"));
    }
    bdev.bytes().UseKept(in.file(), in.file_length());
    const PmemDevice* const pmem = machine.FindPmem(bdev.name());
    const bool in_memory =
        pmem != nullptr && pmem->options().backing == PmemBacking::kAnonymous;
    return in_memory ? FillMemory(bdev) : absl::OkStatus();
  }
  for (const proto::DiskPage& page : in.page()) {
    const std::string& content = page.content();
    if (content.size() != kPageSize) {
      return ErrnoError(
          EINVAL, absl::StrCat(bdev.name(), ": page ", page.index(), " has ",
                               content.size(), " bytes"));
    }
    const uint64_t first = page.index() * kPageSectors;
    // The last page of a disk may be cut short.
    const uint64_t left =
        bdev.nr_sectors() - std::min(first, bdev.nr_sectors());
    absl::Status s = BioWrite(
        bdev, sector_t(first),
        absl::MakeSpan(content.data(), std::min<uint64_t>(kPageSectors, left)
                                           << kSectorShift));
    if (!s.ok()) return s;
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

// Names that have characters a name can have, but are taken.
absl::Status CheckDiskName(const std::string& name) {
  if (name == "." || name == ".." || name == "mapper") {
    return FieldError(
        EINVAL, "name",
        absl::StrCat("disk name '", name, "': /dev/", name, " is a directory"));
  }
  if (absl::StartsWith(name, "dm-")) {
    return FieldError(EINVAL, "name",
                      absl::StrCat("a disk can not be called '", name,
                                   "': that is a mapped device"));
  }
  return absl::OkStatus();
}

absl::Status CheckDisk(const proto::Block& block) {
  if (block.start() != 0) {
    return FieldError(EINVAL, "start",
                      absl::StrCat(block.name(), ": start ", block.start(),
                                   ", but partition_of is not given"));
  }
  const uint64_t logical =
      std::max<uint64_t>(block.logical_block_size(), kSectorSize);
  if (block.physical_block_size() != 0 &&
      block.physical_block_size() < logical) {
    return FieldError(EINVAL, "physical_block_size",
                      absl::StrCat(block.name(), ": physical_block_size ",
                                   block.physical_block_size(),
                                   " is smaller than a logical "
                                   "block, ",
                                   logical));
  }
  const uint64_t unit = logical / kSectorSize;
  if (block.sectors() % unit == 0) return absl::OkStatus();
  return FieldError(
      EINVAL, "sectors",
      absl::StrCat(block.name(), ": sectors ", block.sectors(),
                   ": logical blocks have ", unit, "; ",
                   NearestMultiples(block.sectors(), unit, unit)));
}

absl::Status CheckPartition(const proto::Block& block, const Machine& machine) {
  BlockDevice* disk = machine.FindBdevByName(block.partition_of());
  // AddBlock() has the words for no disk and for a range that wraps.
  if (disk == nullptr || !CheckedAdd(block.start(), block.sectors()) ||
      block.sectors() == 0) {
    return absl::OkStatus();
  }
  // Of a mapped device the kernel makes none either (GENHD_FL_NO_PART).
  if (machine.FindPmem(disk->name()) == nullptr &&
      machine.FindBlockOptions(disk->name()) == nullptr) {
    return FieldError(
        EINVAL, "partition_of",
        absl::StrCat(block.name(), ": ", disk->name(),
                     " is a mapped device, which has no partitions; a linear "
                     "one over its range is what kpartx makes"));
  }
  if (block.start() == 0) {
    return FieldError(EINVAL, "start",
                      absl::StrCat(block.name(),
                                   ": start 0: sector 0 of a disk is where the "
                                   "partition table begins; nearest valid "
                                   "start: 1"));
  }
  const QueueLimits& limits = disk->queue().limits();
  for (const auto& [field, given, has] :
       {std::tuple("logical_block_size", block.logical_block_size(),
                   limits.logical_block_size),
        std::tuple("physical_block_size", block.physical_block_size(),
                   limits.physical_block_size)}) {
    if (given == 0 || given == has) continue;
    return FieldError(
        EINVAL, field,
        absl::StrCat(block.name(), ": ", field, " ", given, ": ", disk->name(),
                     " has ", has, ", and a partition has its disk's"));
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
    // The next command may be given in another directory; and a machine whose
    // file has gone still answers.
    options.file =
        kind == WorldKind::kWritten
            ? std::filesystem::absolute(pmem.file()).lexically_normal().string()
            : pmem.file();
    options.file_may_be_gone = kind == WorldKind::kSnapshot;
  }
  absl::StatusOr<BlockDevice*> bdev = machine.AddPmem(
      options, *dev,
      pmem.logical_block_size() ? pmem.logical_block_size() : 512);
  if (!bdev.ok()) return bdev.status();
  if (kind == WorldKind::kSnapshot) {
    absl::Status s = RestoreBytes(pmem.runtime(), machine, **bdev);
    if (!s.ok()) return s;
  }
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
  if (pmem.read_only()) (*bdev)->BlkRoSet(true, machine.profile());
  return ApplyQueue(pmem.queue(), **bdev, machine.profile());
}

void SetUnmodelled(const proto::Unmodelled& in, BlockDevice& bdev) {
  bdev.set_unmodelled({.driver = in.driver(),
                       .devices = {in.device().begin(), in.device().end()},
                       .why = in.why()});
}

absl::Status AddBlock(const proto::Block& block, Machine& machine,
                      WorldKind kind) {
  if (kind == WorldKind::kWritten) {
    absl::Status s = CheckDiskName(block.name());
    if (s.ok()) {
      s = block.partition_of().empty() ? CheckDisk(block)
                                       : CheckPartition(block, machine);
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
  constexpr uint32_t kLoopMajor = 7;
  options.empty = block.sectors() == 0 && block.partition_of().empty() &&
                  *dev && (*dev)->major_nr == kLoopMajor;
  if (kind == WorldKind::kSnapshot && block.runtime().has_loop()) {
    const proto::LoopFile& file = block.runtime().loop();
    options.loop = LoopBacking{file.path(), file.offset(), file.sizelimit(),
                               file.flags(), file.name()};
  }
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
  if (block.read_only()) (*bdev)->BlkRoSet(true, machine.profile());
  if (!block.partition_of().empty()) return absl::OkStatus();
  if (block.has_unmodelled()) SetUnmodelled(block.unmodelled(), **bdev);
  if (kind == WorldKind::kSnapshot) {
    absl::Status s = RestoreBytes(block.runtime(), machine, **bdev);
    if (!s.ok()) return s;
  }
  return ApplyQueue(block.queue(), **bdev, machine.profile());
}

namespace {

absl::Status AddKey(const proto::World& world, int i, Machine& machine) {
  const proto::Key& key = world.key(i);
  if (key.type().empty() || key.description().empty()) {
    return ErrnoError(EINVAL,
                      absl::StrCat("key '", key.type(), ":", key.description(),
                                   "': needs a type and a description"
                                   ", such as logon and disk:1"));
  }
  // add_key(2): what it has room for, without the NUL.
  constexpr size_t kMaxType = 31, kMaxDescription = 4095;
  if (key.type().size() > kMaxType ||
      key.description().size() > kMaxDescription) {
    return ErrnoError(
        EINVAL,
        absl::StrCat("a key with a type of ", key.type().size(),
                     " bytes and a description of ", key.description().size(),
                     ": at most ", kMaxType, " and ", kMaxDescription));
  }
  // logon_vet_description().
  const size_t colon = key.description().find(':');
  if (key.type() == "logon" && (colon == std::string::npos || colon == 0)) {
    return ErrnoError(EINVAL, absl::StrCat("key 'logon:", key.description(),
                                           "': the description is CLASS:NAME"));
  }
  // user_preparse() of security/keys.
  constexpr uint64_t kMaxBytes = 32767;
  if (key.bytes() == 0 || key.bytes() > kMaxBytes) {
    return ErrnoError(
        EINVAL, absl::StrCat("key '", key.description(), "' of ", key.bytes(),
                             " bytes: must be 1 to ", kMaxBytes));
  }
  // add_key(2) would replace the first.
  if (machine.keys().Find(key.type(), key.description())) {
    for (int first = 0; first < world.key_size(); ++first) {
      if (world.key(first).type() != key.type() ||
          world.key(first).description() != key.description()) {
        continue;
      }
      return ErrnoError(
          EEXIST, absl::StrCat("key '", key.type(), ":", key.description(),
                               "' is key[", first, "]"));
    }
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
    absl::Status s =
        ErrorAt(map, absl::StrCat("key[", i, "]"), AddKey(world, i, machine));
    if (!s.ok()) return s;
  }
  for (int i = 0; i < world.pmem_size(); ++i) {
    absl::Status s = ErrorAt(map, absl::StrCat("pmem[", i, "]"),
                             AddPmem(world.pmem(i), machine, kind));
    if (!s.ok()) return s;
  }
  // Disks before their partitions, in whatever order they are listed.
  for (bool partitions : {false, true}) {
    for (int i = 0; i < world.block_size(); ++i) {
      if (world.block(i).partition_of().empty() == partitions) continue;
      absl::Status s = ErrorAt(map, absl::StrCat("block[", i, "]"),
                               AddBlock(world.block(i), machine, kind));
      if (!s.ok()) return s;
    }
  }
  return AddNodes(world, machine, map, kind);
}

}  // namespace dmdax
