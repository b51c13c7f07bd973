// SPDX-License-Identifier: Apache-2.0
#include "block/partitions/partition_table.h"

namespace dmdax {

uint64_t GetLe(absl::Span<const char> bytes, size_t at, size_t n) {
  uint64_t value = 0;
  while (n-- > 0) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + n]);
  }
  return value;
}

bool ReadSectors(const PartitionSource& disk, uint64_t sector,
                 absl::Span<char> out) {
  const uint64_t count = out.size() / kSectorSize;
  if (count > disk.nr_sectors || sector > disk.nr_sectors - count) return false;
  return disk.read(sector_t(sector), out);
}

std::vector<PartitionEntry> ParsePartitions(const PartitionSource& disk) {
  std::vector<PartitionEntry> found;
  if (!ParseGpt(disk, &found)) {
    found.clear();
    ParseMbr(disk, &found);
  }
  return found;
}

}  // namespace dmdax
