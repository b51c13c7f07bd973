// SPDX-License-Identifier: Apache-2.0
//
// The partition table of a PC's master boot record.
#include <algorithm>
#include <cstring>

#include "block/partitions/partition_table.h"

namespace dmdax {
namespace {

constexpr int kEntries = 4;
constexpr int kFirstLogical = 5;

struct Entry {
  unsigned boot, type;
  uint64_t start, sectors;  // logical blocks
};

Entry EntryOf(absl::Span<const char> sector, int i) {
  const size_t at = 446 + 16 * static_cast<size_t>(i);
  return {static_cast<unsigned>(GetLe(sector, at, 1)),
          static_cast<unsigned>(GetLe(sector, at + 4, 1)),
          GetLe(sector, at + 8, 4), GetLe(sector, at + 12, 4)};
}

bool HasMagic(absl::Span<const char> sector) {
  return GetLe(sector, 510, 2) == 0xaa55;
}

// DOS, Windows and Linux each have a number for it.
bool IsExtended(const Entry& entry) {
  return entry.type == 0x05 || entry.type == 0x0f || entry.type == 0x85;
}

// parse_extended(): each table names one logical partition, and the next table.
void ParseExtended(const PartitionSource& disk, uint64_t first,
                   uint64_t first_size, std::vector<PartitionEntry>* found) {
  const uint64_t unit = disk.logical_block_size / kSectorSize;
  uint64_t table = first, table_size = first_size;
  int next = kFirstLogical;
  // Tables may lead in a circle.
  for (int empty_tables = 0; empty_tables <= 100; ++empty_tables) {
    if (next == kMostPartitions) return;
    std::vector<char> sector(kSectorSize);
    if (!ReadSectors(disk, table, absl::MakeSpan(sector)) ||
        !HasMagic(sector)) {
      return;
    }
    for (int i = 0; i < kEntries; ++i) {
      const Entry entry = EntryOf(sector, i);
      const uint64_t offset = entry.start * unit, size = entry.sectors * unit;
      if (size == 0 || IsExtended(entry)) continue;
      const uint64_t start = table + offset;
      // The last two entries are used by nobody, but for OS/2.
      if (i >= 2 && (offset + size > table_size || start < first ||
                     start + size > first + first_size)) {
        continue;
      }
      found->push_back({next, start, size});
      empty_tables = 0;
      if (++next == kMostPartitions) return;
    }
    int link = 0;
    while (link < kEntries && (!IsExtended(EntryOf(sector, link)) ||
                               EntryOf(sector, link).sectors == 0)) {
      ++link;
    }
    if (link == kEntries) return;
    table = first + EntryOf(sector, link).start * unit;
    table_size = EntryOf(sector, link).sectors * unit;
  }
}

// A file system's boot sector looks like a table, but for its flags.
bool LooksLikeTable(absl::Span<const char> sector) {
  for (int i = 0; i < kEntries; ++i) {
    if ((EntryOf(sector, i).boot & 0x7f) != 0) return false;
  }
  return true;
}

}  // namespace

bool ParseMbr(const PartitionSource& disk, std::vector<PartitionEntry>* found) {
  std::vector<char> sector(kSectorSize);
  constexpr char kAix[] = {'\xc9', '\xc2', '\xd4', '\xc1'};
  if (!ReadSectors(disk, 0, absl::MakeSpan(sector)) || !HasMagic(sector) ||
      std::equal(std::begin(kAix), std::end(kAix), sector.begin()) ||
      !LooksLikeTable(sector)) {
    return false;
  }
  for (int i = 0; i < kEntries; ++i) {
    // It guards a GPT, which is no good.
    if (EntryOf(sector, i).type == 0xee) return false;
  }
  const uint64_t unit = disk.logical_block_size / kSectorSize;
  for (int i = 0; i < kEntries; ++i) {
    const Entry entry = EntryOf(sector, i);
    if (entry.sectors == 0) continue;
    const uint64_t start = entry.start * unit, size = entry.sectors * unit;
    if (!IsExtended(entry)) {
      found->push_back({i + 1, start, size});
      continue;
    }
    // Room for a boot loader, and for no file system.
    found->push_back(
        {i + 1, start, std::min(size, std::max<uint64_t>(unit, 2))});
    ParseExtended(disk, start, size, found);
  }
  return true;
}

}  // namespace dmdax
