// SPDX-License-Identifier: Apache-2.0
#include "block/partitions/partitions.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "block/partitions/partition_table.h"

namespace dmdax {
namespace {

constexpr uint32_t kScsiDiskMajor = 8;
constexpr uint32_t kScsiMinors = 16;

absl::Status NoPartition(const BlockDevice& disk, int number) {
  return ErrnoError(ENXIO,
                    absl::StrCat(disk.name(), " has no partition ", number));
}

// GENHD_FL_NO_PART: a mapped device has none, whatever it holds.
absl::Status CheckDisk(const BlockDevice& disk) {
  if (disk.fops() == nullptr && !disk.is_partition()) return absl::OkStatus();
  return ErrnoError(EINVAL,
                    absl::StrCat(disk.name(), " can not have partitions"));
}

BlockDevice* Find(const Machine& machine, const BlockDevice& disk, int number) {
  BlockDevice* part = machine.FindBdevByName(PartitionName(disk, number));
  return part != nullptr && part->is_partition() && &part->whole() == &disk
             ? part
             : nullptr;
}

}  // namespace

std::string PartitionName(const BlockDevice& disk, int number) {
  const bool digit =
      absl::ascii_isdigit(static_cast<unsigned char>(disk.name().back()));
  return absl::StrCat(disk.name(), digit ? "p" : "", number);
}

std::vector<BlockDevice*> PartitionsOf(const Machine& machine,
                                       const BlockDevice& disk) {
  std::vector<BlockDevice*> parts;
  for (BlockDevice* bdev : machine.BlockDevices()) {
    if (bdev->is_partition() && &bdev->whole() == &disk) parts.push_back(bdev);
  }
  return parts;
}

absl::Status AddPartition(Machine& machine, BlockDevice& disk, int number,
                          sector_t start, uint64_t sectors) {
  if (absl::Status s = CheckDisk(disk); !s.ok()) return s;
  const uint64_t capacity = disk.nr_sectors();
  if (start.value() >= capacity || sectors > capacity - start.value() ||
      number >= kMostPartitions) {
    return ErrnoError(
        EINVAL,
        absl::StrCat("partition ", number, ", ", start.value(), " + ", sectors,
                     " sectors: ", disk.name(), " has ", capacity));
  }
  const BlockDevice* other = machine.FindPartition(disk, start, sectors);
  if (other != nullptr || Find(machine, disk, number) != nullptr) {
    return ErrnoError(
        EBUSY, absl::StrCat("partition ", number, " of ", disk.name(),
                            other != nullptr ? " overlaps " : " is there",
                            other != nullptr ? other->name() : ""));
  }
  BlockOptions options;
  options.name = PartitionName(disk, number);
  options.nr_sectors = sectors;
  options.partition_of = disk.name();
  options.start_sect = start;
  if (disk.dev().major_nr == kScsiDiskMajor &&
      static_cast<uint32_t>(number) < kScsiMinors) {
    options.dev = DevT{disk.dev().major_nr,
                       disk.dev().minor_nr + static_cast<uint32_t>(number)};
  }
  return machine.AddBlock(options).status();
}

absl::Status DelPartition(Machine& machine, BlockDevice& disk, int number) {
  BlockDevice* part = Find(machine, disk, number);
  if (part == nullptr) return NoPartition(disk, number);
  return machine.Remove(part->name());
}

absl::Status ResizePartition(Machine& machine, BlockDevice& disk, int number,
                             sector_t start, uint64_t sectors) {
  BlockDevice* part = Find(machine, disk, number);
  if (part == nullptr) return NoPartition(disk, number);
  if (start != part->start_sect()) {
    return ErrnoError(EINVAL, absl::StrCat(part->name(), " starts at ",
                                           part->start_sect().value(), ", not ",
                                           start.value()));
  }
  for (const BlockDevice* other : PartitionsOf(machine, disk)) {
    const uint64_t at = other->start_sect().value();
    if (other != part && at < start.value() + sectors &&
        start.value() < at + other->nr_sectors()) {
      return ErrnoError(EBUSY, absl::StrCat("that overlaps ", other->name()));
    }
  }
  machine.SetBlockCapacity(*part, sectors);
  return absl::OkStatus();
}

absl::Status DropPartitions(Machine& machine, BlockDevice& disk) {
  const std::vector<BlockDevice*> parts = PartitionsOf(machine, disk);
  for (const BlockDevice* part : parts) {
    if (part->openers() > 0) {
      return ErrnoError(EBUSY, absl::StrCat(part->name(), " is in use"));
    }
  }
  for (const BlockDevice* part : parts) {
    const std::string name = part->name();
    if (absl::Status s = machine.Remove(name); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status RescanPartitions(Machine& machine, BlockDevice& disk,
                              SectorReader read) {
  if (disk.suppress_part_scan()) {
    return ErrnoError(EINVAL, absl::StrCat(disk.name(), " is not scanned"));
  }
  return ScanPartitions(machine, disk, read);
}

absl::Status ScanPartitions(Machine& machine, BlockDevice& disk,
                            SectorReader read) {
  if (absl::Status s = CheckDisk(disk); !s.ok()) return s;
  if (absl::Status s = DropPartitions(machine, disk); !s.ok()) return s;
  const uint64_t capacity = disk.nr_sectors();
  const std::vector<PartitionEntry> table = ParsePartitions(
      {capacity, disk.queue().limits().logical_block_size, read});
  for (const PartitionEntry& entry : table) {
    // blk_add_partition(): what lies past the end is left out or cut.
    if (entry.sectors == 0 || entry.start >= capacity) continue;
    const uint64_t sectors = std::min(entry.sectors, capacity - entry.start);
    // One that overlaps another has no place.
    (void)AddPartition(machine, disk, entry.number, sector_t(entry.start),
                       sectors);
  }
  return absl::OkStatus();
}

}  // namespace dmdax
