// SPDX-License-Identifier: Apache-2.0
//
// ParsePartitions: the partitions that a disk's first and last sectors name.
//
//   std::vector<PartitionEntry> found = ParsePartitions(table);
//   found[0].start;  // 2048: sectors of 512 bytes
//
// GPT is looked for first, then the MBR with its logical partitions, as the
// kernel does; anything else is no table.  Whatever the sectors hold, entries
// are only reported; what lies past the end of the disk is for the caller.
//
// Mirrors: block/partitions/core.c check_partition, efi.c, msdos.c (6.1),
// without the tables that other systems keep inside a partition (BSD, Solaris).
// Threading: none.
#ifndef DMDAX_BLOCK_PARTITIONS_PARTITION_TABLE_H_
#define DMDAX_BLOCK_PARTITIONS_PARTITION_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/units.h"

namespace dmdax {

struct PartitionEntry {
  int number;  // from 1
  uint64_t start;
  uint64_t sectors;
  friend bool operator==(const PartitionEntry&,
                         const PartitionEntry&) = default;
};

struct PartitionSource {
  uint64_t nr_sectors;
  uint32_t logical_block_size;  // bytes
  // Reads whole sectors that lie on the disk; false: it could not.
  absl::FunctionRef<bool(sector_t sector, absl::Span<char> out)> read;
};

// Partitions of one disk have minors up to this.
inline constexpr int kMostPartitions = 256;  // DISK_MAX_PARTS

std::vector<PartitionEntry> ParsePartitions(const PartitionSource& disk);

// efi_partition(), msdos_partition(): false, it is no such table.
bool ParseGpt(const PartitionSource& disk, std::vector<PartitionEntry>* found);
bool ParseMbr(const PartitionSource& disk, std::vector<PartitionEntry>* found);

// Reads sectors, those past the end included, which it can not.
bool ReadSectors(const PartitionSource& disk, uint64_t sector,
                 absl::Span<char> out);
// A little-endian number of `n` bytes.
uint64_t GetLe(absl::Span<const char> bytes, size_t at, size_t n);

}  // namespace dmdax

#endif  // DMDAX_BLOCK_PARTITIONS_PARTITION_TABLE_H_
