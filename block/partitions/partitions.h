// SPDX-License-Identifier: Apache-2.0
//
// Partitions of a disk come and go: by its own table, or by BLKPG.
//
//   RescanPartitions(machine, *sda, [&](sector_t at, absl::Span<char> out) {
//     return sda->bytes().Read(at, out).ok();
//   });                                                   // BLKRRPART
//   AddPartition(machine, *sda, 3, sector_t{2048}, 8192); // /dev/sda3
//
// Mirrors: bdev_add_partition, bdev_del_partition, bdev_resize_partition,
// bdev_disk_changed of block/partitions/core.c, disk_scan_partitions of
// block/genhd.c (6.1).
// Threading: as Machine.
#ifndef DMDAX_BLOCK_PARTITIONS_PARTITIONS_H_
#define DMDAX_BLOCK_PARTITIONS_PARTITIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/units.h"
#include "block/block_device.h"
#include "block/machine.h"

namespace dmdax {

// "sda3", "pmem0p3".
std::string PartitionName(const BlockDevice& disk, int number);

// Those of `disk`, by number.
std::vector<BlockDevice*> PartitionsOf(const Machine& machine,
                                       const BlockDevice& disk);

// EINVAL: past the end, or a disk that has none (a mapped device); EBUSY: the
// number is taken, or its sectors are.
absl::Status AddPartition(Machine& machine, BlockDevice& disk, int number,
                          sector_t start, uint64_t sectors);
// ENXIO: no such partition; EBUSY: it is open.
absl::Status DelPartition(Machine& machine, BlockDevice& disk, int number);
// ENXIO; EINVAL: it starts elsewhere; EBUSY: the sectors are taken.
absl::Status ResizePartition(Machine& machine, BlockDevice& disk, int number,
                             sector_t start, uint64_t sectors);

// Reads whole sectors of a disk; false: it could not.
using SectorReader =
    absl::FunctionRef<bool(sector_t sector, absl::Span<char> out)>;

// All partitions go, and those in the disk's table come.  EINVAL: no partitions
// are looked for on such a disk; EBUSY: one is open.
absl::Status RescanPartitions(Machine& machine, BlockDevice& disk,
                              SectorReader read);
// The same whether or not the disk says that it is not scanned.
absl::Status ScanPartitions(Machine& machine, BlockDevice& disk,
                            SectorReader read);
// Without looking for new ones.  EBUSY: one is open, and all stay.
absl::Status DropPartitions(Machine& machine, BlockDevice& disk);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_PARTITIONS_PARTITIONS_H_
